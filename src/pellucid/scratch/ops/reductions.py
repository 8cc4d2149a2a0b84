"""Many numbers become one: sum, mean, largest."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from pellucid.scratch.arrays import Array, Index, nth_place, positive_axes
from pellucid.scratch.explanation import Place, Term, Terms
from pellucid.scratch.op import Op


class Reduction(Op):
    """What the reductions share: which axes vanish, and which numbers meet at one place."""

    def __init__(self, axes: int | tuple[int, ...] | None = None, keepdims: bool = False) -> None:
        self.axes = axes
        self.keepdims = keepdims

    @abstractmethod
    def forward(self, x: Array) -> Array: ...

    def spread(self, reduced: Array) -> Array:
        """`reduced` with the lost axes back as size 1, so that it broadcasts over the input."""
        if self.keepdims:
            return reduced
        (x,) = self.arrays
        return np.expand_dims(reduced, positive_axes(self.axes, x.ndim))

    def met(self, index: Index) -> tuple[Array, Place]:
        """The numbers that meet at `index` as a block, and the place of the block's first."""
        (x,) = self.arrays
        lost = positive_axes(self.axes, x.ndim)
        kept = iter(index if not self.keepdims else _without(index, lost))
        window: list[Any] = [slice(None) if axis in lost else next(kept) for axis in range(x.ndim)]
        block = x[tuple(window)]
        places = [0 if isinstance(entry, slice) else int(entry) for entry in window]
        return block, self.place(0, tuple(places))

    def place_in(self, first: Place, shape: Index, number: int) -> Place:
        """The place of the block's `number`-th entry."""
        (x,) = self.arrays
        lost = positive_axes(self.axes, x.ndim)
        index = list(first.at)
        for axis, place in zip(lost, nth_place(number, shape), strict=True):
            index[axis] = place
        return self.place(0, tuple(index))


def _without(index: Index, axes: tuple[int, ...]) -> Index:
    return tuple(place for axis, place in enumerate(index) if axis not in axes)


class Sum(Reduction):
    """All numbers along the axes, added.

    Formula:   out = Σ x over `axes`
    Shapes:    x any shape → out without `axes`, or with size 1 there (`keepdims`)
    Backward:  dx = grad, the same for every number of the sum
    Source:    Giles 2008, Collected matrix derivative results, section 2.1
    """

    def forward(self, x: Array) -> Array:
        return np.asarray(x.sum(axis=self.axes, keepdims=self.keepdims))

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        (x,) = self.arrays
        return (np.broadcast_to(self.spread(gradient), x.shape),)

    def terms(self, index: Index) -> Terms:
        block, first = self.met(index)

        def describe(number: int) -> tuple[str, tuple[Place, ...]]:
            place = self.place_in(first, block.shape, number)
            return str(place), (place,)

        return Terms(block, describe)


class Mean(Reduction):
    """All numbers along the axes, added and divided by their count.

    Formula:   out = Σ x / n over `axes`
    Shapes:    x any shape → out without `axes`, or with size 1 there (`keepdims`)
    Backward:  dx = grad / n, the same for every number of the mean
    Source:    Giles 2008, Collected matrix derivative results, section 2.1
    """

    def forward(self, x: Array) -> Array:
        return np.asarray(x.mean(axis=self.axes, keepdims=self.keepdims))

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        (x,) = self.arrays
        count = x.size // max(gradient.size, 1)
        return (np.broadcast_to(self.spread(gradient / count), x.shape),)

    def terms(self, index: Index) -> Terms:
        block, first = self.met(index)

        def describe(number: int) -> tuple[str, tuple[Place, ...]]:
            place = self.place_in(first, block.shape, number)
            return f"{place} / {block.size}", (place,)

        return Terms(block.astype(np.float64) / block.size, describe)


class Max(Reduction):
    """The largest number along the axes.

    Formula:   out = max x over `axes`
    Shapes:    x any shape → out without `axes`, or with size 1 there (`keepdims`)
    Backward:  dx = grad at the largest number, 0 elsewhere; where k numbers are equally large,
               each gets grad / k
    Source:    Goodfellow et al. 2013, Maxout networks, eq. 1
    """

    def forward(self, x: Array) -> Array:
        return np.asarray(x.max(axis=self.axes, keepdims=self.keepdims))

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        (x,) = self.arrays
        winners = x == self.spread(self.result)
        count = winners.sum(axis=self.axes, keepdims=True, dtype=gradient.dtype)
        return (winners * (self.spread(gradient) / count),)

    def terms(self, index: Index) -> list[Term]:
        block, first = self.met(index)
        place = self.place_in(first, block.shape, int(block.argmax()))
        label = f"{place}, the largest of {block.size}"
        return [Term(label, self.read(0, place.at), (place,))]
