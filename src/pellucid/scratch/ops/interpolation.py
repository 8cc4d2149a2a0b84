"""Pictures made larger or smaller."""

from __future__ import annotations

from abc import abstractmethod
from itertools import product

import numpy as np

from pellucid.scratch.arrays import Array, Index
from pellucid.scratch.explanation import Term
from pellucid.scratch.op import Op


class Interpolation(Op):
    """What the interpolations share: along each axis, a matrix says who contributes how much."""

    def __init__(self, size: Index) -> None:
        self.size = size

    @abstractmethod
    def sources(self, out: int, old: int, new: int) -> dict[int, float]:
        """Which of `old` numbers make number `out` of `new`, each with its weight."""

    def _matrix(self, old: int, new: int, kind: np.dtype[np.generic]) -> Array:
        matrix = np.zeros((new, old), kind)
        for out in range(new):
            for place, weight in self.sources(out, old, new).items():
                matrix[out, place] = weight
        return matrix

    def forward(self, x: Array) -> Array:
        *_, height, width = x.shape
        self.rows = self._matrix(height, self.size[0], x.dtype)
        self.columns = self._matrix(width, self.size[1], x.dtype)
        return np.asarray(self.rows @ x @ self.columns.T)

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        return (self.rows.T @ gradient @ self.columns,)

    def terms(self, index: Index) -> list[Term]:
        (x,) = self.arrays
        *lead, i, j = index
        rows = self.sources(i, x.shape[-2], self.size[0])
        columns = self.sources(j, x.shape[-1], self.size[1])
        found = []
        for (y, of_row), (z, of_column) in product(rows.items(), columns.items()):
            place = self.place(0, (*lead, y, z))
            share = of_row * of_column
            label = str(place) if share == 1 else f"{share:.4g} · {place}"
            number = self.read(0, place.at)
            size = abs(number) * (share + self.blur(y, z))
            found.append(Term(label, share * number, (place,), size))
        return found

    def blur(self, y: int, z: int) -> float:
        """By how much a share is shaken when its point is rounded, in roundings."""
        return 0.0


class Nearest(Interpolation):
    """Each new number is a copy of the old one that lies under it.

    Formula:   out[…, i, j] = x[…, ⌊i·h/h'⌋, ⌊j·w/w'⌋]
    Shapes:    x (…, h, w), `size` (h', w') → out (…, h', w')
    Backward:  dx = Σ grad over the copies of each number
    Source:    PyTorch, interpolate(mode="nearest")
    """

    def sources(self, out: int, old: int, new: int) -> dict[int, float]:
        return {out * old // new: 1.0}


class Bilinear(Interpolation):
    """Each new number is a mean of the four old ones around it, the nearer the heavier.

    Formula:   out[…, i, j] = Σ over the two rows y and two columns z around the point of
               (1 − |y − row|) · (1 − |z − column|) · x[…, y, z], with
               row = (i + ½)·h/h' − ½, not below 0; with `corners`, row = i·(h − 1)/(h' − 1)
    Shapes:    x (…, h, w), `size` (h', w') → out (…, h', w')
    Backward:  dx = Σ grad, weighed the same way
    Source:    PyTorch, interpolate(mode="bilinear", align_corners=`corners`)
    """

    ROUNDINGS = 8

    def __init__(self, size: Index, corners: bool = False) -> None:
        super().__init__(size)
        self.corners = corners

    def sources(self, out: int, old: int, new: int) -> dict[int, float]:
        if self.corners:
            point = out * (old - 1) / (new - 1) if new > 1 else 0.0
        else:
            point = max((out + 0.5) * old / new - 0.5, 0.0)
        first = min(int(point), old - 1)
        second = min(first + 1, old - 1)
        far = point - first
        return {first: 1.0} if first == second else {first: 1 - far, second: far}

    def blur(self, y: int, z: int) -> float:
        return y + z + 1.0  # a point's place is rounded relative to its distance from the border
