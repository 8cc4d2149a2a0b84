"""`Tensor`: an array that remembers how it was made, and so can find its gradients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Union

import numpy as np
from numpy.typing import ArrayLike

from pellucid.base.errors import WrongUse
from pellucid.scratch.arrays import Array, Index
from pellucid.scratch.explanation import Explanation
from pellucid.scratch.op import Op
from pellucid.scratch.ops.arithmetic import Add, Divide, Multiply, Negative, Power, Subtract
from pellucid.scratch.ops.matrix import MatMul
from pellucid.scratch.ops.movement import Reshape, Slice, Transpose
from pellucid.scratch.ops.reductions import Max, Mean, Sum

Axes = int | tuple[int, ...] | None
_remembering = ContextVar("remembering", default=True)


@contextmanager
def no_grad() -> Iterator[None]:
    """Inside the block no tensor remembers how it was made: nothing to learn from, less to keep."""
    token = _remembering.set(False)
    try:
        yield
    finally:
        _remembering.reset(token)


class Tensor:
    """An array, its gradient, and the operation that made it.

    Follow `made_by` and `made_from` from a loss and you walk through the whole computation, down
    to the tensors that nobody made: data and weights. `backward()` walks that way and leaves in
    every tensor's `grad` by how much the loss changes per small change of each of its numbers.
    """

    __array_priority__ = 1  # `array + tensor` is ours, not NumPy's

    def __init__(self, data: ArrayLike, requires_grad: bool = False) -> None:
        self.data: Array = np.asarray(data)
        if requires_grad and not np.issubdtype(self.data.dtype, np.floating):
            self.data = self.data.astype(np.float64)  # whole numbers cannot change a little
        self.requires_grad = requires_grad
        self.grad: Array | None = None
        self.made_by: Op | None = None
        self.made_from: tuple[Tensor, ...] = ()

    @property
    def shape(self) -> Index:
        return self.data.shape

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        maker = f", made by {self.made_by.name()}" if self.made_by else ""
        return f"Tensor({np.array2string(self.data, prefix='Tensor(', precision=4)}{maker})"

    def item(self) -> float:
        """The only number of a tensor that has one."""
        return float(self.data.item())

    def backward(self, gradient: ArrayLike | None = None) -> None:
        """Add to the `grad` of every tensor behind this one its gradient.

        `gradient` (shaped like this tensor) is where to start from; 1 for a single number, as a
        loss changes by 1 when it changes by 1.
        """
        if not self.requires_grad:
            raise WrongUse(
                "backward",
                "a tensor that does not depend on any weight",
                "one made from a tensor with requires_grad=True, outside of no_grad()",
                "give the weights requires_grad=True",
            )
        if gradient is None and self.data.size != 1:
            raise WrongUse(
                "backward",
                f"a tensor of shape {self.shape}",
                "a single number, such as a loss, or the gradient to start from",
                "take the mean or the sum first, or call backward(gradient)",
            )
        start = np.ones_like(self.data) if gradient is None else np.asarray(gradient)
        flowing = {id(self): start.astype(self.data.dtype).reshape(self.shape)}
        for tensor in reversed(self._history()):
            arrived = flowing.pop(id(tensor), None)
            if arrived is not None:
                tensor._receive(arrived)
                tensor._pass_on(arrived, flowing)

    def _history(self) -> list[Tensor]:
        """Everything this tensor was made from that has a gradient, makers before the made."""
        order: list[Tensor] = []
        known: set[int] = set()
        stack = [(self, False)]
        while stack:  # a loop, not a recursion: a recurrent network is thousands of calls deep
            tensor, is_ready = stack.pop()
            if is_ready:
                order.append(tensor)
            elif id(tensor) not in known and tensor.requires_grad:
                known.add(id(tensor))
                stack.append((tensor, True))
                stack.extend((source, False) for source in tensor.made_from)
        return order

    def _receive(self, gradient: Array) -> None:
        if self.grad is not None:
            self.grad = self.grad + gradient
        else:  # a weight owns its gradient, as people scale it in place
            self.grad = gradient if self.made_by else gradient.copy()

    def _pass_on(self, gradient: Array, flowing: dict[int, Array]) -> None:
        """The chain rule: each source gets its share, added to what came by other ways.

        A share has the source's own precision, so that data in float64 leave weights in float32.
        """
        if self.made_by is None:
            return
        shares = self.made_by.backward(gradient)
        for source, share in zip(self.made_from, shares, strict=True):
            if share is not None and source.requires_grad:
                share = share.astype(source.data.dtype, copy=False)
                known = flowing.get(id(source))
                flowing[id(source)] = share if known is None else known + share

    def explain(self, index: int | Index = ()) -> Explanation:
        """The number at `index`, written out by the operation that made this tensor."""
        if self.made_by is None:
            raise WrongUse(
                "explain",
                "a tensor that no operation made, or one made inside no_grad()",
                "the result of an operation",
                "ask about a result; data and weights are where explanations end",
            )
        return self.made_by.explain(index)

    def __add__(self, other: Value) -> Tensor:
        return apply(Add(), self, self._like(other))

    def __sub__(self, other: Value) -> Tensor:
        return apply(Subtract(), self, self._like(other))

    def __mul__(self, other: Value) -> Tensor:
        return apply(Multiply(), self, self._like(other))

    def __truediv__(self, other: Value) -> Tensor:
        return apply(Divide(), self, self._like(other))

    def __pow__(self, other: Value) -> Tensor:
        return apply(Power(), self, self._like(other))

    def __matmul__(self, other: Value) -> Tensor:
        return apply(MatMul(), self, self._like(other))

    def __radd__(self, other: Value) -> Tensor:
        return apply(Add(), self._like(other), self)

    def __rsub__(self, other: Value) -> Tensor:
        return apply(Subtract(), self._like(other), self)

    def __rmul__(self, other: Value) -> Tensor:
        return apply(Multiply(), self._like(other), self)

    def __rtruediv__(self, other: Value) -> Tensor:
        return apply(Divide(), self._like(other), self)

    def __rpow__(self, other: Value) -> Tensor:
        return apply(Power(), self._like(other), self)

    def __rmatmul__(self, other: Value) -> Tensor:
        return apply(MatMul(), self._like(other), self)

    def __neg__(self) -> Tensor:
        return apply(Negative(), self)

    def __getitem__(self, window: Any) -> Tensor:
        return apply(Slice(window), self)

    def sum(self, axes: Axes = None, keepdims: bool = False) -> Tensor:
        return apply(Sum(axes, keepdims), self)

    def mean(self, axes: Axes = None, keepdims: bool = False) -> Tensor:
        return apply(Mean(axes, keepdims), self)

    def max(self, axes: Axes = None, keepdims: bool = False) -> Tensor:
        return apply(Max(axes, keepdims), self)

    def reshape(self, *shape: int) -> Tensor:
        return apply(Reshape(shape), self)

    def transpose(self, *axes: int) -> Tensor:
        """With the axes in the order given; without any, in reverse order."""
        return apply(Transpose(axes or None), self)

    def _like(self, other: Value) -> Tensor:
        """`other` as a tensor; a plain number takes this tensor's precision."""
        if isinstance(other, Tensor):
            return other
        is_number = isinstance(other, int | float) and np.issubdtype(self.data.dtype, np.floating)
        return Tensor(np.asarray(other, self.data.dtype if is_number else None))


Value = Union[Tensor, ArrayLike]  # noqa: UP007  ArrayLike is no class, so `|` fails at run time


def apply(op: Op, *inputs: Value) -> Tensor:
    """Run `op` on the inputs' arrays; the result remembers the op and its inputs.

    Inside `no_grad()` it remembers nothing. It wants a gradient if one of the inputs does.
    """
    tensors = tuple(entry if isinstance(entry, Tensor) else Tensor(entry) for entry in inputs)
    out = Tensor(op(*(tensor.data for tensor in tensors)))
    op.wanted = tuple(tensor.requires_grad for tensor in tensors)
    if _remembering.get():
        out.requires_grad = any(op.wanted)
        out.made_by, out.made_from = op, tensors
    return out
