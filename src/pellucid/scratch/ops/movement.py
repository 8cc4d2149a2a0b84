"""Numbers change their places, not their values."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.base.errors import WrongUse
from pellucid.scratch.arrays import Array, Index, nth_place, sum_to_shape, unbroadcast
from pellucid.scratch.explanation import Term
from pellucid.scratch.op import Op


class Movement(Op):
    """What the movements share: every number of the result is one number of an input."""

    ROUNDINGS = 0

    @abstractmethod
    def origin(self, index: Index) -> tuple[int, Index]:
        """Which input, and where in it, the number at `index` comes from."""

    def terms(self, index: Index) -> list[Term]:
        number, source = self.origin(index)
        place = self.place(number, source)
        return [Term(str(place), self.read(number, place.at), (place,))]


class Reshape(Movement):
    """The same numbers in the same order, in rows of another length.

    Formula:   out[the k-th place] = x[the k-th place], counted along the last axis first
    Shapes:    x any shape → out `shape`, with as many numbers; one size may be −1: what is left
    Backward:  dx = grad in the shape of x
    Source:    NumPy, reshape
    """

    def __init__(self, shape: Sequence[int]) -> None:
        self.shape = tuple(shape)

    def forward(self, x: Array) -> Array:
        try:
            return x.reshape(self.shape)
        except ValueError as error:
            raise WrongUse(
                self.name(),
                f"{x.size} numbers in shape {x.shape}",
                f"as many as shape {self.shape} holds",
                "choose sizes with the same product, or −1 for the one to be worked out",
            ) from error

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        (x,) = self.arrays
        return (gradient.reshape(x.shape),)

    def origin(self, index: Index) -> tuple[int, Index]:
        (x,) = self.arrays
        count = 0
        for place, size in zip(index, self.result.shape, strict=True):
            count = count * size + place
        return 0, nth_place(count, x.shape)


class Transpose(Movement):
    """The axes in another order: rows become columns.

    Formula:   out[i₀, i₁, …] = x[…] with iₖ on axis `axes[k]` of x
    Shapes:    x (n₀, n₁, …) → out (n at axes[0], n at axes[1], …); without `axes` in reverse
    Backward:  dx = grad with the axes put back
    Source:    Giles 2008, Collected matrix derivative results, section 2.1
    """

    def __init__(self, axes: Sequence[int] | None = None) -> None:
        self.axes = None if axes is None else tuple(axes)

    def forward(self, x: Array) -> Array:
        return x.transpose(self.axes)

    def _order(self) -> tuple[int, ...]:
        dimensions = self.arrays[0].ndim
        axes = self.axes or tuple(reversed(range(dimensions)))
        return tuple(axis % dimensions for axis in axes)

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        return (gradient.transpose(np.argsort(self._order())),)

    def origin(self, index: Index) -> tuple[int, Index]:
        found = dict(zip(self._order(), index, strict=True))
        return 0, tuple(found[axis] for axis in range(len(index)))


class Slice(Movement):
    """A window cut out: `x[window]` with numbers, ranges, `…` and new axes.

    Formula:   out[i, …] = x[start + step · i, …] on each axis with a range
    Shapes:    x any shape → out as NumPy's basic indexing gives it
    Backward:  dx = grad inside the window, 0 outside
    Source:    NumPy, basic indexing
    """

    def __init__(self, window: Any) -> None:
        self.window = window if isinstance(window, tuple) else (window,)

    def forward(self, x: Array) -> Array:
        plain = int | np.integer | slice | type(None) | type(...)
        if any(isinstance(entry, bool) or not isinstance(entry, plain) for entry in self.window):
            raise WrongUse(
                self.name(),
                f"an index with {[type(entry).__name__ for entry in self.window]}",
                "whole numbers, ranges, … and None",
                "use Gather or Embedding to choose by an array of places",
            )
        return np.asarray(x[self.window])

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        (x,) = self.arrays
        whole = np.zeros(x.shape, gradient.dtype)
        whole[self.window] = gradient
        return (whole,)

    def origin(self, index: Index) -> tuple[int, Index]:
        (x,) = self.arrays
        source: list[int] = []
        out = iter(index)
        for entry in self._written_out(x.ndim):
            if entry is None:
                next(out)
            elif isinstance(entry, slice):
                source.append(range(x.shape[len(source)])[entry][next(out)])
            else:
                source.append(int(entry) % x.shape[len(source)])
        return 0, tuple(source)

    def _written_out(self, dimensions: int) -> list[Any]:
        """The window with a full range for every axis that it leaves out."""
        given = [entry for entry in self.window if entry is not None and entry is not ...]
        fill = [slice(None)] * (dimensions - len(given))
        at = next((k for k, entry in enumerate(self.window) if entry is ...), None)
        if at is None:
            return [*self.window, *fill]
        return [*self.window[:at], *fill, *self.window[at + 1 :]]


class Gather(Movement):
    """Along one axis, the numbers at chosen places.

    Formula:   out[…, i, …] = x[…, places[…, i, …], …] on `axis`
    Shapes:    x (…, n, …), places (…, m, …) whole numbers in 0 … n−1 → out (…, m, …)
    Backward:  dx = Σ grad over the numbers that came from the same place
    Source:    NumPy, take_along_axis
    """

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, x: Array, places: Array) -> Array:
        return np.take_along_axis(x, places, self.axis)

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        x, places = self.arrays
        whole = np.zeros(x.shape, gradient.dtype)
        grid = list(np.ogrid[tuple(slice(size) for size in places.shape)])
        grid[self.axis] = places
        np.add.at(whole, tuple(grid), gradient)
        return whole, None

    def origin(self, index: Index) -> tuple[int, Index]:
        source = list(index)
        chosen = int(self.arrays[1][index])
        source[self.axis] = chosen % self.arrays[0].shape[self.axis]
        return 0, tuple(source)


class Concatenate(Movement):
    """Arrays put one behind the other along an axis.

    Formula:   out[…, i, …] = x₀[…, i, …] for i < n₀, then x₁[…, i − n₀, …], and so on
    Shapes:    x₀ (…, n₀, …), x₁ (…, n₁, …), … → out (…, n₀ + n₁ + …, …) on `axis`
    Backward:  dx₀, dx₁, … = grad cut where the arrays met
    Source:    NumPy, concatenate
    """

    def __init__(self, axis: int = 0) -> None:
        self.axis = axis

    def forward(self, *x: Array) -> Array:
        return np.concatenate(x, axis=self.axis)

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        ends = np.cumsum([array.shape[self.axis] for array in self.arrays])
        return tuple(np.split(gradient, ends[:-1], axis=self.axis))

    def origin(self, index: Index) -> tuple[int, Index]:
        source, number = list(index), 0
        axis = self.axis % len(index)
        while source[axis] >= self.arrays[number].shape[axis]:
            source[axis] -= self.arrays[number].shape[axis]
            number += 1
        return number, tuple(source)


class Pad(Movement):
    """A border of one value around the array.

    Formula:   out[i, …] = x[i − before, …] where that exists, else `value`
    Shapes:    x (n₀, n₁, …) → out (before + n₀ + after, …), with `widths` (before, after) by axis
    Backward:  dx = grad without the border
    Source:    NumPy, pad
    """

    def __init__(self, widths: Sequence[tuple[int, int]], value: float = 0.0) -> None:
        self.widths = tuple(widths)
        self.value = value

    def forward(self, x: Array) -> Array:
        return np.pad(x, self.widths, constant_values=self.value)

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        (x,) = self.arrays
        befores = [before for before, _ in self.widths]
        inner = (slice(start, start + size) for start, size in zip(befores, x.shape, strict=True))
        return (gradient[tuple(inner)],)

    def origin(self, index: Index) -> tuple[int, Index]:
        return 0, tuple(
            place - before for place, (before, _) in zip(index, self.widths, strict=True)
        )

    def terms(self, index: Index) -> list[Term]:
        (x,) = self.arrays
        _, source = self.origin(index)
        if all(0 <= place < size for place, size in zip(source, x.shape, strict=True)):
            return super().terms(index)
        return [Term("the border", float(x.dtype.type(self.value)))]


class Expand(Movement):
    """Axes of size 1, and new axes in front, repeated to a larger shape.

    Formula:   out[i, j, …] = x[0, j, …] where x has size 1 on the first axis
    Shapes:    x (1, n, …) → out `shape`, e.g. (m, n, …)
    Backward:  dx = Σ grad over the repeated axes
    Source:    NumPy, broadcast_to
    """

    def __init__(self, shape: Sequence[int]) -> None:
        self.shape = tuple(shape)

    def forward(self, x: Array) -> Array:
        return np.broadcast_to(x, self.shape)

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        (x,) = self.arrays
        return (sum_to_shape(gradient, x.shape),)

    def origin(self, index: Index) -> tuple[int, Index]:
        return 0, unbroadcast(index, self.arrays[0].shape)


class Where(Movement):
    """Place by place, one of two numbers: chosen by a condition, as a mask does.

    Formula:   out = a where condition, else b
    Shapes:    condition (true or false), a and b broadcast → out
    Backward:  da = grad where condition, else 0; db the other way round; each summed over the axes
               it was stretched along
    Source:    NumPy, where
    """

    def forward(self, condition: Array, a: Array, b: Array) -> Array:
        try:
            return np.asarray(np.where(condition, a, b))
        except ValueError as error:
            raise WrongUse(
                self.name(),
                f"shapes {condition.shape}, {a.shape} and {b.shape}",
                "sizes that are equal, or 1, when read from the last axis",
                "reshape one of them, or give it axes of size 1",
            ) from error

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        condition, a, b = self.arrays
        chosen = gradient * condition
        return None, sum_to_shape(chosen, a.shape), sum_to_shape(gradient - chosen, b.shape)

    def origin(self, index: Index) -> tuple[int, Index]:
        condition = self.arrays[0]
        number = 1 if condition[unbroadcast(index, condition.shape)] else 2
        return number, unbroadcast(index, self.arrays[number].shape)
