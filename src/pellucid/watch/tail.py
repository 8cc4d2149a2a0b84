"""What a script computes from a network's answer up to its loss, so that it can be done again.

A training step is `loss = whatever(network(batch))`. The network can be called again; the
whatever is the user's own code. It is written down call by call while it happens.
"""

from __future__ import annotations

import functools
import itertools
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FrameType, FunctionType
from typing import Any

import torch
from torch import Tensor, nn
from torch._C import _len_torch_function_stack
from torch.nn import functional
from torch.overrides import TorchFunctionMode, _pop_mode, _push_mode

from pellucid.watch.lines import Line, users_line

MOST = 400
"""Calls after an answer; a step that computes more than this is not written down."""


@dataclass(frozen=True)
class Slot:
    """The tensor that was made k-th."""

    k: int


@dataclass(frozen=True)
class Weight:
    """A parameter of the network, by name."""

    name: str


@dataclass(frozen=True)
class Constant:
    """A tensor that does not come from the answer, for instance the targets."""

    tensor: Tensor
    version: int


@dataclass
class Step:
    """One call: what it was given, and which slots its results went to."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    named: dict[str, Any]
    results: tuple[int, ...]

    @property
    def name(self) -> str:
        return getattr(self.function, "__name__", str(self.function)).strip("_")


@dataclass
class Heard:
    """A call as it happened."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    named: dict[str, Any]
    value: Any
    line: Line | None


@dataclass
class Tail:
    """The calls between an answer and a loss that the loss depends on, in their order."""

    answers: int
    shape: tuple[int, ...]
    """The first answer's."""
    steps: list[Step] = field(default_factory=list)
    loss: int = 0

    def constants(self) -> list[Constant]:
        return [
            entry
            for step in self.steps
            for entry in _flat((step.args, step.named))
            if isinstance(entry, Constant)
        ]

    def is_fresh(self) -> bool:
        """Whether nothing that the calls were given has been written into since."""
        return all(version_of(entry.tensor) == entry.version for entry in self.constants())

    def again(
        self,
        answers: list[Tensor],
        weights: Mapping[str, Tensor],
        constant: Callable[[Tensor], Tensor] = lambda tensor: tensor,
    ) -> Tensor:
        """The loss of other answers. `constant` may exchange what the calls are given besides."""
        slots: dict[int, Any] = dict(enumerate(answers))

        def real(entry: Any) -> Any:
            if isinstance(entry, Slot):
                return slots[entry.k]
            if isinstance(entry, Weight):
                return weights[entry.name]
            return constant(entry.tensor) if isinstance(entry, Constant) else entry

        for step in self.steps:
            value = step.function(*_map(step.args, real), **_map(step.named, real))
            slots.update(zip(step.results, _unique(value), strict=True))
        loss = slots[self.loss]
        assert isinstance(loss, Tensor)
        return loss


