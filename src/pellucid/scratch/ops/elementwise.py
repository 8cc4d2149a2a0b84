"""Curves: each number goes through the same function of one variable."""

from __future__ import annotations

import math
from abc import abstractmethod

import numpy as np

from pellucid.scratch.arrays import Array, Index
from pellucid.scratch.explanation import Term
from pellucid.scratch.op import Op

_ERROR_FUNCTION = np.frompyfunc(math.erf, 1, 1)  # NumPy has none of its own


def sigmoid(x: Array) -> Array:
    """1 / (1 + e⁻ˣ), written so that the power never overflows."""
    small = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1, small) / (1 + small))


def _sigmoid(x: float) -> float:
    """The same for one number."""
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def normal_share(x: Array) -> Array:
    """Φ(x): the share of a normal distribution (mean 0, deviation 1) that lies below x."""
    return np.asarray(0.5 * (1 + np.asarray(_ERROR_FUNCTION(x / math.sqrt(2)), x.dtype)), x.dtype)


class Curve(Op):
    """What the functions of one variable share: the chain rule with the curve's slope."""

    ROUNDINGS = 8  # a library's exp, log or tanh may be 4 units in the last place off

    @abstractmethod
    def slope(self, x: Array) -> Array:
        """How steep the curve is at each number."""

    @abstractmethod
    def parts(self, x: float) -> dict[str, float]:
        """The curve at one number as a sum: each part in words, with `{x}` for the number."""

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        (x,) = self.arrays
        return (gradient * self.slope(x),)

    def terms(self, index: Index) -> list[Term]:
        place = self.place(0, index)
        parts = self.parts(self.read(0, index))
        return [
            Term(words.replace("{x}", str(place)), value, (place,))
            for words, value in parts.items()
        ]


class Exp(Curve):
    """e to the power of each number: its own slope.

    Formula:   out = eˣ
    Shapes:    x → the same
    Backward:  dx = grad · eˣ
    Source:    Abramowitz and Stegun 1964, 4.2.5
    """

    def forward(self, x: Array) -> Array:
        return np.exp(x)

    def slope(self, x: Array) -> Array:
        return self.result

    def parts(self, x: float) -> dict[str, float]:
        return {"exp({x})": math.exp(x) if x < 709 else float(np.exp(x))}


class Log(Curve):
    """The natural logarithm: which power of e the number is.

    Formula:   out = ln x
    Shapes:    x → the same
    Backward:  dx = grad / x
    Source:    Abramowitz and Stegun 1964, 4.1.46
    """

    def forward(self, x: Array) -> Array:
        return np.log(x)

    def slope(self, x: Array) -> Array:
        return 1 / x

    def parts(self, x: float) -> dict[str, float]:
        return {"ln({x})": math.log(x) if x > 0 else float(np.log(x))}


class Sqrt(Curve):
    """The number whose square is the input.

    Formula:   out = √x
    Shapes:    x → the same
    Backward:  dx = grad / (2 √x)
    Source:    Abramowitz and Stegun 1964, 3.3.5
    """

    def forward(self, x: Array) -> Array:
        return np.sqrt(x)

    def slope(self, x: Array) -> Array:
        return 0.5 / self.result

    def parts(self, x: float) -> dict[str, float]:
        return {"√{x}": math.sqrt(x) if x >= 0 else math.nan}


class ReLU(Curve):
    """What is positive passes, what is negative becomes 0.

    Formula:   out = max(x, 0)
    Shapes:    x → the same
    Backward:  dx = grad where x > 0, else 0
    Source:    Nair and Hinton 2010, Rectified linear units improve restricted Boltzmann machines
    """

    def forward(self, x: Array) -> Array:
        return np.maximum(x, 0)

    def slope(self, x: Array) -> Array:
        return x > 0

    def parts(self, x: float) -> dict[str, float]:
        return {"0, as {x} is negative": 0.0} if x < 0 else {"{x}": x}


