"""Hears what a script calls PyTorch for after a network has answered."""

from __future__ import annotations

import sys
from types import FrameType, FunctionType
from typing import Any

import torch
from torch import Tensor
from torch._C import _len_torch_function_stack
from torch.nn import functional
from torch.overrides import TorchFunctionMode, _pop_mode, _push_mode

from pellucid.watch.lines import users_line
from pellucid.watch.program import Heard, draws, tensors_of, version_of, writes

MOST = 400
"""Calls after an answer; a step that computes more than this is not written down."""


class Listener(TorchFunctionMode):
    """Hears every call of PyTorch's after a network has answered.

    It lies below the modes of the user's own, so that theirs may come and go as they like.
    """

    def __init__(self, answers: list[Tensor]) -> None:
        super().__init__()
        self.answers = answers
        self.calls: list[Heard] = []
        self.full = False

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        named = kwargs or {}
        if self.full:
            return function(*args, **named)
        heard = heard_before(_called(function), args, named)
        heard.value = heard.function(*args, **named)
        heard.line = users_line()
        self.calls.append(heard)
        self.full = len(self.calls) >= MOST
        return heard.value

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


def heard_before(function: Any, args: tuple[Any, ...], named: dict[str, Any]) -> Heard:
    """A call that is about to be made, with what it would be too late for afterwards."""
    heard = Heard(function, args, named, None)
    heard.versions = {id(tensor): version_of(tensor) for tensor in tensors_of((args, named))}
    name = getattr(function, "__name__", "")
    first = args[0] if args and writes(name) else None
    if isinstance(first, Tensor) and not first.requires_grad:
        heard.before = first.detach().clone()
    if draws(name):
        heard.chance = torch.get_rng_state()
    return heard


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
