"""Training runs with dropout and batch norm switched off."""

from __future__ import annotations

from pellucid.doctor.cases import STEP, script
from pellucid.doctor.diagnosis import PROCEDURE, Diagnosis
from pellucid.doctor.finding import Finding
from pellucid.watch.trace import Trace


class TrainedInEvalMode(Diagnosis):
    """Training runs with dropout and batch norm switched off."""

    PASSES = 20  # in a row: about the length of a shortest epoch
    GROUP = PROCEDURE
    SICK = script(step=STEP.replace("network.train()", "network.eval()"))
    HEALTHY = script()

    def find(self, trace: Trace) -> Finding | None:
        learnt = {call.model for call in trace.losses if call.with_graph}
        row = 0
        for entry in trace.passes:
            model = trace.models[entry.model]
            if not entry.with_graph or entry.model not in learnt:
                continue
            sleeping = not entry.training and not entry.dropping and not entry.norming
            row = row + 1 if sleeping and (model.dropouts or model.norms) else 0
            if row == self.PASSES:
                parts = [f"{model.dropouts} dropout layers"] if model.dropouts else []
                parts += [f"{model.norms} batch norms"] if model.norms else []
                return self.proven(
                    entry.line,
                    [f"{self.PASSES} passes in a row were learnt from in eval mode, with "
                     f"{' and '.join(parts)} switched off."],
                    "call model.train() before the training loop, and again after each evaluation",
                    passes=self.PASSES,
                )  # fmt: skip
        return None


DIAGNOSIS = TrainedInEvalMode