class LeakyReLU(Curve):
    """What is positive passes, what is negative is made small.

    Formula:   out = x where x > 0, else leak · x
    Shapes:    x → the same
    Backward:  dx = grad where x > 0, else leak · grad
    Source:    Maas et al. 2013, Rectifier nonlinearities improve neural network acoustic models
    """

    def __init__(self, leak: float = 0.01) -> None:
        self.leak = leak

    def forward(self, x: Array) -> Array:
        return np.where(x > 0, x, x * self.leak)

    def slope(self, x: Array) -> Array:
        return np.where(x > 0, 1, self.leak).astype(x.dtype)

    def parts(self, x: float) -> dict[str, float]:
        return {f"{self.leak:g} · {{x}}": self.leak * x} if x < 0 else {"{x}": x}


class Sigmoid(Curve):
    """Any number squeezed between 0 and 1.

    Formula:   out = σ(x) = 1 / (1 + e⁻ˣ)
    Shapes:    x → the same
    Backward:  dx = grad · σ(x) · (1 − σ(x))
    Source:    Rumelhart et al. 1986, Learning representations by back-propagating errors, eq. 2
    """

    def forward(self, x: Array) -> Array:
        return sigmoid(x)

    def slope(self, x: Array) -> Array:
        return np.asarray(self.result * (1 - self.result))

    def parts(self, x: float) -> dict[str, float]:
        return {"1 / (1 + exp(−{x}))": _sigmoid(x)}


class Tanh(Curve):
    """Any number squeezed between −1 and 1.

    Formula:   out = tanh x = (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)
    Shapes:    x → the same
    Backward:  dx = grad · (1 − tanh² x)
    Source:    Abramowitz and Stegun 1964, 4.5.3
    """

    def forward(self, x: Array) -> Array:
        return np.tanh(x)

    def slope(self, x: Array) -> Array:
        return 1 - np.square(self.result)

    def parts(self, x: float) -> dict[str, float]:
        return {"tanh({x})": math.tanh(x)}


class GELU(Curve):
    """Each number times the share of a normal distribution that lies below it.

    Formula:   out = x · Φ(x) = x/2 + x/2 · erf(x/√2)
    Shapes:    x → the same
    Backward:  dx = grad · (Φ(x) + x · φ(x)), with the normal density φ(x) = e^(−x²/2) / √(2π)
    Source:    Hendrycks and Gimpel 2016, Gaussian error linear units, section 2
    """

    def forward(self, x: Array) -> Array:
        return np.asarray(x * normal_share(x))

    def slope(self, x: Array) -> Array:
        density = np.exp(-0.5 * np.square(x)) / math.sqrt(2 * math.pi)
        return normal_share(x) + x * density

    def parts(self, x: float) -> dict[str, float]:
        return {"½ {x}": x / 2, "½ {x} · erf({x} / √2)": x / 2 * math.erf(x / math.sqrt(2))}


class TanhGELU(Curve):
    """GELU with tanh in place of the normal distribution, as GPT-2 uses it.

    Formula:   out = x/2 + x/2 · tanh(s), s = √(2/π) · (x + 0.044715 x³)
    Shapes:    x → the same
    Backward:  dx = grad · ((1 + tanh s)/2 + x/2 · (1 − tanh² s) · √(2/π) · (1 + 0.134145 x²))
    Source:    Hendrycks and Gimpel 2016, Gaussian error linear units, section 2
    """

    SCALE = math.sqrt(2 / math.pi)
    CUBIC = 0.044715

    def forward(self, x: Array) -> Array:
        return np.asarray(0.5 * x * (1 + self._tanh(x)))

    def _tanh(self, x: Array) -> Array:
        return np.asarray(np.tanh(self.SCALE * (x + self.CUBIC * x * x * x)))

    def slope(self, x: Array) -> Array:
        tanh = self._tanh(x)
        inner = self.SCALE * (1 + 3 * self.CUBIC * x * x)
        return np.asarray(0.5 * (1 + tanh) + 0.5 * x * (1 - tanh * tanh) * inner)

    def parts(self, x: float) -> dict[str, float]:
        bent = math.tanh(self.SCALE * (x + self.CUBIC * x * x * x))
        return {"½ {x}": x / 2, "½ {x} · tanh(0.798 ({x} + 0.0447 {x}³))": x / 2 * bent}


