"""Calls of PyTorch's loss functions, and what answers meet on their way to a loss or a metric."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from weakref import ref

import torch
from torch import Tensor
from torch.compiler import is_compiling
from torch.nn import functional

from pellucid.watch.exchanged import exchanged
from pellucid.watch.graph import makers
from pellucid.watch.lines import Steady
from pellucid.watch.trace import LossCall, Trace

LOSSES = (
    "cross_entropy", "nll_loss", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss",
    "binary_cross_entropy", "binary_cross_entropy_with_logits",
)  # fmt: skip
LOOKED_AT = 5
"""Loss calls whose values are looked at, from the first on; then each `AGAIN`th."""
AGAIN = 50


Safely = Callable[[Callable[..., None]], Callable[..., None]]


class Answers:
    """By answer of a network, which network's it is; answers are not kept alive."""

    MOST = 256

    def __init__(self) -> None:
        self._entries: dict[int, tuple[ref[Tensor], int]] = {}

    def add(self, answer: Tensor, model: int) -> None:
        if len(self._entries) >= self.MOST:
            self._entries = {k: e for k, e in self._entries.items() if e[0]() is not None}
        self._entries[id(answer)] = (ref(answer), model)
        base = answer._base
        if base is not None:
            self._entries[id(base)] = (ref(base), model)

    def get(self, tensor: Tensor) -> int | None:
        """The network of an answer, or of what it is a view of."""
        for found in (tensor, tensor._base):
            entry = self._entries.get(id(found))
            if found is not None and entry is not None and entry[0]() is found:
                return entry[1]
        return None


class Losses:
    """Notes each call of a loss function with its operands' shapes, origin and values."""

    def __init__(self, trace: Trace, listens: Callable[[], bool], safely: Safely) -> None:
        self._trace = trace
        self._listens = listens
        self._note = safely(self._note_call)
        self.answers = Answers()
        self.target: Tensor | None = None
        """What the newest call compared an answer with."""
        self._lines = {name: Steady() for name in LOSSES}
        self._made: dict[Any, tuple[int, tuple[str, ...]]] = {}
        self.is_brief = False
        """Whether a call of the same kind as the last one that was noted is only counted."""
        self._last: Any = None
        self._count = 0
        self._look_at = AGAIN
        """The count of calls from which on values are looked at again."""
        self._inside = False

    @contextmanager
    def watching(self) -> Iterator[None]:
        with ExitStack() as stack:
            for name in LOSSES:
                wrap = functools.partial(self._wrapped, name)
                stack.enter_context(exchanged(functional, name, wrap))
            yield

    def _wrapped(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def watched(*args: Any, **named: Any) -> Any:
            if self._inside or is_compiling() or not self._listens():
                return function(*args, **named)
            prediction = args[0] if args else named.get("input")
            target = args[1] if len(args) > 1 else named.get("target")
            value = None
            self._inside = True  # with a listener at work, PyTorch calls a loss a second time
            try:
                value = function(*args, **named)
            finally:  # what it refuses is noted too
                self._inside = False
                if isinstance(prediction, Tensor) and isinstance(target, Tensor):
                    self._note(name, prediction, target, value)
            return value

        return watched

    def _note_call(self, name: str, prediction: Tensor, target: Tensor, value: Any) -> None:
        calls = self._trace.losses
        if name == "nll_loss" and calls and makers(prediction, 1) == ("LogSoftmax",):
            return  # the second half of a cross entropy
        count, self.target = self._count, target
        self._count += 1
        kind = (name, prediction.shape, target.shape, prediction.requires_grad)
        if self.is_brief and kind == self._last and value is not None:
            return
        self._last = kind
        found = LossCall(
            name=name,
            step=len(self._trace.steps),
            shape=tuple(prediction.shape),
            target_shape=tuple(target.shape),
            made_by=(),
            line=self._lines[name].line(),
            model=self.answers.get(prediction),
            with_graph=prediction.requires_grad,
        )
        if found.with_graph:
            found.made_by = self._makers(found, prediction)
        if count < LOOKED_AT or count >= self._look_at or value is None:
            _look_at_values(found, prediction.detach(), target.detach(), value)
            self._look_at = max(AGAIN, count + AGAIN)
        calls.append(found)

    def _makers(self, found: LossCall, prediction: Tensor) -> tuple[str, ...]:
        """Read from the graph; after the first calls that one line makes with one kind of
        prediction only now and then."""
        key = (found.name, found.line, found.model, type(prediction.grad_fn))
        count, made_by = self._made.get(key, (0, ()))
        if count < LOOKED_AT or count % AGAIN == 0:
            made_by = makers(prediction)
        self._made[key] = (count + 1, made_by)
        return made_by


def _look_at_values(found: LossCall, prediction: Tensor, target: Tensor, value: Any) -> None:
    """Ranges, and whether rows are shares of a whole."""
    if prediction.numel():
        found.low, found.high = float(prediction.min()), float(prediction.max())
    if target.numel():
        found.target_low, found.target_high = float(target.min()), float(target.max())
    if target.shape == prediction.shape and target.ndim == 2 and target.numel():
        found.most_at_once = float(target.sum(1).max()) if bool((target >= 0).all()) else 0.0
    if isinstance(value, Tensor) and value.numel() == 1:
        found.value = float(value.detach())
    if prediction.ndim > 1 and prediction.shape[1] > 1 and prediction.dtype.is_floating_point:
        sums = prediction.double().sum(1)
        found.shares = (found.low or 0) >= 0 and bool((sums - 1).abs().max() < 1e-4)
        found.log_shares = bool(torch.logsumexp(prediction.double(), 1).abs().max() < 1e-3)
