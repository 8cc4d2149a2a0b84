"""Linear functions of a pixel's values over a box, and what convex operations make of them.

A piece is one pixel with a box of values: one interval for each colour channel. With one channel a
linear function is kept as its two values at the ends of the interval, with more channels as its
value in the middle of the box and its change along each axis. Adding functions and multiplying them
by numbers is the same in both forms; what is not is told here.

Shapes:  a function of a piece is (piece, term, …): two ends, or the middle and d slopes; a number
         is (piece, …)
Source:  a convex function of a linear one lies below its chord: Ehlers 2017, Formal verification of
         piece-wise linear feed-forward neural networks (the triangle relaxation)
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


def quotient(a: Tensor, b: Tensor) -> Tensor:
    """a / b for b of zero or more: finite where the range b is one point."""
    return a / b.clamp(min=torch.finfo(b.dtype).tiny)


class Form(Protocol):
    """How linear functions are kept."""

    is_positive: bool
    """Are the terms of a function that is nowhere negative themselves not negative?"""

    def over(self, low: Tensor, high: Tensor) -> Tensor:
        """The values themselves as functions: (piece, d), (piece, d) → (piece, term, d)."""

    def largest(self, lines: Tensor) -> Tensor:
        """The largest value over the box."""

    def smallest(self, lines: Tensor) -> Tensor:
        """The smallest value over the box."""

    def middle(self, lines: Tensor) -> Tensor:
        """The value in the middle of the box."""

    def sizes(self, lines: Tensor) -> Tensor:
        """What no value over the box is farther from zero than."""

    def raised(self, lines: Tensor, amount: Tensor) -> Tensor:
        """The functions plus a number each, in place."""

    def rectified(self, lines: Tensor, slope: float) -> Tensor:
        """The lowest linear function above max(x, slope · x), for a slope of 0 to 1."""

    def larger(self, a: Tensor, b: Tensor) -> Tensor:
        """A linear function above both."""


class Ends:
    """One channel: the values at the lower and at the upper end."""

    is_positive = True

    def over(self, low: Tensor, high: Tensor) -> Tensor:
        return torch.stack([low, high], dim=1)

    def largest(self, lines: Tensor) -> Tensor:
        return torch.maximum(lines[:, 0], lines[:, 1])

    def smallest(self, lines: Tensor) -> Tensor:
        return torch.minimum(lines[:, 0], lines[:, 1])

    def middle(self, lines: Tensor) -> Tensor:
        return (lines[:, 0] + lines[:, 1]).div_(2)

    def sizes(self, lines: Tensor) -> Tensor:
        return lines[:, 0].abs() + lines[:, 1].abs()

    def raised(self, lines: Tensor, amount: Tensor) -> Tensor:
        return lines.add_(amount[:, None])

    def rectified(self, lines: Tensor, slope: float) -> Tensor:
        return _rectified(lines, slope)

    def larger(self, a: Tensor, b: Tensor) -> Tensor:
        return torch.maximum(a, b)


class Slopes:
    """Several channels: the value in the middle, and half of the change along each axis."""

    is_positive = False

    def over(self, low: Tensor, high: Tensor) -> Tensor:
        return torch.cat([((low + high) / 2)[:, None], torch.diag_embed((high - low) / 2)], dim=1)

    def largest(self, lines: Tensor) -> Tensor:
        return lines[:, 0] + lines[:, 1:].abs().sum(dim=1)

    def smallest(self, lines: Tensor) -> Tensor:
        return lines[:, 0] - lines[:, 1:].abs().sum(dim=1)

    def middle(self, lines: Tensor) -> Tensor:
        return lines[:, 0]

    def sizes(self, lines: Tensor) -> Tensor:
        return lines.abs().sum(dim=1)

    def raised(self, lines: Tensor, amount: Tensor) -> Tensor:
        lines[:, 0] += amount
        return lines

    def rectified(self, lines: Tensor, slope: float) -> Tensor:
        high, low = self.largest(lines), self.smallest(lines)
        at_high, at_low = (_rectified(end, slope) for end in (high, low))
        chord = quotient(at_high - at_low, high - low).clamp(min=slope, max=1)
        return self.raised(lines * chord[:, None], at_low - chord * low)

    def larger(self, a: Tensor, b: Tensor) -> Tensor:
        return a + self.rectified(b - a, 0.0)


def _rectified(numbers: Tensor, slope: float) -> Tensor:
    """max(x, slope · x), for a slope of 0 to 1."""
    return torch.maximum(numbers, slope * numbers) if slope else numbers.clamp(min=0)


def form_of(channels: int) -> Form:
    """How functions of so many values are kept."""
    return Ends() if channels == 1 else Slopes()
