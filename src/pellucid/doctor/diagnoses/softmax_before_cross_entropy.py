"""Probabilities go into a loss that expects logits."""

from __future__ import annotations

import math

from pellucid.doctor.cases import STEP, script
from pellucid.doctor.diagnosis import OUTPUT, Diagnosis
from pellucid.doctor.finding import Finding
from pellucid.watch.trace import Trace

DOUBLED = STEP.replace("network(inputs[rows])", "network(inputs[rows]).softmax(1)")


class SoftmaxBeforeCrossEntropy(Diagnosis):
    """Probabilities go into a loss that expects logits."""

    EXPLAINS = ("learning-rate-too-low", "vanishing-gradients")
    GROUP = OUTPUT
    SICK = script(step=DOUBLED)
    HEALTHY = script(step=DOUBLED.replace(".softmax(1)", ".log_softmax(1)"))

    def find(self, trace: Trace) -> Finding | None:
        found = [
            call
            for call in trace.losses
            if call.name == "cross_entropy" and call.made_by[:1] in (("Softmax",), ("Sigmoid",))
            and len(call.shape) > 1 and call.shape[1] > 1
        ]  # fmt: skip
        if not found:
            return None
        classes, kind = found[0].shape[1], found[0].made_by[0].lower()
        floor = math.log(1 + (classes - 1) / math.e)
        return self.proven(
            found[0].line,
            [f"{len(found)} times the answer of a {kind} went into cross_entropy, which applies a "
             "softmax itself.",
             f"With {classes} classes such a loss cannot fall below {floor:.4f}, "
             f"ln(1 + {classes - 1}/e)."],
            f"leave the {kind} out in training; apply one only to show probabilities",
            calls=len(found), floor=floor,
        )  # fmt: skip


DIAGNOSIS = SoftmaxBeforeCrossEntropy
