"""Numbers left out by chance."""

from __future__ import annotations

import numpy as np

from pellucid.scratch.arrays import Array, Index
from pellucid.scratch.explanation import Term
from pellucid.scratch.op import Op


class Dropout(Op):
    """Each number is left out with a given chance, the others grow to make up for it.

    Formula:   out = x · kept / (1 − share), kept = 1 with chance 1 − share, else 0
    Shapes:    x any shape → the same
    Backward:  dx = grad · kept / (1 − share)
    Source:    Srivastava et al. 2014, Dropout, section 10 (scaled while training)
    """

    def __init__(self, share: float, chance: np.random.Generator) -> None:
        self.share = share
        """The chance to be left out, 0 … 1, 1 excluded."""
        self.chance = chance

    def forward(self, x: Array) -> Array:
        self.kept = self.chance.random(x.shape) >= self.share
        return self._thinned(x)

    def _thinned(self, array: Array) -> Array:
        return np.asarray(array * self.kept / array.dtype.type(1 - self.share))

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        return (self._thinned(gradient),)

    def terms(self, index: Index) -> list[Term]:
        place = self.place(0, index)
        if not self.kept[index]:
            return [Term(f"0, as {place} was left out", 0.0, (place,))]
        remaining = 1 - self.share
        return [Term(f"{place} / {remaining:g}", self.read(0, index) / remaining, (place,))]
