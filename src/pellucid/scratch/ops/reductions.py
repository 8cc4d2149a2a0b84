"""Many numbers become one: sum, mean, largest, spread."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.base.errors import WrongUse
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

    def along(self, x: Array) -> tuple[int, ...]:
        """The axes that vanish, from the front; a single number has none to lose."""
        several = (self.axes,) if isinstance(self.axes, int) else self.axes or ()
        for axis in several:
            if not -max(x.ndim, 1) <= axis < max(x.ndim, 1):
                raise WrongUse(
                    self.name(),
                    f"axis {axis}",
                    f"an axis of x {x.shape}, {-x.ndim} to {x.ndim - 1}",
                    "count axes from 0, or from −1 backwards",
                )
        return positive_axes(self.axes, x.ndim) if x.ndim else ()

    def spread(self, reduced: Array) -> Array:
        """`reduced` with the lost axes back as size 1, so that it broadcasts over the input."""
        if self.keepdims:
            return reduced
        (x,) = self.arrays
        return np.expand_dims(reduced, self.along(x))

    def met(self, index: Index) -> tuple[Array, Place]:
        """The numbers that meet at `index` as a block, and the place of the block's first."""
        (x,) = self.arrays
        lost = self.along(x)
        kept = iter(index if not self.keepdims else _without(index, lost))
        window: list[Any] = [slice(None) if axis in lost else next(kept) for axis in range(x.ndim)]
        block = x[tuple(window)]
        places = [0 if isinstance(entry, slice) else int(entry) for entry in window]
        return block, self.place(0, tuple(places))

    def place_in(self, first: Place, shape: Index, number: int) -> Place:
        """The place of the block's `number`-th entry."""
        (x,) = self.arrays
        lost = self.along(x)
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
        return np.asarray(x.sum(axis=self.along(x), keepdims=self.keepdims))

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
        return np.asarray(x.mean(axis=self.along(x), keepdims=self.keepdims))

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
        return np.asarray(x.max(axis=self.along(x), keepdims=self.keepdims))

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        (x,) = self.arrays
        winners = x == self.spread(self.result)
        count = winners.sum(axis=self.along(x), keepdims=True, dtype=gradient.dtype)
        return (winners * (self.spread(gradient) / count),)

    def terms(self, index: Index) -> list[Term]:
        block, first = self.met(index)
        place = self.place_in(first, block.shape, int(block.argmax()))
        label = f"{place}, the largest of {block.size}"
        return [Term(label, self.read(0, place.at), (place,))]


class Variance(Reduction):
    """How far the numbers lie from their mean: the mean of the squared distances.

    Formula:   out = Σ (x − mean)² / (n − correction) over `axes`
    Shapes:    x any shape → out without `axes`, or with size 1 there (`keepdims`)
    Backward:  dx = grad · 2 (x − mean) / (n − correction)
    Source:    Chan et al. 1983, Algorithms for computing the sample variance, eq. 1.1
    """

    def __init__(
        self,
        axes: int | tuple[int, ...] | None = None,
        keepdims: bool = False,
        correction: float = 1,
    ) -> None:
        super().__init__(axes, keepdims)
        self.correction = correction
        """1 estimates the variance of all there is from a sample; 0 is that of the numbers."""

    def forward(self, x: Array) -> Array:
        self.distance = x - x.mean(axis=self.along(x), keepdims=True)
        squares = np.square(self.distance).sum(axis=self.along(x), keepdims=self.keepdims)
        return np.asarray(squares / self.divisor(x, squares.size))

    def divisor(self, x: Array, results: int) -> float:
        """n − correction; not below 0, as no variance is negative."""
        return max(x.size / max(results, 1) - self.correction, 0) or np.nan

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        (x,) = self.arrays
        share = 2 * gradient / self.divisor(x, gradient.size)
        return (self.spread(share) * self.distance,)

    def roundings(self) -> int:
        return self.arrays[0].size // max(self.result.size, 1) + 8

    def distances(self, index: Index) -> tuple[Array, Array, Place]:
        """The distances from the mean at `index`, what their roundings act on, the first place."""
        block, first = self.met(index)
        values = block.astype(np.float64)
        return values - values.mean(), np.abs(values) + np.abs(values).mean(), first

    def terms(self, index: Index) -> Sequence[Term]:
        distance, size, first = self.distances(index)
        divisor = self.divisor(self.arrays[0], self.result.size)
        squares = distance * distance / divisor

        def describe(number: int) -> tuple[str, tuple[Place, ...]]:
            place = self.place_in(first, distance.shape, number)
            return f"({place} − mean)² / {divisor:g}", (place,)

        return Terms(squares, describe, squares + 2 * np.abs(distance) * size / divisor)


