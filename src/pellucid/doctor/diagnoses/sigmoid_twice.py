"""A sigmoid goes into a loss that applies one itself."""

from __future__ import annotations

from pellucid.doctor.cases import STEP, script
from pellucid.doctor.diagnosis import OUTPUT, Diagnosis
from pellucid.doctor.finding import Finding
from pellucid.watch.trace import Trace

LOSS = "functional.cross_entropy(network(inputs[rows]), labels[rows])"
TWICE = STEP.replace(
    LOSS,
    "functional.binary_cross_entropy_with_logits(\n"
    "    network(inputs[rows]).sigmoid(), functional.one_hot(labels[rows], 3).float())",
)


class SigmoidTwice(Diagnosis):
    """A sigmoid goes into a loss that applies one itself."""

    GROUP = OUTPUT
    SICK = script(step=TWICE)
    HEALTHY = script(step=TWICE.replace("_with_logits", ""))

    def find(self, trace: Trace) -> Finding | None:
        found = [
            call
            for call in trace.losses
            if call.name == "binary_cross_entropy_with_logits" and call.made_by[:1] == ("Sigmoid",)
        ]
        if not found:
            return None
        return self.proven(
            found[0].line,
            [f"{len(found)} times the answer of a sigmoid went into "
             "binary_cross_entropy_with_logits, which applies one itself: it cannot fall below "
             "0.3133 where the target is 1, nor below 0.6931 where it is 0."],
            "leave the sigmoid out in training, or use binary_cross_entropy",
            calls=len(found),
        )  # fmt: skip


DIAGNOSIS = SigmoidTwice
