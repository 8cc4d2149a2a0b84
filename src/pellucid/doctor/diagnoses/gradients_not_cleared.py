"""Each step adds the gradients of the steps before it."""

from __future__ import annotations

from pellucid.doctor.cases import STEP, script
from pellucid.doctor.diagnosis import PROCEDURE, Diagnosis, by_line
from pellucid.doctor.finding import Finding
from pellucid.watch.trace import Step, Trace


class GradientsNotCleared(Diagnosis):
    """Each step adds the gradients of the steps before it."""

    STEPS = 3  # in a row; accumulation on purpose never uses a gradient twice
    EXPLAINS = ("exploding-gradients", "learning-rate-too-high", "non-finite-values")
    GROUP = PROCEDURE
    SICK = script(step=STEP.replace("optimiser.zero_grad()\n", ""))
    HEALTHY = script(
        step=STEP.replace("optimiser.zero_grad()\n", "").replace(
            "optimiser.step()", "if step % 3 == 2:\n    optimiser.step()\n    optimiser.zero_grad()"
        )
    )

    def find(self, trace: Trace) -> Finding | None:
        found = (self._in_a_row(own) for own in by_line(trace.steps))
        return next(filter(None, found), None)

    def _in_a_row(self, steps: list[Step]) -> Finding | None:
        row = 0
        for step in steps:
            row = row + 1 if step.reused else 0
            if row == self.STEPS:
                total = sum(bool(later.reused) for later in steps)
                return self.proven(
                    step.line,
                    [f"{total} of {len(steps)} steps used gradients that still held those of "
                     f"earlier steps ({step.reused} parameters here)."],
                    "call optimiser.zero_grad() before each backward pass", steps=total,
                )  # fmt: skip
        return None


DIAGNOSIS = GradientsNotCleared
