"""A softmax over a single unit is constant."""

from __future__ import annotations

from pellucid.doctor.cases import NETWORK, STEP, script
from pellucid.doctor.diagnosis import OUTPUT, Diagnosis
from pellucid.doctor.finding import Finding
from pellucid.watch.trace import Trace

ONE = NETWORK.replace("nn.Linear(32, 3)", "nn.Linear(32, 1)")
LOSS = "functional.cross_entropy(network(inputs[rows]), labels[rows])"
GOAL = "(labels[rows, None] > 0).float()"


class SoftmaxOverOneUnit(Diagnosis):
    """A softmax over a single unit is constant."""

    EXPLAINS = ("weights-never-change", "vanishing-gradients", "softmax-before-cross-entropy")
    GROUP = OUTPUT
    SICK = script(
        network=ONE,
        step=STEP.replace(
            LOSS, f"functional.binary_cross_entropy(network(inputs[rows]).softmax(1), {GOAL})"
        ),
        evaluate="return 0",
    )
    HEALTHY = SICK.replace(".softmax(1)", ".sigmoid()")

    def find(self, trace: Trace) -> Finding | None:
        for call in trace.losses:
            one = len(call.shape) > 1 and call.shape[1] == 1
            ends = (call.made_by[:1], call.low, call.high)  # of several units not all can be 1
            made = ends in ((("Softmax",), 1.0, 1.0), (("LogSoftmax",), 0.0, 0.0))
            inside = call.name == "cross_entropy" and call.target_shape != call.shape
            if made or (one and inside):
                return self.proven(
                    call.line,
                    [f"A softmax over the single unit of an answer {call.shape} gives 1 for every "
                     "input, and passes no gradient back."],
                    "take a sigmoid with binary_cross_entropy_with_logits, or two units",
                    shape=list(call.shape),
                )  # fmt: skip
        return self._by_hand(trace)

    def _by_hand(self, trace: Trace) -> Finding | None:
        """An answer that goes into a loss of the script's own."""
        for number, model in enumerate(trace.models):
            is_one = len(model.answers) == 2 and model.answers[1] == 1 and model.answers_alike
            if not is_one or model.ends_in[:1] not in (("Softmax",), ("LogSoftmax",)):
                continue
            passes = (p for p in trace.passes if p.model == number and p.with_graph)
            return self.proven(
                next(passes).line,
                [f"A softmax over the single unit of an answer {model.answers} is the same for "
                 "every input, and passes no gradient back."],
                "leave the softmax out, or take a sigmoid for a yes or no", shape=[*model.answers],
            )  # fmt: skip
        return None


DIAGNOSIS = SoftmaxOverOneUnit