class SiLU(Curve):
    """Each number times its own sigmoid.

    Formula:   out = x · σ(x), with σ(x) = 1 / (1 + e⁻ˣ)
    Shapes:    x → the same
    Backward:  dx = grad · σ(x) · (1 + x · (1 − σ(x)))
    Source:    Elfwing et al. 2018, Sigmoid-weighted linear units, eq. 1
    """

    def forward(self, x: Array) -> Array:
        return np.asarray(x * sigmoid(x))

    def slope(self, x: Array) -> Array:
        share = sigmoid(x)
        return np.asarray(share * (1 + x * (1 - share)))

    def parts(self, x: float) -> dict[str, float]:
        return {"{x} · 1 / (1 + exp(−{x}))": x * _sigmoid(x)}


class Softplus(Curve):
    """A ReLU with a round corner.

    Formula:   out = ln(1 + e^(βx)) / β = max(x, 0) + ln(1 + e^−|βx|) / β, and x itself where βx is
               above `threshold`, where that is less than 2.1e-9/β away (20, as in PyTorch)
    Shapes:    x → the same
    Backward:  dx = grad · σ(βx), with σ(x) = 1 / (1 + e⁻ˣ), and grad above `threshold`
    Source:    Dugas et al. 2001, Incorporating second-order functional knowledge, eq. 4
    """

    def __init__(self, threshold: float = 20.0, beta: float = 1.0) -> None:
        self.threshold = threshold
        self.beta = beta

    def forward(self, x: Array) -> Array:
        bent = np.maximum(x, 0) + np.log1p(np.exp(-np.abs(self.beta * x))) / self.beta
        return np.where(self.beta * x > self.threshold, x, bent)

    def slope(self, x: Array) -> Array:
        steep = self.beta * x > self.threshold
        return np.where(steep, 1, sigmoid(self.beta * x)).astype(x.dtype)

    def parts(self, x: float) -> dict[str, float]:
        if self.beta * x > self.threshold:
            return {"{x}": x}
        bent = math.log1p(math.exp(-abs(self.beta * x))) / self.beta
        if self.beta == 1:
            return {"max({x}, 0)": max(x, 0.0), "ln(1 + exp(−|{x}|))": bent}
        beta = f"{self.beta:g}"
        return {"max({x}, 0)": max(x, 0.0), f"ln(1 + exp(−|{beta} · {{x}}|)) / {beta}": bent}


class Sin(Curve):
    """The height of a point that goes round a circle of radius 1, x being the way along it.

    Formula:   out = sin x
    Shapes:    x → the same
    Backward:  dx = grad · cos x
    Source:    Abramowitz and Stegun 1964, 4.3.105
    """

    def forward(self, x: Array) -> Array:
        return np.sin(x)

    def slope(self, x: Array) -> Array:
        return np.cos(x)

    def parts(self, x: float) -> dict[str, float]:
        return {"sin({x})": math.sin(x)}


class Cos(Curve):
    """How far to the right the same point is.

    Formula:   out = cos x
    Shapes:    x → the same
    Backward:  dx = −grad · sin x
    Source:    Abramowitz and Stegun 1964, 4.3.106
    """

    def forward(self, x: Array) -> Array:
        return np.cos(x)

    def slope(self, x: Array) -> Array:
        return -np.sin(x)

    def parts(self, x: float) -> dict[str, float]:
        return {"cos({x})": math.cos(x)}
