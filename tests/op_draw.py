"""What a case of an operation is, and how Hypothesis draws one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from hypothesis import strategies as st
from numpy.typing import NDArray

from pellucid.scratch.op import Op

Array = NDArray[Any]
Twin = Callable[..., torch.Tensor]


class Case(NamedTuple):
    """An operation that has not run yet, inputs for it, and the same in PyTorch."""

    op: Op
    arrays: tuple[Array, ...]
    twin: Twin


class Draw:
    """Shapes and settings from Hypothesis; numbers from a generator that it seeds."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self._draw = draw
        self.chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    def size(self, low: int = 1, high: int = 4) -> int:
        return int(self._draw(st.integers(low, high)))

    def shape(self, low: int = 0, high: int = 3) -> tuple[int, ...]:
        return tuple(self.size() for _ in range(self.size(low, high)))

    def one_of(self, *choices: Any) -> Any:
        return self._draw(st.sampled_from(choices))

    def normal(self, *shape: int) -> Array:
        return np.asarray(self.chance.standard_normal(shape))

    def positive(self, *shape: int) -> Array:
        return np.abs(self.normal(*shape)) + 0.3

    def off_zero(self, *shape: int) -> Array:
        """Of either sign, none near 0, where a curve may have a corner."""
        return np.sign(self.normal(*shape) + 1e-9) * self.positive(*shape)

    def distinct(self, *shape: int) -> Array:
        """Numbers at least 0.1 apart, so that nudging changes no maximum."""
        count = int(np.prod(shape))
        return (self.chance.permutation(count).reshape(shape) - count / 2) / 10

    def places(self, below: int, *shape: int) -> Array:
        return self.chance.integers(below, size=shape)

    def stretched(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """A shape that broadcasting makes into `shape`."""
        kept = shape[self.size(0, len(shape)) :]
        return tuple(1 if self.one_of(True, False) else size for size in kept)


CASES: dict[type[Op], Callable[[Draw], Case]] = {}


def case(op: type[Op]) -> Callable[[Callable[[Draw], Case]], Callable[[Draw], Case]]:
    def keep(make: Callable[[Draw], Case]) -> Callable[[Draw], Case]:
        CASES[op] = make
        return make

    return keep
