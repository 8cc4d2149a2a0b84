"""Whom an answer meets after its pass: what it is compared with; where its largest is picked."""

from __future__ import annotations

import torch
from torch import Tensor

from pellucid.watch.lines import Line
from pellucid.watch.listener import Listener
from pellucid.watch.losses import LOSSES
from pellucid.watch.program import Heard, tensors_of
from pellucid.watch.trace import Choice, Meeting, Score, Trace

MEETINGS = 200
"""Meetings and choices that are noted."""
COMPARED = ("eq", "ne", "sub", "rsub", "mul")
ASKED = ("eq", "ne", "bool", "logical_not", "bitwise_not", "invert")
"""Questions whether a label is this class; the label is what an answer was compared with."""
COUNTED = ("mul", "rmul", "div", "truediv", "add", "radd", "sub", "rsub", "pow", "exp", "expm1")
"""What brings numbers to another scale."""
PICKED = ("argmax", "max", "topk")
DECIDED = (*PICKED, "gt", "ge", "lt", "le", "round", "sign")
"""What makes classes of scores, on whatever scale they are."""


class Meetings:
    """Writes down what was heard of one answer."""

    def __init__(self, heard: Listener, trace: Trace, model: int, in_training: bool) -> None:
        self._trace, self._model, self._in_training = trace, model, in_training
        self._made = {id(answer) for answer in heard.answers}
        self._counted: set[int] = set()
        """What was reckoned from an answer: numbers that it meets then are on another scale."""
        self._compared: set[int] = set()
        """What came of a comparison, and is no answer any more."""
        self._asked: dict[int, Tensor] = {}
        """By the identity of a mask, the tensor that it asks something of."""
        self._partner: Tensor | None = None
        self._picker: Tensor | None = None
        self.is_reckoned = False
        """Whether numbers met what had been reckoned from the answer, and not the answer itself."""
        for call in heard.calls:
            self._note(call)

    @property
    def partner(self) -> Tensor | None:
        """The last that the answer met, or what its rows were picked by."""
        return self._picker if self._partner is None else self._partner

    def _note(self, call: Heard) -> None:
        given = tensors_of((call.args, call.named))
        own = [tensor for tensor in given if id(tensor) in self._made]
        name = getattr(call.function, "__name__", "").strip("_")
        if not own:
            if name in ASKED and given:
                self._asked[id(call.value)] = self._asked.get(id(given[0]), given[0])
            return
        results = tensors_of(call.value)
        self._made.update(map(id, results))
        others = [tensor for tensor in given if id(tensor) not in self._made and tensor.ndim]
        if name == "getitem":
            masks = [m for m in given[1:] if m.dtype == torch.bool and m.shape == own[0].shape[:1]]
            if masks:
                self._picker = self._asked.get(id(masks[0]), masks[0].long())
        if name in PICKED:
            self._add_choice(own[0], call)
        if others and results and name in (*COMPARED, *LOSSES):
            self._meet(name, own[0], others[0], results)
        if others and results and name in COMPARED:
            self._add_meeting(name, own[0], others[0], results[0], call)
        for kind in (self._compared, self._counted):
            if id(own[0]) in kind and name not in DECIDED:
                kind.update(map(id, results))
        if name in COUNTED:
            self._counted.update(map(id, results))

    def _meet(self, name: str, own: Tensor, other: Tensor, results: list[Tensor]) -> None:
        if id(own) in self._compared:
            return
        if id(own) not in self._counted or not other.dtype.is_floating_point:
            self._partner = other
            if name != "mul":
                self._compared.update(map(id, results))
        elif name != "mul":
            self._partner, self.is_reckoned = None, True

    def _add_meeting(
        self, name: str, own: Tensor, other: Tensor, result: Tensor, call: Heard
    ) -> None:
        alike = other.shape == own.shape == result.shape
        if name == "eq" and not self._in_training and alike and result.numel():
            self._add_score(result, call.line)
        if len(self._trace.meetings) < MEETINGS:
            shapes = (tuple(own.shape), tuple(other.shape), tuple(result.shape))
            step = len(self._trace.steps)
            self._trace.meetings.append(Meeting(name, step, *shapes, self._in_training, call.line))

    def _add_choice(self, answer: Tensor, call: Heard) -> None:
        axis = call.named.get("dim", call.args[1] if len(call.args) > 1 else None)
        if not isinstance(axis, int) or not -answer.ndim <= axis < answer.ndim:
            return
        if len(self._trace.choices) < MEETINGS:
            shape, step = tuple(answer.shape), len(self._trace.steps)
            self._trace.choices.append(Choice(axis % answer.ndim, shape, step, call.line))

    def _add_score(self, equal: Tensor, line: Line | None) -> None:
        """Batches that were compared at one line, between two steps, are one evaluation."""
        step, scores = len(self._trace.steps), self._trace.scores
        last = scores[-1] if scores else None
        if last is None or (last.model, last.step, last.line) != (self._model, step, line):
            last = Score(self._model, step, line)
            scores.append(last)
        number = len(self._trace.passes) - 1
        last.batches.append((number, int(equal.sum()), equal.numel()))