class StandardDeviation(Variance):
    """How far the numbers usually lie from their mean, in their own unit.

    Formula:   out = √(Σ (x − mean)² / (n − correction)) over `axes`
    Shapes:    x any shape → out without `axes`, or with size 1 there (`keepdims`)
    Backward:  dx = grad · (x − mean) / ((n − correction) · out), 0 where out is 0
    Source:    Chan et al. 1983, Algorithms for computing the sample variance, eq. 1.1
    """

    def forward(self, x: Array) -> Array:
        return np.sqrt(super().forward(x))

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        some = np.where(self.result == 0, 1, self.result)
        return super().backward(np.where(self.result == 0, 0, gradient / (2 * some)))

    def terms(self, index: Index) -> list[Term]:
        distance, size, first = self.distances(index)
        divisor = self.divisor(self.arrays[0], self.result.size)
        value = math.sqrt(math.fsum((distance * distance).ravel()) / divisor)
        places = tuple(self.place_in(first, distance.shape, k) for k in range(distance.size))
        # A deviation is a length, so it is moved by no more than the length of what moves it.
        moved = math.sqrt(math.fsum((size * size).ravel()) / divisor)
        label = f"√(Σ (score − mean)² / {divisor:g})".replace("score", first.input)
        return [Term(label, value, places, value + moved)]


class LogSumExp(Reduction):
    """A soft maximum: near the largest number, a little above where others come close.

    Formula:   out = m + ln Σ exp(x − m) over `axes`, with m the largest x
    Shapes:    x any shape → out without `axes`, or with size 1 there (`keepdims`)
    Backward:  dx = grad · exp(x − out): each number's share of the sum
    Source:    Blanchard et al. 2021, Accurately computing the log-sum-exp and softmax functions
    """

    def forward(self, x: Array) -> Array:
        largest = x.max(axis=self.along(x), keepdims=True, initial=-np.inf)
        largest = np.where(np.isfinite(largest), largest, 0).astype(x.dtype)
        total = np.log(np.exp(x - largest).sum(axis=self.along(x), keepdims=True))
        out = largest + total
        return np.asarray(out if self.keepdims else out.squeeze(self.along(x)))

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        (x,) = self.arrays
        return (self.spread(gradient) * np.exp(x - self.spread(self.result)),)

    def roundings(self) -> int:
        return self.arrays[0].size // max(self.result.size, 1) + 16

    def terms(self, index: Index) -> list[Term]:
        block, first = self.met(index)
        scores = block.astype(np.float64)
        own = int(scores.argmax())
        largest = self.place_in(first, block.shape, own)
        total = math.log(math.fsum(np.exp(scores - scores.max()).ravel()))
        places = tuple(self.place_in(first, block.shape, number) for number in range(block.size))
        return [
            Term(f"{largest}, the largest", float(scores.max()), (largest,)),
            Term(f"ln Σ exp({first.input} − largest)", total, places, 1 + abs(total)),
        ]


class CumulativeSum(Op):
    """Running totals: at each place the sum of all numbers up to there.

    Formula:   out[…, i, …] = Σ x[…, j, …] over j ≤ i on `axis`
    Shapes:    x any shape → the same
    Backward:  dx[…, j, …] = Σ grad[…, i, …] over i ≥ j: the running totals from the other end
    Source:    NumPy, cumsum
    """

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: Array) -> Array:
        return np.cumsum(x, axis=self.axis, dtype=x.dtype) if x.ndim else x.copy()

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        if not gradient.ndim:
            return (gradient,)
        turned = np.flip(gradient, self.axis)
        return (np.flip(np.cumsum(turned, axis=self.axis, dtype=gradient.dtype), self.axis),)

    def terms(self, index: Index) -> Terms:
        (x,) = self.arrays
        axis = self.axis % max(x.ndim, 1)

        def at(number: int) -> Index:
            return (*index[:axis], number, *index[axis + 1 :]) if index else ()

        count = index[axis] + 1 if index else 1
        values = np.array([self.read(0, at(number)) for number in range(count)])

        def describe(number: int) -> tuple[str, tuple[Place, ...]]:
            place = self.place(0, at(number))
            return str(place), (place,)

        return Terms(values, describe)
