"""The last activation cannot produce the targets."""

from __future__ import annotations

from pellucid.doctor.cases import NETWORK, STEP, script
from pellucid.doctor.diagnosis import OUTPUT, Diagnosis
from pellucid.doctor.finding import Finding
from pellucid.watch.trace import LossCall, Trace

ONE = NETWORK.replace("nn.Linear(32, 3)", "nn.Linear(32, 1), nn.Sigmoid()")
LOSS = "functional.cross_entropy(network(inputs[rows]), labels[rows])"
COMPARED = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
REACH = {"Sigmoid": (0.0, 1.0), "Tanh": (-1.0, 1.0), "Relu": (0.0, float("inf")),
         "Softmax": (0.0, 1.0)}  # fmt: skip


class OutputCannotReachTargets(Diagnosis):
    """The last activation cannot produce the targets."""

    CALLS = 3  # looked at, in all of which a target lies outside
    SLACK = 0.01  # of the reach: targets of 1 are approached by a sigmoid, which is enough
    GROUP = OUTPUT
    SICK = script(
        network=ONE,
        step=STEP.replace(
            LOSS, "functional.mse_loss(network(inputs[rows])[:, 0], 5 * inputs[rows, 0])"
        ),
        evaluate="return 0",
    )
    HEALTHY = SICK.replace(", nn.Sigmoid()", "")

    def find(self, trace: Trace) -> Finding | None:
        looked = [call for call in trace.losses if call.target_low is not None]
        outside = [call for call in looked if call.name in COMPARED and self._is_outside(call)]
        if len(outside) < self.CALLS or len(outside) < len(looked) / 2:
            return None
        first = outside[0]
        low, high = REACH[first.made_by[0]]
        return self.proven(
            first.line,
            [f"The answer comes from {first.made_by[0]}, which reaches {low:g} to {high:g}; the "
             f"targets go from {first.target_low:.3g} to {first.target_high:.3g}."],
            "leave the last activation out, or bring the targets to its range",
            target_low=first.target_low, target_high=first.target_high,
        )  # fmt: skip

    def _is_outside(self, call: LossCall) -> bool:

        if not call.made_by or call.made_by[0] not in REACH:
            return False
        low, high = REACH[call.made_by[0]]
        assert call.target_low is not None
        assert call.target_high is not None
        return call.target_low < low - self.SLACK or call.target_high > high + self.SLACK


DIAGNOSIS = OutputCannotReachTargets
