"""Scores become shares that add up to 1."""

from __future__ import annotations

import math

import numpy as np

from pellucid.scratch.arrays import Array, Index, window
from pellucid.scratch.explanation import Place, Term
from pellucid.scratch.op import Op


def softmax(x: Array, axis: int = -1) -> Array:
    """eˣ divided by its sum; the largest number is taken off first, so that no power overflows."""
    powers = np.exp(x - x.max(axis=axis, keepdims=True, initial=-np.inf))
    return np.asarray(powers / powers.sum(axis=axis, keepdims=True))


class Scores(Op):
    """What softmax and its logarithm share: the scores along one axis compete."""

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def roundings(self) -> int:
        return (
            int(self.arrays[0].shape[self.axis]) + 16
        )  # the sum below, and two powers and a quotient

    def rivals(self, index: Index) -> tuple[Array, int, tuple[Place, ...]]:
        """The scores that compete at `index`, which of them is meant, and their places."""
        (x,) = self.arrays
        axis = self.axis % x.ndim
        line = x[window(*index[:axis], slice(None), *index[axis + 1 :])].astype(np.float64)
        places = tuple(
            self.place(0, (*index[:axis], k, *index[axis + 1 :])) for k in range(len(line))
        )
        return line, index[axis], places


class Softmax(Scores):
    """Each score's share of the whole: larger scores win, and all shares add up to 1.

    Formula:   out[i] = exp(x[i]) / Σⱼ exp(x[j]) along `axis`
    Shapes:    x any shape → the same
    Backward:  dx = out · (grad − Σⱼ gradⱼ · outⱼ)
    Source:    Bridle 1990, Probabilistic interpretation of feedforward classification outputs
    """

    def forward(self, x: Array) -> Array:
        return softmax(x, self.axis)

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        shares = self.result
        weighed = (gradient * shares).sum(axis=self.axis, keepdims=True)
        return (shares * (gradient - weighed),)

    def terms(self, index: Index) -> list[Term]:
        line, own, places = self.rivals(index)
        distances = line - line.max()
        value = math.exp(distances[own]) / math.fsum(np.exp(distances))
        # A score's rounding error is relative to the score; its power multiplies it by e^error.
        size = value * (1 + 2 * _spread(distances, own)) if value else 0.0
        below = "Σ exp" if len(places) > 1 else "exp"
        label = f"exp({places[own]}) / {below}({places[0]}…{places[-1]})"
        return [Term(label, value, (places[own], *places[:own], *places[own + 1 :]), size)]


class LogSoftmax(Scores):
    """The logarithm of each score's share of the whole.

    Formula:   out[i] = x[i] − m − ln Σⱼ exp(x[j] − m) along `axis`, with m the largest x[j]
    Shapes:    x any shape → the same
    Backward:  dx = grad − exp(out) · Σⱼ gradⱼ
    Source:    Blanchard et al. 2021, Accurately computing the log-sum-exp and softmax functions
    """

    def forward(self, x: Array) -> Array:
        distances = x - x.max(axis=self.axis, keepdims=True, initial=-np.inf)
        total = np.log(np.exp(distances).sum(axis=self.axis, keepdims=True))
        return np.asarray(distances - total)

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        total = gradient.sum(axis=self.axis, keepdims=True)
        return (gradient - np.exp(self.result) * total,)

    def terms(self, index: Index) -> list[Term]:
        line, own, places = self.rivals(index)
        largest = int(line.argmax())
        distances = line - line[largest]
        total = math.log(math.fsum(np.exp(distances)))
        return [
            Term(str(places[own]), float(line[own]), (places[own],)),
            Term(f"−{places[largest]}, the largest", -float(line[largest]), (places[largest],)),
            Term("−ln Σ exp(score − largest)", -total, places, 1 + abs(total)),
        ]


def _spread(distances: Array, own: int) -> float:
    """How far the own score, or the average one, lies below the largest."""
    powers = np.exp(distances)
    finite = np.where(powers > 0, distances, 0)
    return abs(float(finite[own])) + abs(float((finite * powers).sum() / powers.sum()))
