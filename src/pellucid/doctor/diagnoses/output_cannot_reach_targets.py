"""The last activation cannot produce the targets."""

from __future__ import annotations

from torch import Tensor

from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import NETWORK, STEP, script
from pellucid.doctor.diagnosis import OUTPUT, Diagnosis
from pellucid.doctor.effect import Change
from pellucid.doctor.finding import Finding
from pellucid.doctor.looks import RELUS, activations
from pellucid.watch.trace import LossCall, Trace

ONE = NETWORK.replace("nn.Linear(32, 3)", "nn.Linear(32, 1), nn.Sigmoid()")
LOSS = "functional.cross_entropy(network(inputs[rows]), labels[rows])"
COMPARED = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
LOGITS = ("cross_entropy", "binary_cross_entropy_with_logits")
REACH = {"Sigmoid": (0.0, 1.0), "Tanh": (-1.0, 1.0), "Relu": (0.0, float("inf")),
         "Softmax": (0.0, 1.0)}  # fmt: skip


class OutputCannotReachTargets(Diagnosis):
    """The last activation cannot produce the targets."""

    CALLS = 3  # looked at, in all of which a target lies outside
    HELPS = 0.8
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
        reach, wanted = f"{low:g} to {high:g}", ""
        if first.made_by[0] == "Softmax":
            reach += ", 1 in all"
            wanted = f", up to {first.most_at_once:.3g} in all"
        return self.proven(
            first.line,
            [f"The answer comes from {first.made_by[0]}, which reaches {reach}; the targets go "
             f"from {first.target_low:.3g} to {first.target_high:.3g}{wanted}."],
            "leave the last activation out, or bring the targets to its range",
            target_low=first.target_low, target_high=first.target_high,
        )  # fmt: skip

    def _is_outside(self, call: LossCall) -> bool:
        if not call.made_by or call.made_by[0] not in REACH:
            return False
        if call.made_by[0] == "Softmax" and call.most_at_once > 1 + self.SLACK:
            return True
        low, high = REACH[call.made_by[0]]
        assert call.target_low is not None
        assert call.target_high is not None
        return call.target_low < low - self.SLACK or call.target_high > high + self.SLACK

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        """A ReLU before a loss that expects logits hides everything below 0."""
        calls = [call for call in trace.losses if call.name in LOGITS and call.with_graph]
        if not calls or calls[0].made_by[:1] != ("Relu",):
            return None
        relus = [c for c in activations(bench.first(), bench.batches[:1]) if c.kind == "relu"]
        if not relus:
            return None
        change = Change(calls=dict.fromkeys(RELUS, _itself), calls_spared=len(relus) - 1)
        effect = bench.cure(change, self.HELPS, learnt=1)
        if effect is None:
            return None
        return self.confirmed(
            trace, bench, effect,
            [f"The answer comes from a ReLU, and {calls[0].name} expects numbers of both signs.",
             effect.sentence("the last ReLU left out")],
            "leave the last activation out", where=calls[0].line,
        )  # fmt: skip


def _itself(x: Tensor) -> Tensor:
    return x


DIAGNOSIS = OutputCannotReachTargets
