"""Logits go into a loss that expects log-probabilities."""

from __future__ import annotations

from pellucid.doctor.cases import STEP, script
from pellucid.doctor.diagnosis import OUTPUT, Diagnosis
from pellucid.doctor.finding import Finding
from pellucid.watch.trace import Trace

RAW = STEP.replace("cross_entropy", "nll_loss")


class RawScoresIntoProbabilityLoss(Diagnosis):
    """Logits go into a loss that expects log-probabilities."""

    CALLS = 3  # looked at, in all of which the rows add up to something else than 1
    GROUP = OUTPUT
    SICK = script(step=RAW)
    HEALTHY = script(
        step=RAW.replace("network(inputs[rows])", "network(inputs[rows]).log_softmax(1)")
    )

    def find(self, trace: Trace) -> Finding | None:
        return self._refused(trace) or self._no_logarithms(trace)

    def _refused(self, trace: Trace) -> Finding | None:
        """Numbers that are no shares ended the script."""
        call = trace.losses[-1] if trace.losses else None
        if trace.crash is None or call is None or call.name != "binary_cross_entropy":
            return None
        if call.value is not None or call.low is None or call.high is None:
            return None
        if not (call.low < 0 or call.high > 1):
            return None
        return self.proven(
            trace.crash.line or call.line,
            [f"binary_cross_entropy takes shares of 0 to 1, and got numbers from {call.low:.3g} to "
             f"{call.high:.3g}."],
            "use binary_cross_entropy_with_logits, or put a sigmoid before it",
            low=call.low, high=call.high,
        )  # fmt: skip

    def _no_logarithms(self, trace: Trace) -> Finding | None:
        looked = [
            call for call in trace.losses if call.name == "nll_loss" and call.low is not None
        ][: self.CALLS]
        if len(looked) < self.CALLS or any(call.log_shares for call in looked):
            return None
        first = looked[0]
        return self.proven(
            first.line,
            [f"nll_loss got numbers from {first.low:.3g} to {first.high:.3g} whose exponentials "
             "do not add up to 1, so they are no log-probabilities: the loss has no lowest value "
             f"(here it was {first.value:.4g})."],
            "use cross_entropy, or put log_softmax before nll_loss",
            low=first.low, high=first.high,
        )  # fmt: skip


DIAGNOSIS = RawScoresIntoProbabilityLoss
