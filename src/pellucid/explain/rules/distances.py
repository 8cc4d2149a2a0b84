"""Weights with a length of their own, and distances between rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pellucid.explain.reading import Reading, Scalar, product, single
from pellucid.scratch.arrays import Array, Index, window
from pellucid.scratch.explanation import Explanation

Rule = Callable[[Reading], Explanation]


def _slice(r: Reading, name: str) -> tuple[Array, Index]:
    """The part of a weight that has one length, and the place of that length."""
    operand, axis = r.tensor(name), r.setting("dim", 0)
    axis %= len(operand.shape)
    box = [slice(None)] * len(operand.shape)
    at = [0] * len(operand.shape)
    at[axis] = r.index[axis]
    whole = window(*(r.index[axis] if k == axis else part for k, part in enumerate(box)))
    return operand.array[whole].astype(np.float64), tuple(at)


def weight_norm(r: Reading) -> Explanation:
    """direction / its length · wanted length; then the lengths. Source: Salimans, Kingma 2016"""
    direction, at = _slice(r, "v")
    length = float(np.sqrt(np.square(direction).sum()))
    if r.output == 1:
        return r.sum("WeightNorm", single(f"length of {direction.size} numbers", length),
                     direction.size + 8)  # fmt: skip
    factor = Scalar(1 / length, f"1/{length:.6g}")
    terms = [product(r.scalar("v", r.index), r.scalar("g", at), factor)]
    return r.sum("WeightNorm", terms, direction.size + 8)


def weight_norm_backward(r: Reading) -> Explanation:
    """The gradient of the direction, then of the length."""
    (direction, at), (gradient, _) = _slice(r, "saved_v"), _slice(r, "grad_w")
    length = r.tensor("saved_norms").read(at)
    met, size = float((direction * gradient).sum()), float(np.abs(direction * gradient).sum())
    if r.output == 1:
        text = f"Σ gradient · direction / {length:.6g}"
        return r.sum("WeightNorm, backward", single(text, met / length, size=size / length),
                     direction.size + 8)  # fmt: skip
    wanted, own = r.scalar("saved_g", at), r.scalar("saved_v", r.index)
    factor = Scalar(1 / length, f"1/{length:.6g}")
    pulled = Scalar(-met / length**3, f"(−{met:.4g} / {length:.4g}³)")
    drag = abs(wanted.value * own.value) * size / length**3
    return r.sum("WeightNorm, backward", [
        product(wanted, r.scalar("grad_w", r.index), factor),
        product(wanted, own, pulled, size=drag),
    ], direction.size + 16)  # fmt: skip


def _pair(r: Reading, i: int, j: int, lead: Index) -> tuple[Array, Array]:
    x, y = r.tensor("x1"), r.tensor("x2")
    return x.array[(*lead, i)].astype(np.float64), y.array[(*lead, j)].astype(np.float64)


def distance(r: Reading) -> Explanation:
    """`cdist`: between each row of one and each row of the other."""
    *lead, i, j = r.index
    a, b = _pair(r, i, j, tuple(lead))
    order = float(r.setting("p"))
    value = float(np.linalg.norm(a - b, order))
    size = float(np.linalg.norm(np.abs(a) + np.abs(b), order))
    text = f"distance of order {order:g} between row {i} and row {j}"
    return r.sum("Distance", single(text, value, size=size), len(a) + 16)


def distance_backward(r: Reading) -> Explanation:
    """Along the difference of the rows, by every distance that the row is in."""
    if float(r.setting("p")) != 2:
        r.refuse(f"its order is {r.setting('p'):g}; only 2 is written out")
    *lead, i, feature = r.index
    gradient, distances = r.tensor("grad"), r.tensor("cdist")
    x, y = r.tensor("x1"), r.tensor("x2")
    own, terms = r.at(x, r.index), []
    for j in range(y.shape[-2]):
        arrived, other = r.at(gradient, (*lead, i, j)), r.at(y, (*lead, j, feature))
        between = distances.read((*lead, i, j))
        share = arrived.value / between if between else 0.0
        text = f"{arrived.text} · ({own.text} − {other.text}) / {between:.4g}"
        size = abs(share) * (abs(own.value) + abs(other.value))
        terms += single(text, share * (own.value - other.value), arrived, own, other, size=size)
    return r.sum("Distance, backward", terms, 8)


RULES: dict[str, Rule] = {
    "_weight_norm_interface": weight_norm,
    "_weight_norm_interface_backward": weight_norm_backward,
    "_cdist_forward": distance,
    "_cdist_backward": distance_backward,
}
