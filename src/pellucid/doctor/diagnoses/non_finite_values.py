"""NaN or infinity, and where it began."""

from __future__ import annotations

import math

from pellucid.doctor.cases import STEP, script
from pellucid.doctor.diagnosis import OPTIMISATION, Diagnosis
from pellucid.doctor.finding import Finding
from pellucid.watch.trace import Trace

ROOT = STEP.replace("network(inputs[rows])", "network(inputs[rows]).sqrt()")


class NonFiniteValues(Diagnosis):
    """NaN or infinity, and where it began."""

    GROUP = OPTIMISATION
    HURTS_LEARNING = False  # a cure that is tried may name the cause
    EXPLAINS = ("samples-mixed",)
    SICK = script(step=ROOT)
    HEALTHY = script(step=ROOT.replace(".sqrt()", ".abs().sqrt()"))

    def find(self, trace: Trace) -> Finding | None:
        found = trace.not_finite
        if found is None:
            return self._refused(trace)
        return self.proven(
            found.line,
            [f"The loss was not finite at step {found.step}; the first such number was in "
             f"{found.where}: {found.what}."],
            "look at what makes this number: a root or logarithm of something negative, a division "
            "by 0, a rate that is too high",
            step=found.step, first=found.where,
        )  # fmt: skip

    def _refused(self, trace: Trace) -> Finding | None:
        """A loss function that ended the script, because it got numbers that are none."""
        call = trace.losses[-1] if trace.losses else None
        if trace.crash is None or call is None or call.value is not None or call.low is None:
            return None
        if math.isfinite(call.low) and (call.high is None or math.isfinite(call.high)):
            return None
        return self.proven(
            trace.crash.line or call.line,
            [f"{call.name} got predictions that are not finite at step {call.step}, and ended the "
             f"script: {trace.crash.text}."],
            "look at what makes such a number: an exponential of something large, a logarithm of "
            "something negative, a division by 0, a rate that is too high",
            step=call.step,
        )  # fmt: skip


DIAGNOSIS = NonFiniteValues
