"""The number that is printed is not what it claims to be."""

from __future__ import annotations

import torch
from torch import Tensor

from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import EVALUATE, script
from pellucid.doctor.diagnosis import PROCEDURE, Diagnosis
from pellucid.doctor.examples import input_of, newest
from pellucid.doctor.figures import impossible, misread
from pellucid.doctor.finding import Finding
from pellucid.doctor.judged import CLASSES
from pellucid.watch.trace import Choice, Meeting, Trace


class MetricWrong(Diagnosis):
    """The number that is printed is not what it claims to be."""

    GROUP = PROCEDURE
    HURTS_LEARNING = False
    BEYOND = 0.01
    """Numbers of an evaluation's targets outside the range of training's, as a share."""
    SICK = script(evaluate=EVALUATE.replace("argmax(1)", "argmax(1, keepdim=True)"))
    HEALTHY = script()

    def find(self, trace: Trace) -> Finding | None:
        met = [meeting for meeting in trace.meetings if not meeting.in_training]
        crossed = [meeting for meeting in met if _is_crossed(meeting)]
        if crossed:
            return self._crossed(crossed)
        compared = {meeting.shape for meeting in met if meeting.call in ("eq", "ne")}
        for choice in trace.choices:
            count = choice.shape[0]
            single = len(choice.shape) == 2 and count > 1
            if single and choice.axis == 1 and choice.shape[1] == 1 and (count,) in compared:
                return self._single(choice)
            if _is_over_moments(choice, trace):
                return self._over_the_moments(choice)
            other = single and choice.axis == 0 and choice.shape[1] > 1
            if other and any(shape and shape[0] <= choice.shape[1] for shape in compared):
                return self._over_the_batch(choice)
        return self._printed(trace)

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        """What a network draws again is compared with the changed picture that it was given."""
        goals = [bench.judge.find_target(batch) for batch in bench.batches]
        given = [input_of(batch) for batch in bench.batches]
        if any(_is_itself(x, y) or y is None for x, y in zip(given, goals, strict=True)):
            return None
        entries = newest(bench.captured.held)
        if not entries or not all(_is_itself(input_of(e), e.target) for e in entries):
            return None
        known = torch.cat([y.double().flatten() for y in goals if y is not None])
        low, high = float(known.min()), float(known.max())
        asked = torch.cat([e.target.double().flatten() for e in entries if e.target is not None])
        beyond = float(((asked < low) | (asked > high)).double().mean())
        if beyond < self.BEYOND:
            return None
        facts = entries[-1].facts
        return self.proven(
            facts.line if facts else None,
            ["In training the answer is compared with another tensor than was given, in evaluation "
             f"with what was given itself; {100 * beyond:.3g} % of its numbers lie outside "
             f"{low:.4g} to {high:.4g}, where the targets of training lie."],
            "compare the answer with what is to be drawn, as in training", beyond=beyond,
        )  # fmt: skip

    def _printed(self, trace: Trace) -> Finding | None:
        found = misread(trace)
        if found is not None:
            right, count = found.score.right, found.score.count
            return self.proven(
                found.line,
                [f"The {found.figure} that is printed is {found.quotient.words}. Of the "
                 f"{count:,} that were compared then {right:,} were right: "
                 f"{100 * right / count:.4g} %."],
                found.quotient.mend, printed=float(found.figure), share=right / count,
            )  # fmt: skip
        beyond = impossible(trace)
        if beyond is None:
            return None
        text, figure = beyond
        return self.proven(
            text.line, [f"{text.text.strip()!r} is printed: an accuracy of {figure} is more than "
                        "100 %."],
            "set the counts to 0 before each evaluation, and divide by the number of examples",
            printed=float(figure),
        )  # fmt: skip

    def _crossed(self, found: list[Meeting]) -> Finding:
        first = found[0]
        call = {"eq": "==", "ne": "!="}.get(first.call, "-")
        count = max(*first.shape, *first.other)
        return self.proven(
            first.line,
            [f"An answer {first.shape} {call} a target {first.other} gives {first.result}: each of "
             f"the {count} answers is compared with all {count} targets ({len(found)} times)."],
            "bring both to one shape: answer.squeeze(1), or target.unsqueeze(1)",
            answer=list(first.shape), target=list(first.other), times=len(found),
        )  # fmt: skip

    def _single(self, choice: Choice) -> Finding:
        return self._chosen(
            choice, "is always entry 0, as there is no other.",
            "with one output the class is (answer > 0), or (answer > 0.5) after a sigmoid",
        )  # fmt: skip

    def _over_the_moments(self, choice: Choice) -> Finding:
        _, moments, classes = choice.shape
        return self._chosen(
            choice, f"is a moment for each of the {classes} symbols, not a symbol for each of the "
            f"{moments} moments, as in the loss.", "use argmax(-1)",
        )  # fmt: skip

    def _over_the_batch(self, choice: Choice) -> Finding:
        return self._chosen(
            choice, f"is an example for each of the {choice.shape[1]} classes, not a class for "
            f"each of the {choice.shape[0]} examples.", "use argmax(1)",
        )  # fmt: skip

    def _chosen(self, choice: Choice, what: str, mend: str) -> Finding:
        sentence = f"The largest along axis {choice.axis} of an answer {choice.shape} {what}"
        return self.proven(choice.line, [sentence], mend, shape=list(choice.shape))


def _is_over_moments(choice: Choice, trace: Trace) -> bool:
    """Whether moments are chosen, while the loss is one of the symbols of each moment."""
    if len(choice.shape) != 3 or choice.axis != 1:
        return False
    _, moments, classes = choice.shape
    losses = [call for call in trace.losses if call.name in CLASSES and len(call.shape) == 2]
    return bool(losses) and moments != classes and all(c.shape[1] == classes for c in losses)


def _is_itself(given: Tensor | None, target: Tensor | None) -> bool:
    if given is None or target is None or given.shape != target.shape:
        return False
    return target.dtype.is_floating_point and bool((given == target).all())


def _is_crossed(meeting: Meeting) -> bool:
    """Whether [B] met [B, 1], so that everything met everything."""
    if meeting.call not in ("eq", "ne", "sub", "rsub"):
        return False
    shapes = sorted((meeting.shape, meeting.other), key=len)
    flat, column = shapes
    count = flat[0] if len(flat) == 1 else 0
    return count > 1 and column == (count, 1) and meeting.result == (count, count)


DIAGNOSIS = MetricWrong
