"""No step reaches the weights."""

from __future__ import annotations

from pellucid.doctor.cases import STEP, script
from pellucid.doctor.diagnosis import PROCEDURE, Diagnosis, by_line
from pellucid.doctor.finding import Finding
from pellucid.watch.trace import Trace


class WeightsNeverChange(Diagnosis):
    """No step reaches the weights: none is made, it comes after clearing, or its rate is 0."""

    PASSES = 10  # backward passes or steps: accumulation over more is rare in a whole script
    GROUP = PROCEDURE
    SICK = script(
        step=STEP.replace("optimiser.zero_grad()\n", "").replace(
            "optimiser.step()", "optimiser.zero_grad()\noptimiser.step()"
        )
    )
    HEALTHY = script(step=STEP.replace("optimiser.zero_grad()\n", "") + "\noptimiser.zero_grad()")

    def find(self, trace: Trace) -> Finding | None:
        backwards, steps = len(trace.backwards), len(trace.steps)
        if backwards < self.PASSES:
            return None
        if not steps and trace.moved_by_hand:
            return None  # steps that the script makes by itself
        if not steps:
            return self.proven(
                trace.backwards[-1].line,
                [f"{backwards} backward passes, and no step of an optimiser."],
                "call optimiser.step() after loss.backward()",
                backward_passes=backwards,
            )
        if steps >= self.PASSES and not any(step.with_gradient for step in trace.steps):
            return self.proven(
                trace.steps[0].line,
                [f"{steps} steps, in none of which a parameter had a gradient other than 0, while "
                 f"{backwards} backward passes were made."],
                "clear the gradients before the backward pass, not between it and the step",
                steps=steps,
            )  # fmt: skip
        for own in by_line(trace.steps):
            if len(own) >= self.PASSES and all(not any(step.rates) for step in own):
                return self.proven(
                    own[0].line,
                    [f"{len(own)} steps with a learning rate of 0."],
                    "give the optimiser a learning rate above 0, and look at the schedule",
                    steps=len(own),
                )
        return None


DIAGNOSIS = WeightsNeverChange
