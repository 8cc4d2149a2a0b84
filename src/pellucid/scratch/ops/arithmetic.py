"""Adding, multiplying and their kin, number by number, with broadcasting."""

from __future__ import annotations

import math
from abc import abstractmethod

import numpy as np

from pellucid.base.errors import WrongUse
from pellucid.scratch.arrays import Array, Index, sum_to_shape, unbroadcast
from pellucid.scratch.explanation import Place, Term
from pellucid.scratch.op import Op


class Pairwise(Op):
    """What the operations on two arrays share: an axis of size 1 serves every place of the other.

    Source of the rule: NumPy's broadcasting.
    """

    def meet(self, a: Array, b: Array) -> None:
        """Refuse shapes that cannot be broadcast."""
        try:
            np.broadcast_shapes(a.shape, b.shape)
        except ValueError as error:
            raise WrongUse(
                self.name(),
                f"shapes {a.shape} and {b.shape}",
                "sizes that are equal, or 1, when read from the last axis",
                "reshape one of them, or give it axes of size 1",
            ) from error

    def fit(self, a: Array | None, b: Array | None) -> tuple[Array | None, Array | None]:
        """Both gradients, summed over the axes along which the inputs were stretched."""
        first, second = self.arrays
        return (
            None if a is None else sum_to_shape(a, first.shape),
            None if b is None else sum_to_shape(b, second.shape),
        )

    def operands(self, index: Index) -> tuple[tuple[Place, float], tuple[Place, float]]:
        """The two numbers that met at `index`, and where they stand."""
        first = unbroadcast(index, self.arrays[0].shape)
        second = unbroadcast(index, self.arrays[1].shape)
        return (
            (self.place(0, first), self.read(0, first)),
            (self.place(1, second), self.read(1, second)),
        )


class Add(Pairwise):
    """Number by number, the sum.

    Formula:   out = a + b
    Shapes:    a and b broadcast → out
    Backward:  da = grad, db = grad, each summed over the axes it was stretched along
    Source:    Baydin et al. 2018, Automatic differentiation in machine learning, section 3
    """

    def forward(self, a: Array, b: Array) -> Array:
        self.meet(a, b)
        return np.asarray(a + b)

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        return self.fit(gradient, gradient)

    def terms(self, index: Index) -> list[Term]:
        return [Term(str(place), value, (place,)) for place, value in self.operands(index)]


class Subtract(Pairwise):
    """Number by number, the difference.

    Formula:   out = a − b
    Shapes:    a and b broadcast → out
    Backward:  da = grad, db = −grad, each summed over the axes it was stretched along
    Source:    Baydin et al. 2018, Automatic differentiation in machine learning, section 3
    """

    def forward(self, a: Array, b: Array) -> Array:
        self.meet(a, b)
        return np.asarray(a - b)

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        return self.fit(gradient, -gradient)

    def terms(self, index: Index) -> list[Term]:
        (a, minuend), (b, subtrahend) = self.operands(index)
        return [Term(str(a), minuend, (a,)), Term(f"−{b}", -subtrahend, (b,))]


class Multiply(Pairwise):
    """Number by number, the product.

    Formula:   out = a · b
    Shapes:    a and b broadcast → out
    Backward:  da = grad · b, db = grad · a, each summed over the axes it was stretched along
    Source:    Baydin et al. 2018, Automatic differentiation in machine learning, section 3
    """

    def forward(self, a: Array, b: Array) -> Array:
        self.meet(a, b)
        return np.asarray(a * b)

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        a, b = self.arrays
        wants_a, wants_b = self.wanted
        return self.fit(gradient * b if wants_a else None, gradient * a if wants_b else None)

    def terms(self, index: Index) -> list[Term]:
        (a, first), (b, second) = self.operands(index)
        return [Term(f"{a} · {b}", first * second, (a, b))]


