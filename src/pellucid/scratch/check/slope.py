"""How steep a function is along a line, from nudges alone, with an honest error."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from pellucid.scratch.arrays import Array

Curve = Callable[[float], Array]
"""The result of a function some way along a line."""

STEPS = 7
"""How many sizes of nudge are tried, each 8 times smaller than the one before.

On a smooth curve the central difference is off by nudge²·f'''/6, so each is 64 times better, until
rounding (noise / nudge) takes over. Where that is differs, so both ends are tried.
"""

TRUSTED = 1e-7
"""A relative error so small that a smaller nudge need not be tried."""

SPACINGS = (2.0**-16, 2.0**-22, 2.0**-28)
"""Between neighbouring points whose fourth difference, 0 on a smooth curve, shows the rounding."""


class Slope(NamedTuple):
    """The change of Σ pull · f per step along the line."""

    value: float
    error: float
    """By how much `value` may be off: what two nudges disagree by, and rounding."""
    has_corner: bool
    """Uphill and downhill stay different however small the nudge: there is no slope."""


class _Probe(NamedTuple):
    """The slope from one size of nudge."""

    value: float
    noise: float
    """By how much rounding of f may have moved it."""
    bend: float
    """The slope uphill less the slope downhill; on a smooth curve ∝ the nudge."""


class Prober:
    """Measures slopes of Σ pull · f from `middle`, the result at the inputs as they are."""

    def __init__(self, middle: Array, pull: Array) -> None:
        self.middle, self.pull = middle, pull
        self.unit = float(np.finfo(middle.dtype).eps) if middle.dtype.kind == "f" else 2.0**-52
        """The relative error of the result's numbers."""

    def measure_rounding(self, curves: list[Curve]) -> None:
        """Find by how much the result jitters, which its precision alone does not tell.

        Single precision inside a function that answers in double shows in the fourth differences
        of neighbouring results. The middle of several curves counts, as one may be unusual.
        Source: Moré and Wild 2011, Estimating computational noise, section 3.
        """
        size = float(np.abs(self.pull * self.middle).sum())
        jitters = [jitter for jitter in map(self._jitter, curves) if math.isfinite(jitter)]
        if jitters and size:
            self.unit = max(self.unit, float(np.median(jitters)) / size)

    def _jitter(self, curve: Curve) -> float:
        """The rounding of Σ pull · f: that part of the fourth difference that does not shrink.

        What a corner adds shrinks with the spacing. Exactly 0 says nothing: the points lay so
        near to each other that single precision saw no difference between them.
        """
        jitter = math.nan
        for spacing in SPACINGS:
            smaller = self._fourth_difference(curve, spacing)
            if jitter > 0 and (smaller == 0 or smaller > jitter / 16):
                return min(jitter, smaller) or jitter
            jitter = smaller
        return jitter

    def _fourth_difference(self, curve: Curve, spacing: float) -> float:
        results = [np.asarray(curve(place * spacing)) for place in range(-3, 4)]
        if any(result.shape != self.middle.shape for result in results):
            return math.nan
        values = [float((self.pull * (result - self.middle)).sum()) for result in results]
        return float(np.sqrt(np.mean(np.square(np.diff(values, 4))) / 70))

    def slope(self, curve: Curve, scale: float) -> Slope:
        """The slope at 0. `scale`: the size of a step that matters; nudges are parts of it."""
        best = Slope(np.nan, np.inf, False)
        last: _Probe | None = None
        moved = np.zeros(self.middle.shape, bool)
        first = 7 if self.unit < 1e-9 else 2
        for exponent in range(first, first + 3 * STEPS, 3):
            probe = self._probe(curve, scale * 2.0**-exponent, moved)
            if probe is None:  # infinite, or not a number: outside of where f is defined
                continue
            if last is not None:
                found = _agreement(last, probe)
                if found.error < best.error:
                    best = found
                elif found.error > 8 * best.error and not best.has_corner:
                    break  # smaller nudges only have more rounding
                if best.error <= TRUSTED * abs(best.value):
                    break
            last = probe
        return best

    def _probe(self, curve: Curve, nudge: float, moved: Array) -> _Probe | None:
        """`moved` collects which numbers of the result depend on the line at all."""
        ends = [np.asarray(curve(sign * nudge)) for sign in (1, -1)]
        if any(end.shape != self.middle.shape or not np.isfinite(end).all() for end in ends):
            return None
        above, below, middle = (array.astype(np.float64) for array in (*ends, self.middle))
        moved |= (above != middle) | (below != middle)
        sizes = np.abs(self.pull) * (np.abs(above) + np.abs(below)) * moved
        return _Probe(
            value=float((self.pull * (above - below)).sum()) / (2 * nudge),
            noise=2 * self.unit * float(sizes.sum()) / nudge,
            bend=abs(float((self.pull * (above + below - 2 * middle)).sum())) / nudge,
        )


def _agreement(large: _Probe, small: _Probe) -> Slope:
    """What two nudges, the second 8 times smaller, say together.

    A smooth curve's bend shrinks 8 times with the nudge; at a corner, and where many corners lie
    along the way, it does not.
    """
    has_corner = small.bend > large.bend / 4 and small.bend > 4 * small.noise
    error = abs(large.value - small.value) + small.noise
    return Slope(small.value, max(error, small.bend) if has_corner else error, has_corner)
