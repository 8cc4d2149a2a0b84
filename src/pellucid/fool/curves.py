"""What the proof can see through: activations and max pooling.

ReLU and max pooling are convex: above they lie under the chord, below over a tangent. A smooth
curve lies between two parallel lines. Over a range from a to b, curve minus slope · x is looked at
on a grid; between two neighbours it leaves the straight connection by at most curvature · (grid
step)² / 8, so its largest and smallest values over the whole range are known.

Source:  chords: Ehlers 2017; parallel lines: Singh et al. 2018, Fast and effective robustness
         certification (DeepZ); the error of linear interpolation: any book on numerical analysis
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.fool.layers import Layer, State, as_lines, ceiling
from pellucid.fool.lines import quotient
from pellucid.fool.window import SLACK, Lines, Map, inside, known, slack_of

GRID = 8
"""Steps of the grid: what it misses is 1/64 of the curve's own bend over the range."""


class Rectifier(Layer):
    """ReLU; with `slope` (0 to 1) leaky ReLU: x, or slope · x below zero."""

    def __init__(self, slope: float = 0.0) -> None:
        self.slope = slope

    def base(self, *given: Map) -> Map:
        (x,) = given
        values = torch.where(x.values > 0, x.values, self.slope * x.values)
        return known(values, x.error)

    def move(self, given: tuple[State, ...], before: tuple[Map, ...], after: Map) -> Lines:
        x = as_lines(given[0], before[0])
        rises = x.form.middle(x.lower)[:, None] > 0
        lower = torch.where(rises, x.lower, self.slope * x.lower) if self.slope else x.lower * rises
        return Lines(x.form, x.start, x.form.rectified(x.upper, self.slope), lower)


class Largest(Layer):
    """Max pooling: the largest of each `kernel`, every `step` cells."""

    def __init__(self, kernel: tuple[int, int], step: tuple[int, int]) -> None:
        self.kernel, self.step = kernel, step

    def base(self, *given: Map) -> Map:
        (x,) = given
        return known(self._full(x.values), self._full(x.error))

    def _full(self, values: Tensor) -> Tensor:
        pooled = functional.max_pool2d(values.permute(2, 0, 1)[None], self.kernel, self.step)
        return pooled[0].permute(1, 2, 0).contiguous()

    def move(self, given: tuple[State, ...], before: tuple[Map, ...], after: Map) -> Lines:
        x = given[0].window(before[0]) if isinstance(given[0], Lines) else given[0]
        step, kernel = torch.tensor(self.step), torch.tensor(self.kernel)
        sides = zip(x.size, self.kernel, self.step, after.shape, strict=True)
        rows, columns = (min((n + k - 2) // by + 1, most) for n, k, by, most in sides)
        start = inside(ceiling(x.start - kernel + 1, step), (rows, columns), after.shape)
        down, along = self.step
        patch = (rows - 1) * down + self.kernel[0], (columns - 1) * along + self.kernel[1]
        seen = x.moved(start * step, patch).lines(before[0])
        middle = x.form.middle(seen.lower)
        places = [
            (
                slice(i, i + (rows - 1) * down + 1, down),
                slice(j, j + (columns - 1) * along + 1, along),
            )
            for i in range(self.kernel[0])
            for j in range(self.kernel[1])
        ]
        upper, lower, best = (one[..., *places[0], :] for one in (seen.upper, seen.lower, middle))
        for place in places[1:]:
            upper = x.form.larger(upper, seen.upper[..., *place, :])
            # of two lines below a maximum the one that is higher in the middle
            own = middle[..., *place, :]
            lower = torch.where((own > best)[:, None], seen.lower[..., *place, :], lower)
            best = torch.maximum(own, best)
        return Lines(x.form, start, upper, lower)


@dataclass(frozen=True)
class Curve:
    """A smooth activation, the largest sizes of its slope and of its second derivative."""

    of: Callable[[Tensor], Tensor]
    steepest: float
    curvature: float


CURVES = {
    "tanh": Curve(torch.tanh, 1.0, 0.77),  # 4 / (3 √3), where tanh² is 1/3
    "sigmoid": Curve(torch.sigmoid, 0.25, 0.0963),  # 1 / (6 √3)
    "silu": Curve(functional.silu, 1.1, 0.5001),  # 1/2 at 0
    "gelu": Curve(functional.gelu, 1.13, 0.798),  # 2 φ(0) at 0
}


class Smooth(Layer):
    """One of `CURVES`, cell by cell."""

    def __init__(self, name: str) -> None:
        self.curve = CURVES[name]

    def base(self, *given: Map) -> Map:
        (x,) = given
        values = self.curve.of(x.values)
        room = SLACK * (values.abs() + self.curve.steepest * x.values.abs())
        return known(values, self.curve.steepest * x.error + room)

    def move(self, given: tuple[State, ...], before: tuple[Map, ...], after: Map) -> Lines:
        x = as_lines(given[0], before[0])
        low, high = x.form.smallest(x.lower), x.form.largest(x.upper)
        slope, least, most = self._between(low, high)
        rising, falling = slope.clamp(min=0)[:, None], slope.clamp(max=0)[:, None]
        upper = x.form.raised(x.upper * rising + x.lower * falling, most)
        lower = x.form.raised(x.lower * rising + x.upper * falling, least)
        return Lines(x.form, x.start, upper, lower)

    def _between(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """A slope, and the least and the most of curve − slope · x from low to high."""
        f, width, steepest = self.curve.of, high - low, self.curve.steepest
        slope = quotient(f(high) - f(low), width).clamp(min=-steepest, max=steepest)
        least = most = f(low) - slope * low
        for place in range(1, GRID + 1):
            x = low + width * (place / GRID)
            rest = f(x) - slope * x
            least, most = torch.minimum(least, rest), torch.maximum(most, rest)
        missed = self.curve.curvature / 8 * (width / GRID) ** 2
        # the curve's own size does not shrink with its slope, so it needs room of its own
        missed = missed + slack_of(1, low.dtype) * (1 + low.abs() + high.abs())
        return slope, least - missed, most + missed