class Divide(Pairwise):
    """Number by number, the quotient.

    Formula:   out = a / b
    Shapes:    a and b broadcast → out
    Backward:  da = grad / b, db = −grad · a / b², each summed over the axes it was stretched along
    Source:    Baydin et al. 2018, Automatic differentiation in machine learning, section 3
    """

    def forward(self, a: Array, b: Array) -> Array:
        self.meet(a, b)
        return np.asarray(a / b)

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        a, b = self.arrays
        wants_a, wants_b = self.wanted
        share = gradient / b
        return self.fit(share if wants_a else None, -share * (a / b) if wants_b else None)

    def terms(self, index: Index) -> list[Term]:
        (a, above), (b, below) = self.operands(index)
        quotient = np.float64(above) / np.float64(below)  # by zero: infinite, not an exception
        return [Term(f"{a} / {b}", float(quotient), (a, b))]


class Power(Pairwise):
    """Number by number, `a` multiplied `b` times by itself.

    Formula:   out = aᵇ
    Shapes:    a and b broadcast → out
    Backward:  da = grad · b · aᵇ⁻¹, db = grad · aᵇ · ln a, each summed over its stretched axes;
               db is 0 where a is 0
    Source:    Baydin et al. 2018, Automatic differentiation in machine learning, section 3
    """

    ROUNDINGS = 8  # a library's power may be 4 units in the last place off

    def forward(self, a: Array, b: Array) -> Array:
        self.meet(a, b)
        return np.asarray(a**b)

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        a, b = self.arrays
        wants_a, wants_b = self.wanted
        base = exponent = None
        if wants_a:
            base = gradient * np.where(b == 0, 0, b * a ** np.where(b == 0, 1, b - 1))
        if wants_b:
            exponent = gradient * self.result * np.log(np.where(a == 0, 1, a))
        return self.fit(base, exponent)

    def terms(self, index: Index) -> list[Term]:
        (a, base), (b, exponent) = self.operands(index)
        try:
            value = math.pow(base, exponent)
        except (ValueError, OverflowError):  # no real number, by zero, or too large for a float
            value = float(np.float64(base) ** np.float64(exponent))
        return [Term(f"{a} ^ {b}", value, (a, b))]


class Extreme(Pairwise):
    """What maximum and minimum share: one of two numbers passes."""

    ROUNDINGS = 0

    @abstractmethod
    def wins(self, a: Array, b: Array) -> Array:
        """Where `a` passes, equal numbers aside."""

    def forward(self, a: Array, b: Array) -> Array:
        self.meet(a, b)
        return np.asarray(np.where(self.wins(a, b), a, b))

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        a, b = self.arrays
        share = (self.wins(a, b) + 0.5 * (a == b)).astype(gradient.dtype)
        return self.fit(gradient * share, gradient * (1 - share))

    def terms(self, index: Index) -> list[Term]:
        (a, first), (b, second) = self.operands(index)
        passes, value = (a, first) if self.wins(np.array(first), np.array(second)) else (b, second)
        return [Term(f"{passes}, of {a} and {b}", value, (passes,))]


class Maximum(Extreme):
    """Number by number, the larger of two.

    Formula:   out = max(a, b)
    Shapes:    a and b broadcast → out
    Backward:  da = grad where a is larger, db = grad where b is; half each where they are equal;
               each summed over the axes it was stretched along
    Source:    Goodfellow et al. 2013, Maxout networks, eq. 1; the halves as in PyTorch
    """

    def wins(self, a: Array, b: Array) -> Array:
        return np.asarray(a > b)


class Minimum(Extreme):
    """Number by number, the smaller of two.

    Formula:   out = min(a, b) = −max(−a, −b)
    Shapes:    a and b broadcast → out
    Backward:  da = grad where a is smaller, db = grad where b is; half each where they are equal;
               each summed over the axes it was stretched along
    Source:    Goodfellow et al. 2013, Maxout networks, eq. 1; the halves as in PyTorch
    """

    def wins(self, a: Array, b: Array) -> Array:
        return np.asarray(a < b)


class Negative(Op):
    """Every number with the other sign.

    Formula:   out = −a
    Shapes:    a → the same
    Backward:  da = −grad
    Source:    Baydin et al. 2018, Automatic differentiation in machine learning, section 3
    """

    def forward(self, a: Array) -> Array:
        return np.negative(a)

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        return (-gradient,)

    def terms(self, index: Index) -> list[Term]:
        place = self.place(0, index)
        return [Term(f"−{place}", -self.read(0, index), (place,))]