class Listener(TorchFunctionMode):
    """Hears every call of PyTorch's after a network has answered.

    It lies below the modes of the user's own, so that theirs may come and go as they like.
    """

    def __init__(self, answers: list[Tensor]) -> None:
        super().__init__()
        self.answers = answers
        self.calls: list[Heard] = []
        self._versions: dict[int, int] = {}
        self.full = False

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        named = kwargs or {}
        if self.full:
            return function(*args, **named)
        for tensor in tensors_of((args, named)):
            self._versions.setdefault(id(tensor), version_of(tensor))
        function = _called(function)
        value = function(*args, **named)
        self.calls.append(Heard(function, args, named, value, users_line()))
        self.full = len(self.calls) >= MOST
        return value

    def listen(self) -> None:
        above = _popped()
        _push_mode(self)  # type: ignore[no-untyped-call]
        for mode in reversed(above):
            _push_mode(mode)  # type: ignore[no-untyped-call]

    def stop(self) -> bool:
        """Hear nothing more; whether the mode could be taken off the stack.

        It cannot while a call that it hears is at work, as `loss.backward()` is: PyTorch has put
        it aside then, and puts it back afterwards.
        """
        self.full = True
        modes = _popped()
        for mode in reversed(modes):
            if mode is not self:
                _push_mode(mode)  # type: ignore[no-untyped-call]
        return any(mode is self for mode in modes)

    def tail(self, loss: Tensor, names: Mapping[int, str]) -> Tail | None:
        """The way to a loss, or None if it also depends on what was not heard.

        `names` are the network's parameters by their identity.
        """
        slots = {id(tensor): k for k, tensor in enumerate(self.answers)}
        made = itertools.count(len(self.answers))
        steps = []
        for call in self.calls:
            entry = functools.partial(self._entry, slots=slots, names=names)
            args, named = _map((call.args, call.named), entry)
            if not any(isinstance(leaf, Slot | Weight) for leaf in _flat((args, named))):
                continue  # what does not come from the answer is a constant, as it came out
            results = {id(tensor): next(made) for tensor in tensors_of(call.value)}
            slots |= results
            steps.append(Step(call.function, args, named, tuple(results.values())))
        if len(self.calls) >= MOST or id(loss) not in slots:
            return None
        shape = tuple(self.answers[0].shape)
        tail = Tail(len(self.answers), shape, _needed(steps, slots[id(loss)]), slots[id(loss)])
        heard = all(_is_free(entry.tensor) for entry in tail.constants())
        return tail if heard else None

    def _entry(self, entry: Any, slots: Mapping[int, int], names: Mapping[int, str]) -> Any:
        if not isinstance(entry, Tensor):
            return entry
        if id(entry) in slots:
            return Slot(slots[id(entry)])
        if id(entry) in names:
            return Weight(names[id(entry)])
        return Constant(entry, self._versions.get(id(entry), version_of(entry)))


def _popped() -> list[TorchFunctionMode]:
    """Every mode that is at work, the newest first, taken off the stack."""
    count = _len_torch_function_stack()
    return [_pop_mode() for _ in range(count)]  # type: ignore[no-untyped-call]


_FUNCTIONS = {
    function.__code__: function
    for function in vars(functional).values()
    if isinstance(function, FunctionType) and function.__module__ == functional.__name__
}
"""By their code, the functions of `torch.nn.functional`."""


def _called(function: Any) -> Any:
    """The function that asks us. It names itself by looking itself up, and so names what someone
    has put in its place meanwhile, which has been called already."""
    code = getattr(function, "__code__", None)
    if code is None or code in _FUNCTIONS:
        return function
    frame: FrameType | None = sys._getframe(2)
    for _ in range(2):
        if frame is not None and frame.f_code in _FUNCTIONS:
            return _FUNCTIONS[frame.f_code]
        frame = frame.f_back if frame is not None else None
    return function


def version_of(tensor: Tensor) -> int:
    """A number that grows whenever the tensor is written into; 0 for one of inference mode, which
    has none."""
    return 0 if tensor.is_inference() else tensor._version


def _is_free(tensor: Tensor) -> bool:
    return tensor.grad_fn is None and not isinstance(tensor, nn.Parameter)


def _needed(steps: list[Step], loss: int) -> list[Step]:
    """The calls that a slot depends on."""
    wanted, kept = {loss}, []
    for step in reversed(steps):
        if wanted.isdisjoint(step.results):
            continue
        kept.append(step)
        wanted.update(e.k for e in _flat((step.args, step.named)) if isinstance(e, Slot))
    return kept[::-1]


def _map(value: Any, change: Callable[[Any], Any]) -> Any:
    """A nested value with every leaf changed."""
    if isinstance(value, dict):
        return {key: _map(entry, change) for key, entry in value.items()}
    if isinstance(value, list):
        return [_map(entry, change) for entry in value]
    if isinstance(value, tuple):
        return tuple(_map(entry, change) for entry in value)
    return change(value)


def _flat(value: Any) -> list[Any]:
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return [value]
    return [leaf for entry in value for leaf in _flat(entry)]


def tensors_of(value: Any) -> list[Tensor]:
    return [entry for entry in _flat(value) if isinstance(entry, Tensor)]


def _unique(value: Any) -> list[Tensor]:
    return list({id(tensor): tensor for tensor in tensors_of(value)}.values())


def rows_of(tail: Tail, rows: int) -> list[Tensor]:
    """What the calls were given that has one entry an example: targets and weights of examples."""
    found = {
        id(entry.tensor): entry.tensor
        for entry in tail.constants()
        if entry.tensor.ndim and len(entry.tensor) == rows and entry.tensor.dtype != torch.bool
    }
    return list(found.values())
