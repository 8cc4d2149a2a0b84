"""The training ended while it was still getting better fast."""

from __future__ import annotations

from dataclasses import replace

from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import NETWORK, script
from pellucid.doctor.diagnosis import AFTER, Diagnosis
from pellucid.doctor.finding import SUGGESTION, Finding
from pellucid.watch.trace import Trace

PLAIN = NETWORK.replace("nn.Dropout(0.5), ", "")


class StoppedTooEarly(Diagnosis):
    """The training ended while it was still getting better fast."""

    GROUP = AFTER
    IN_GAMES = True
    SHORT = 100
    """Steps in all; with fewer, thirds of them say too little about whether the loss falls."""
    HELPS = 0.8
    NEARLY_ALL = 0.97
    """Examples that are right, of which no more is asked, however short the run."""
    FALLS = 0.05
    """How much further the loss falls, as a share of its fall, where its floor is not known; half
    as much is enough where it has not come below the trivial answer's."""
    SICK = script(network=PLAIN, optimiser="torch.optim.Adam(network.parameters(), lr=0.01)")
    SICK = SICK.replace("train(30)", "train(10)")
    HEALTHY = SICK.replace("train(10)", "train(300)")

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        standing = bench.standing()
        is_short = len(trace.steps) < self.SHORT
        worth = standing.right is None or standing.right < self.NEARLY_ALL
        if not (worth if is_short else standing.improving and not standing.is_good):
            return None
        effect = bench.further()
        share = self.FALLS / 2 if standing.is_stuck else self.FALLS
        falls = not standing.knows_floor and effect.falls_on_by(share, standing.first)
        if not (falls or effect.lowers_loss_to(self.HELPS)):
            return None
        steps = len(effect.changed[0].losses)
        found = self.confirmed(
            trace, bench, effect,
            [f"{len(trace.steps)} steps came to a loss of {effect.before:.4g}; {steps} more of the "
             f"same, on a copy, to {effect.after:.4g}."],
            "train for more steps", steps=len(trace.steps), more=steps,
        )  # fmt: skip
        return replace(found, kind=SUGGESTION)


DIAGNOSIS = StoppedTooEarly
