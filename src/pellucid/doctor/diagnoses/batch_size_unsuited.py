"""Far too few or far too noisy updates for the data that were gone through."""

from __future__ import annotations

from dataclasses import replace

from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import NETWORK, long_script
from pellucid.doctor.diagnosis import OPTIMISATION, Diagnosis
from pellucid.doctor.effect import Change, Effect
from pellucid.doctor.finding import SUGGESTION, Finding
from pellucid.watch.trace import Trace

PLAIN = NETWORK.replace("nn.Dropout(0.5), ", "")


class BatchSizeUnsuited(Diagnosis):
    """Far too few or far too noisy updates for the data that were gone through."""

    GROUP = OPTIMISATION
    COST = 1
    EXPLAINS = ("learning-rate-too-low", "stopped-too-early")
    FEW = 200
    """Updates in all: with fewer, smaller batches are tried."""
    PARTS = 8
    HELPS = 0.8
    FALLS = 0.1
    """How much further the loss falls, as a share of its fall, where its floor is not known."""
    SICK = long_script(network=PLAIN, optimiser="torch.optim.Adam(network.parameters(), lr=0.003)")
    SICK = SICK.replace("train(120)", "train(14)").replace(
        "torch.randint(0, 192, (32,))", "torch.arange(192)"
    )
    HEALTHY = long_script()

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        """The same examples in smaller batches, and so in more updates."""
        size = bench.batches[0].size
        if len(trace.steps) >= self.FEW or size < 8 * self.PARTS or bench.standing().is_good:
            return None
        change, standing = Change(parts=self.PARTS), bench.standing()
        effect = bench.cure(change, self.HELPS, learnt=1)
        if effect is None and not standing.knows_floor:
            tried = bench.effect(change)
            reached = Effect((bench.reached(),) * len(tried.changed), tried.changed)
            falls = all(one.falls_on_by(self.FALLS, standing.first) for one in (tried, reached))
            effect = tried if falls else None
        if effect is None:
            return None
        found = self.confirmed(
            trace, bench, effect,
            [f"{len(trace.steps)} updates were made in all, of {size} examples each.",
             effect.sentence(f"each batch cut into {self.PARTS}, an update for each")],
            f"use batches of about {size // self.PARTS}", batch=size,
        )  # fmt: skip
        return replace(found, kind=SUGGESTION)


DIAGNOSIS = BatchSizeUnsuited
