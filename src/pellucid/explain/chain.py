"""A chain of arithmetic done again in float64, and how far rounding may have moved its end.

A fused kernel does a whole chain in its own precision and shows only the end. Here the chain is
done again, and each number on the way has a tap: an added 0 that stands for the kernel's roundings
there. Autograd says by how much the end moves with each tap; together with how large the roundings
can be this gives a bound that is tight where errors die out on the way, as in a recurrent network.

Source: Higham 2002, Accuracy and Stability of Numerical Algorithms, chapter 1 (forward error by
first-order sensitivity); Miller and Spooner 1978, Software for roundoff analysis
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

from pellucid.scratch.arrays import Array

LIBRARY = 16
"""Roundings of a kernel's own exp or tanh, which is a few units in the last place off."""
SECOND_ORDER = 2
"""What roundings do to each other is far below what they do alone; a factor of 2 covers it."""


class Chain:
    """Taps along a computation in float64. Everything is made inside `with chain.open():`."""

    def __init__(self, unit: float) -> None:
        self.unit = unit
        self._taps: list[Tensor] = []
        self._reach: list[Tensor] = []

    def given(self, array: Array) -> Tensor:
        """Numbers that the kernel was given: nothing is rounded yet."""
        return torch.from_numpy(array.astype("float64"))

    def rounded(self, value: Tensor, roundings: float = 1, size: Tensor | None = None) -> Tensor:
        """A number on the way: `roundings` of them act on its size, or on the given one."""
        tap = torch.zeros_like(value, requires_grad=True)
        self._taps.append(tap)
        self._reach.append((value.detach().abs() if size is None else size) * roundings)
        return value + tap

    def product(self, a: Tensor, b: Tensor) -> Tensor:
        """A matrix product."""
        size = a.detach().abs() @ b.detach().abs()
        return self.rounded(a @ b, a.shape[-1] + 1, size)

    def error(self, number: Tensor) -> float:
        """How far rounding may have moved one number of the chain."""
        slopes = torch.autograd.grad(number, self._taps, retain_graph=True, allow_unused=True)
        moved = sum(
            float((slope.abs() * reach).sum())
            for slope, reach in zip(slopes, self._reach, strict=True)
            if slope is not None
        )
        return SECOND_ORDER * self.unit * moved


Found = TypeVar("Found")


def computed(make: Callable[[], Found]) -> Found:
    """Run a chain with autograd on, whatever mode the user is in."""
    with torch.inference_mode(False), torch.enable_grad():
        return make()
