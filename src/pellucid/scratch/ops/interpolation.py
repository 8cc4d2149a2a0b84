"""Pictures made larger or smaller, also signals and volumes."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from itertools import product

import numpy as np

from pellucid.base.errors import WrongUse
from pellucid.scratch.arrays import Array, Index
from pellucid.scratch.explanation import Term
from pellucid.scratch.op import Op


class Interpolation(Op):
    """What the interpolations share: along each axis, a matrix says who contributes how much.

    Either `size` says how many numbers the last axes shall have, or `scale` how many times as many
    as now, rounded down; then the points lie exactly 1/scale apart, whatever was rounded.
    """

    def __init__(self, size: Index | None = None, scale: tuple[float, ...] | None = None) -> None:
        given = size or scale
        if given is None or (size and scale):
            raise WrongUse(
                self.name(),
                f"size {size} and scale {scale}",
                "one of the two",
                "give the new size, or how many times larger",
            )
        self.size = size
        self.scale = scale
        self.axes = len(given)

    @abstractmethod
    def sources(self, out: int, old: int, new: int, step: float) -> dict[int, float]:
        """Which of `old` numbers make number `out` of `new`, each with its weight.

        `step`: how far apart the new points lie, in old ones.
        """

    def lengths(self, x: Array) -> Iterator[tuple[int, int, float]]:
        """Old length, new length and step of each axis that is interpolated."""
        for axis, old in enumerate(x.shape[x.ndim - self.axes :]):
            if self.scale is not None:
                yield old, math.floor(old * self.scale[axis]), 1 / self.scale[axis]
            elif self.size is not None:
                yield old, self.size[axis], old / self.size[axis]

    def _matrix(self, old: int, new: int, step: float, kind: np.dtype[np.generic]) -> Array:
        matrix = np.zeros((new, old), kind)
        for out in range(new):
            for place, weight in self.sources(out, old, new, step).items():
                matrix[out, place] = weight
        return matrix

    def forward(self, x: Array) -> Array:
        self.matrices = [self._matrix(*length, x.dtype) for length in self.lengths(x)]
        return self._along_each_axis(x, self.matrices)

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        return (self._along_each_axis(gradient, [matrix.T for matrix in self.matrices]),)

    def _along_each_axis(self, x: Array, matrices: list[Array]) -> Array:
        for axis, matrix in enumerate(matrices, start=-self.axes):
            x = (x.swapaxes(axis, -1) @ matrix.T).swapaxes(axis, -1)
        return np.ascontiguousarray(x)

    def terms(self, index: Index) -> list[Term]:
        (x,) = self.arrays
        lead, stops = index[: x.ndim - self.axes], index[x.ndim - self.axes :]
        along = [
            self.sources(stop, *length).items()
            for stop, length in zip(stops, self.lengths(x), strict=True)
        ]
        found = []
        for meeting in product(*along):
            places = tuple(place for place, _ in meeting)
            share = math.prod(weight for _, weight in meeting)
            place = self.place(0, (*lead, *places))
            label = str(place) if share == 1 else f"{share:.4g} · {place}"
            number = self.read(0, place.at)
            size = abs(number) * (share + self.blur(places))
            found.append(Term(label, share * number, (place,), size))
        return found

    def blur(self, places: Index) -> float:
        """By how much a share is shaken when its point is rounded, in roundings."""
        return 0.0


class Nearest(Interpolation):
    """Each new number is a copy of the old one that lies under it.

    Formula:   out[…, i, j] = x[…, ⌊i·h/h'⌋, ⌊j·w/w'⌋], or ⌊i/scale⌋
    Shapes:    x (…, h, w), `size` (h', w') → out (…, h', w'); or with any other number of such axes
    Backward:  dx = Σ grad over the copies of each number
    Source:    PyTorch, interpolate(mode="nearest")
    """

    def sources(self, out: int, old: int, new: int, step: float) -> dict[int, float]:
        under = out * old // new if self.scale is None else int(out * step)
        return {min(under, old - 1): 1.0}


class Bilinear(Interpolation):
    """Each new number is a mean of the four old ones around it, the nearer the heavier.

    Formula:   out[…, i, j] = Σ over the two rows y and two columns z around the point of
               (1 − |y − row|) · (1 − |z − column|) · x[…, y, z], with
               row = (i + ½)·h/h' − ½, not below 0, or (i + ½)/scale − ½;
               with `corners`, row = i·(h − 1)/(h' − 1)
    Shapes:    x (…, h, w), `size` (h', w') → out (…, h', w'); or with any other number of such
               axes: two old ones for a signal, eight for a volume
    Backward:  dx = Σ grad, weighed the same way
    Source:    PyTorch, interpolate(mode="bilinear", align_corners=`corners`)
    """

    ROUNDINGS = 8

    def __init__(
        self,
        size: Index | None = None,
        corners: bool = False,
        scale: tuple[float, ...] | None = None,
    ) -> None:
        super().__init__(size, scale)
        self.corners = corners

    def sources(self, out: int, old: int, new: int, step: float) -> dict[int, float]:
        if self.corners:
            point = out * (old - 1) / (new - 1) if new > 1 else 0.0
        else:
            point = max((out + 0.5) * step - 0.5, 0.0)
        first = min(int(point), old - 1)
        second = min(first + 1, old - 1)
        far = point - first
        return {first: 1.0} if first == second else {first: 1 - far, second: far}

    def blur(self, places: Index) -> float:
        return sum(places) + 1.0  # a point is rounded relative to its distance from the border
