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
