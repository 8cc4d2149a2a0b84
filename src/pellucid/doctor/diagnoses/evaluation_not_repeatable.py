"""Evaluating twice differs, or evaluating changes the network."""

from __future__ import annotations

import re
from itertools import pairwise

from pellucid.doctor.cases import script
from pellucid.doctor.diagnosis import PROCEDURE, Diagnosis
from pellucid.doctor.finding import Finding
from pellucid.watch.trace import Pass, Trace

BODY = """\
class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(12, 32), nn.Linear(32, 3)

    def forward(self, x):
        return self.second(functional.dropout(functional.relu(self.first(x)), 0.3{}))


network = Network()"""
EVALUATES = re.compile(r"^_*(test|eval|valid)", re.IGNORECASE)


class EvaluationNotRepeatable(Diagnosis):
    """Evaluating twice differs, or evaluating changes the network."""

    GROUP = PROCEDURE
    HURTS_LEARNING = False
    EXPLAINS = ("within-noise", "samples-mixed")
    STEPS = 2  # one step alone may be a trial of the loop
    SICK = script(network=BODY.format(""))
    HEALTHY = script(network=BODY.format(", self.training"))

    def find(self, trace: Trace) -> Finding | None:
        return self._differs(trace) or self._learns(trace)

    def _differs(self, trace: Trace) -> Finding | None:
        for again in trace.repeated:
            if not again.training and again.differed and again.dropped_by_default is not None:
                return self.proven(
                    again.dropped_by_default,
                    [f"In eval mode the same batch was put to a copy twice, and {again.differed} "
                     f"of {again.examples} answers differed: the function dropout drops always, "
                     "unless it is told the mode."],
                    "write functional.dropout(x, p, self.training), or use nn.Dropout",
                    examples=again.examples, differed=again.differed,
                )  # fmt: skip
        return None

    def _learns(self, trace: Trace) -> Finding | None:
        """Steps of the optimiser in what calls itself an evaluation, beside a training."""
        learnt = [a for a, b in pairwise(trace.passes) if a.with_graph and b.step > a.step]
        evaluating = [entry for entry in learnt if _is_evaluation(entry)]
        if len(evaluating) < self.STEPS or 2 * len(evaluating) > len(learnt):
            return None
        return self.proven(
            evaluating[0].line,
            [f"{len(evaluating)} of {len(learnt)} steps of the optimiser followed a pass in "
             f"{evaluating[0].line.function if evaluating[0].line else ''}(): the evaluation "
             "trains on its data."],
            "evaluate under torch.no_grad(), without backward() and step()",
            steps=len(evaluating),
        )  # fmt: skip


def _is_evaluation(entry: Pass) -> bool:
    return entry.line is not None and bool(EVALUATES.search(entry.line.function))


DIAGNOSIS = EvaluationNotRepeatable
