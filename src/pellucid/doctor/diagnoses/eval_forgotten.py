"""Evaluation runs with dropout or batch norm still in training mode."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pellucid.doctor.cases import EVALUATE, script
from pellucid.doctor.diagnosis import PROCEDURE, Diagnosis, plural
from pellucid.doctor.finding import Finding
from pellucid.watch.trace import Pass, Trace


class EvalForgotten(Diagnosis):
    """Evaluation runs with dropout or batch norm still in training mode."""

    BATCHES, EXAMPLES = 2, 50
    """One pass of few examples may be a picture that someone looks at."""
    EXPLAINS = ("evaluation-not-repeatable",)
    GROUP = PROCEDURE
    HURTS_LEARNING = False
    SICK = script(evaluate=EVALUATE.replace("network.eval()\n", ""))
    HEALTHY = script()

    def find(self, trace: Trace) -> Finding | None:
        learnt = {call.model for call in trace.losses if call.with_graph}
        found = [entry for entry in trace.passes if self._is_meant(entry, learnt)]
        examples = max((entry.examples for entry in found), default=0)
        if len(found) < self.BATCHES and examples < self.EXAMPLES:
            return None
        line, _ = Counter(entry.line for entry in found).most_common(1)[0]
        model = trace.models[found[0].model]
        kinds = []
        if any(entry.dropping for entry in found):
            kinds.append(f"dropout (p {model.share:g})")
        if any(entry.norming for entry in found):
            kinds.append("batch norm")
        evidence = [
            f"{plural(len(found), 'batch')} without gradients went through "
            f"{' and '.join(kinds)} in training mode."
        ]
        numbers: dict[str, Any] = {"batches": len(found)}
        for again in trace.repeated:
            if again.model == found[0].model and again.training:
                evidence.append(
                    f"One of them put to a copy again: twice in a row the answers differed on "
                    f"{again.differed} of {again.examples}; against eval mode on "
                    f"{again.against_eval}."
                )
                numbers |= {"examples": again.examples, "differed": again.differed,
                            "against_eval": again.against_eval}  # fmt: skip
        return self.proven(
            line, evidence,
            "call model.eval() before this loop and model.train() after it", **numbers,
        )  # fmt: skip

    @staticmethod
    def _is_meant(entry: Pass, learnt: set[int | None]) -> bool:
        """A pass after training began, of a network whose answers are learnt from, with data that
        it was not trained on. Passes over training data may renew the statistics on purpose, and
        where only single layers are in training mode someone has put them there."""
        return (
            not entry.with_graph
            and entry.step > 0
            and entry.training
            and bool(entry.dropping or entry.norming)
            and entry.model in learnt
            and not entry.seen_in_training
        )


DIAGNOSIS = EvalForgotten
