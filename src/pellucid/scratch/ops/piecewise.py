"""Curves with corners: straight pieces, or a bend on one side only."""

from __future__ import annotations

import math

import numpy as np

from pellucid.scratch.arrays import Array
from pellucid.scratch.ops.elementwise import Curve


class Abs(Curve):
    """The size of each number, whatever its sign.

    Formula:   out = |x|
    Shapes:    x → the same
    Backward:  dx = grad where x > 0, −grad where x < 0, 0 at 0
    Source:    Abramowitz and Stegun 1964, 3.2.1; the 0 at 0 as in PyTorch
    """

    def forward(self, x: Array) -> Array:
        return np.abs(x)

    def slope(self, x: Array) -> Array:
        return np.sign(x)

    def parts(self, x: float) -> dict[str, float]:
        return {"|{x}|": abs(x)}


class Clip(Curve):
    """Numbers kept within limits: ReLU6 with 0 and 6, hardtanh with −1 and 1.

    Formula:   out = min(max(x, low), high); `None` for a limit that there is not
    Shapes:    x → the same
    Backward:  dx = grad where low ≤ x ≤ high, else 0
    Source:    NumPy, clip; the limits themselves pass as in PyTorch's clamp
    """

    def __init__(self, low: float | None = None, high: float | None = None) -> None:
        self.low = -math.inf if low is None else low
        self.high = math.inf if high is None else high

    def forward(self, x: Array) -> Array:
        return np.minimum(np.maximum(x, self.low), self.high)

    def slope(self, x: Array) -> Array:
        return (x >= self.low) & (x <= self.high)

    def parts(self, x: float) -> dict[str, float]:
        if max(x, self.low) > self.high:
            return {f"{self.high:g}, the highest {{x}} may be": self.high}
        return {f"{self.low:g}, the lowest {{x}} may be": self.low} if x < self.low else {"{x}": x}


class ELU(Curve):
    """What is positive passes, what is negative bends towards −alpha.

    Formula:   out = x where x > 0, else alpha · (eˣ − 1)
    Shapes:    x → the same
    Backward:  dx = grad where x > 0, else grad · alpha · eˣ
    Source:    Clevert et al. 2016, Fast and accurate deep network learning by ELUs, eq. 15
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def forward(self, x: Array) -> Array:
        return np.where(x > 0, x, self.alpha * np.expm1(np.minimum(x, 0)))

    def slope(self, x: Array) -> Array:
        return np.where(x > 0, 1, self.alpha * np.exp(np.minimum(x, 0))).astype(x.dtype)

    def parts(self, x: float) -> dict[str, float]:
        if x > 0:
            return {"{x}": x}
        return {f"{self.alpha:g} · (exp({{x}}) − 1)": self.alpha * math.expm1(x)}


class HardSigmoid(Curve):
    """A sigmoid of three straight pieces, quick to compute.

    Formula:   out = min(max(x/6 + ½, 0), 1)
    Shapes:    x → the same
    Backward:  dx = grad / 6 where −3 < x < 3, else 0
    Source:    Howard et al. 2019, Searching for MobileNetV3, section 5.2
    """

    def forward(self, x: Array) -> Array:
        return np.asarray(np.minimum(np.maximum(x + 3, 0), 6) / 6)

    def slope(self, x: Array) -> Array:
        return ((x > -3) & (x < 3)).astype(x.dtype) / 6

    def parts(self, x: float) -> dict[str, float]:
        if abs(x) >= 3:
            return {"0, as {x} ≤ −3": 0.0} if x < 0 else {"1, as {x} ≥ 3": 1.0}
        return {"{x} / 6": x / 6, "½": 0.5}


class HardSwish(Curve):
    """Each number times its hard sigmoid.

    Formula:   out = x · min(max(x/6 + ½, 0), 1)
    Shapes:    x → the same
    Backward:  dx = 0 where x ≤ −3, grad where x ≥ 3, else grad · (x/3 + ½)
    Source:    Howard et al. 2019, Searching for MobileNetV3, section 5.2
    """

    def forward(self, x: Array) -> Array:
        return np.asarray(x * np.minimum(np.maximum(x + 3, 0), 6) / 6)

    def slope(self, x: Array) -> Array:
        return np.where(x <= -3, 0, np.where(x >= 3, 1, x / 3 + 0.5)).astype(x.dtype)

    def parts(self, x: float) -> dict[str, float]:
        if abs(x) >= 3:
            return {"0, as {x} ≤ −3": 0.0} if x < 0 else {"{x}": x}
        return {"{x}² / 6": x * x / 6, "½ {x}": x / 2}
