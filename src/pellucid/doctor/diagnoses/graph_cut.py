"""A detach, item, numpy round trip or no_grad cuts the gradient on its way."""

from __future__ import annotations

from pellucid.doctor.cases import script
from pellucid.doctor.diagnosis import PROCEDURE, Diagnosis
from pellucid.doctor.finding import Finding
from pellucid.watch.trace import Trace

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


DIAGNOSIS = GraphCut
