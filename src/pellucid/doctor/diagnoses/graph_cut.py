"""A detach, item, numpy round trip or no_grad cuts the gradient on its way."""

from __future__ import annotations

import torch
from torch import Tensor

from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import script
from pellucid.doctor.diagnosis import PROCEDURE, Diagnosis
from pellucid.doctor.effect import Change, itself
from pellucid.doctor.finding import Finding
from pellucid.doctor.judged import answers_of
from pellucid.watch.trace import Trace

DETACHES = (Tensor.detach, torch.detach)
BODY = """\
class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(12, 32), nn.Linear(32, 3)

    def forward(self, x):
        return self.second(functional.relu(self.first(x)){})


network = Network()"""


class GraphCut(Diagnosis):
    """A detach, item, numpy round trip or no_grad cuts the gradient on its way."""

    HELPS = 0.8
    """The loss without the cut, as a share of the loss with it."""
    LOOKS = 3  # steps that were looked at, in all of which it must be so
    GROUP = PROCEDURE
    SICK = script(network=BODY.format(".detach()"))
    HEALTHY = script(network=BODY.format(""))

    def find(self, trace: Trace) -> Finding | None:
        looked = trace.steps[: self.LOOKS]
        if len(looked) < self.LOOKS:
            return None
        always = set.intersection(*(set(step.without) for step in looked))
        if not always or not any(step.with_gradient for step in looked):
            return None
        return self.proven(
            looked[0].line,
            [f"{', '.join(sorted(always)[:4])}: in the optimiser, part of the forward pass, and "
             f"without any gradient in the first {self.LOOKS} steps."],
            "look between this layer and the loss for detach(), .data, item(), numpy() or no_grad",
            parameters=sorted(always),
        )  # fmt: skip

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        """A detach inside the network, without which it learns what it does not learn with it."""
        if bench.is_game or bench.standing().trivial is None or not _cuts(bench):
            return None
        change = Change(calls=dict.fromkeys(DETACHES, itself))
        effect = bench.cure(change, self.HELPS) or bench.late(change)
        if effect is None:
            return None
        return self.confirmed(
            trace, bench, effect,
            ["Inside the network a result that weights have gone into is detached.",
             effect.sentence("nothing detached inside the network")],
            "leave the detach() out, unless the gradient is meant to end there",
        )  # fmt: skip


def _cuts(bench: Bench) -> int:
    """How often the network detaches what has a gradient in one pass."""
    found: list[Tensor] = []

    def note(x: Tensor) -> Tensor:
        found.extend([x] * x.requires_grad)
        return x.detach()

    calls = dict.fromkeys(DETACHES, note)
    with torch.random.fork_rng():
        answers_of(bench.first(), bench.batches[0], Change(calls=calls))
    return len(found)


DIAGNOSIS = GraphCut
