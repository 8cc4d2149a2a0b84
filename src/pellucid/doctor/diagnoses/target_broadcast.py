"""Prediction and target broadcast against each other."""

from __future__ import annotations

from pellucid.doctor.cases import NETWORK, STEP, script
from pellucid.doctor.diagnosis import OUTPUT, Diagnosis
from pellucid.doctor.finding import Finding
from pellucid.watch.trace import Trace

ONE = NETWORK.replace("nn.Linear(32, 3)", "nn.Linear(32, 1)")
LOSS = "functional.cross_entropy(network(inputs[rows]), labels[rows])"
COMPARED = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")


class TargetBroadcast(Diagnosis):
    """Prediction and target broadcast against each other."""

    GROUP = OUTPUT
    SICK = script(
        network=ONE,
        step=STEP.replace(LOSS, "functional.mse_loss(network(inputs[rows]), labels[rows].float())"),
        evaluate="return 0",
    )
    HEALTHY = SICK.replace("network(inputs[rows])", "network(inputs[rows])[:, 0]")

    def find(self, trace: Trace) -> Finding | None:
        for call in trace.losses:
            if call.name in COMPARED and call.shape != call.target_shape and len(call.shape):
                count = call.shape[0]
                return self.proven(
                    call.line,
                    [f"{call.name} got a prediction {call.shape} and a target "
                     f"{call.target_shape}: every prediction is compared with every target. With "
                     f"{count} examples the best answer is the mean of all targets."],
                    "bring both to one shape: prediction.squeeze(1), or target.unsqueeze(1)",
                    prediction=list(call.shape), target=list(call.target_shape),
                )  # fmt: skip
        return self._by_hand(trace)

    def _by_hand(self, trace: Trace) -> Finding | None:
        """A difference of a column and a row, which makes a table of every pair."""
        for met in trace.meetings:
            shapes = {met.shape, met.other}
            count = met.result[0] if met.result else 0
            if met.call not in ("sub", "rsub") or not met.in_training or count < 2:
                continue
            if shapes == {(count,), (count, 1)} and met.result == (count, count):
                return self.proven(
                    met.line,
                    [f"A prediction {met.shape} and a target {met.other} were subtracted, which "
                     f"makes a table {met.result}: every prediction is compared with every "
                     f"target. With {count} examples the best answer is the mean of all targets."],
                    "bring both to one shape: prediction.squeeze(1), or target.unsqueeze(1)",
                    prediction=list(met.shape), target=list(met.other),
                )  # fmt: skip
        return None


DIAGNOSIS = TargetBroadcast
