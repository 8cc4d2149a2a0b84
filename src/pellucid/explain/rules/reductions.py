"""Sums, means, extremes and spreads along axes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid.explain.operand import Operand
from pellucid.explain.reading import Reading, product, single
from pellucid.scratch.arrays import Array, Index, nth_place, window
from pellucid.scratch.explanation import Explanation, Place, Terms

Rule = Callable[[Reading], Explanation]


class Line:
    """The numbers of an operand that one number of the result is made of."""

    def __init__(self, r: Reading, axes: Any, keepdim: bool, name: str = "self") -> None:
        self.operand: Operand = r.tensor(name)
        dimensions = len(self.operand.shape)
        chosen = [axes] if isinstance(axes, int) else list(axes or [])
        self.axes = sorted({axis % max(dimensions, 1) for axis in chosen}) or list(
            range(dimensions)
        )
        self.axes = [axis for axis in self.axes if axis < dimensions]
        left = iter(r.index)
        self.first: list[int | slice] = []
        for axis in range(dimensions):
            if axis in self.axes:
                self.first.append(slice(None))
                if keepdim:
                    next(left, 0)
            else:
                self.first.append(next(left))
        self.values: Array = self.operand.array[window(*self.first)]
        self.sizes = self.values.shape
        self.wide: Array = self.values.astype(np.float64).ravel()

    def place(self, number: int) -> Place:
        """Where the `number`-th of them comes from."""
        return self.operand.place(self.index(number))

    def index(self, number: int) -> Index:
        inner = iter(nth_place(number, self.sizes))
        return tuple(next(inner) if isinstance(at, slice) else at for at in self.first)

    def terms(self, values: Array, words: str = "{}", sizes: Array | None = None) -> Terms:
        def describe(number: int) -> tuple[str, tuple[Place, ...]]:
            place = self.place(number)
            return words.format(place), (place,)

        return Terms(values, describe, sizes)


def line_of(r: Reading) -> Line:
    return Line(r, r.setting("dim"), bool(r.setting("keepdim", False)))


def total(r: Reading) -> Explanation:
    line = line_of(r)
    return r.sum("Sum", line.terms(line.wide))


def mean(r: Reading) -> Explanation:
    line = line_of(r)
    count = max(len(line.wide), 1)
    return r.sum("Mean", line.terms(line.wide / count, f"{{}} / {count}"), 3)


def extreme(op: str, choose: Callable[[Array], Any], words: str) -> Rule:
    def rule(r: Reading) -> Explanation:
        line = line_of(r)
        best = int(choose(line.wide))
        place = line.place(best)
        text = f"{place}, the {words} of {len(line.wide)}"
        value = float(line.wide[best])
        return r.sum(op, single(text, value, r.at(line.operand, line.index(best))))

    return rule


def _correction(r: Reading) -> float:
    if "correction" in r.arguments:
        found = r.setting("correction")
        return 1.0 if found is None else float(found)
    return 1.0 if r.setting("unbiased", True) else 0.0


def _squares(r: Reading) -> tuple[Line, Array, Array, float]:
    """Squared distances from the mean, how far rounding may move each, and what divides them."""
    line = line_of(r)
    centre = math.fsum(line.wide) / len(line.wide)
    distance = line.wide - centre
    shaky = distance**2 + np.abs(distance) * (np.abs(line.wide) + float(np.abs(line.wide).mean()))
    return line, distance**2, shaky, max(len(line.wide) - _correction(r), 0.0)


def variance(r: Reading) -> Explanation:
    line, squares, shaky, divisor = _squares(r)
    terms = line.terms(squares / divisor, f"({{}} − mean)² / {divisor:g}", shaky / divisor)
    return r.sum("Variance", terms, 6)


def deviation(r: Reading) -> Explanation:
    line, squares, shaky, divisor = _squares(r)
    value = math.sqrt(math.fsum(squares) / divisor)
    size = value if value == 0 else value + 0.5 * float(shaky.sum()) / divisor / value
    text = f"√(Σ (x − mean)² / {divisor:g}) over {len(squares)} numbers from {line.place(0)}"
    return r.sum("Deviation", single(text, value, size=size), len(squares) + 8)


def variance_and_mean(r: Reading) -> Explanation:
    return variance(r) if r.output == 0 else mean(r)


def norm(r: Reading) -> Explanation:
    """The root of the sum of powers; the largest size for the order ∞."""
    line = line_of(r)
    order = r.setting("ord", r.setting("p", 2))
    order = 2.0 if order is None else float(order)
    sizes = np.abs(line.wide)
    if math.isinf(order):
        value = float(sizes.max() if order > 0 else sizes.min())
    elif order == 0:
        value = float((sizes != 0).sum())
    else:
        value = math.fsum(sizes**order) ** (1 / order)
    text = f"norm of order {order:g} of {len(sizes)} numbers from {line.place(0)}"
    return r.sum("Norm", single(text, value), len(sizes) + 16)


def running_sum(r: Reading) -> Explanation:
    operand = r.tensor("self")
    if not operand.shape:
        return r.sum("CumulativeSum", [product(r.at(operand, ()))])
    axis = r.setting("dim") % len(r.index)
    line = Line(r, axis, True)
    return r.sum("CumulativeSum", line.terms(line.wide[: r.index[axis] + 1]))


def running_product(r: Reading) -> Explanation:
    operand = r.tensor("self")
    axis = r.setting("dim") % max(len(r.index), 1)
    line = Line(r, axis, True)
    until = line.wide[: r.index[axis] + 1] if operand.shape else line.wide
    text = f"product of {len(until)} numbers from {line.place(0)}"
    return r.sum("Product", single(text, math.prod(until.tolist())), len(until))


def running_log_sum(r: Reading) -> Explanation:
    axis = r.setting("dim") % max(len(r.index), 1)
    line = Line(r, axis, True)
    until = line.wide[: r.index[axis] + 1] if r.index else line.wide
    largest = float(until.max())
    rest = math.log(math.fsum(np.exp(until - largest)))
    text = f"ln Σ exp(x) over {len(until)} numbers from {line.place(0)}"
    size = abs(largest) + abs(rest) + 1
    return r.sum("LogSumExp", single(text, largest + rest, size=size), 2 * len(until) + 16)


def total_of_numbers(r: Reading) -> Explanation:
    """`nansum`: what is not a number counts as 0."""
    line = line_of(r)
    return r.sum("Sum", line.terms(np.nan_to_num(line.wide, posinf=np.inf, neginf=-np.inf)))


def trace(r: Reading) -> Explanation:
    operand = r.tensor("self")
    places = [(k, k) for k in range(min(operand.shape))]
    return r.sum("Sum", [product(r.at(operand, place)) for place in places])


def multiplied(r: Reading) -> Explanation:
    line = line_of(r)
    text = f"product of {len(line.wide)} numbers from {line.place(0)}"
    return r.sum("Product", single(text, math.prod(line.wide.tolist())), len(line.wide))


def log_sum_exp(r: Reading) -> Explanation:
    line = line_of(r)
    largest = float(line.wide.max())
    rest = math.log(math.fsum(np.exp(line.wide - largest)))
    text = f"ln Σ exp(x − {largest:.4g}) over {len(line.wide)} numbers"
    place = r.at(line.operand, line.index(int(line.wide.argmax())))
    terms = [product(place), *single(text, rest, size=1 + abs(rest) + abs(largest))]
    return r.sum("LogSumExp", terms, len(line.wide) + 16)


RULES: dict[str, Rule] = {
    "sum": total,
    "mean": mean,
    "amax": extreme("Max", np.argmax, "largest"),
    "amin": extreme("Min", np.argmin, "smallest"),
    "var": variance,
    "std": deviation,
    "var_mean": variance_and_mean,
    "linalg_vector_norm": norm,
    "norm": norm,
    "cumsum": running_sum,
    "prod": multiplied,
    "cumprod": running_product,
    "logcumsumexp": running_log_sum,
    "nansum": total_of_numbers,
    "trace": trace,
    "logsumexp": log_sum_exp,
}
