"""Matrix products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid.explain.operand import Operand
from pellucid.explain.reading import Reading, number, product
from pellucid.scratch.arrays import Index, nth_place
from pellucid.scratch.explanation import Explanation, Place, Terms

Rule = Callable[[Reading], Explanation]


def inner(
    a: Operand, b: Operand, row: Index, column: Callable[[int], tuple[Any, ...]], scale: float = 1.0
) -> Terms:
    """Σₖ scale · a[row, k] · b[column(k)]."""
    first = a.array[row].astype(np.float64)
    second = b.array[column(-1)].astype(np.float64)
    said = "" if scale == 1 else f"{scale:.6g} · "

    def describe(k: int) -> tuple[str, tuple[Place, ...]]:
        places = a.place((*row, k)), b.place(column(k))
        return f"{said}{places[0]} · {places[1]}", places

    return Terms(first * second * scale, describe)


def _whole(place: int) -> int | slice:
    return slice(None) if place < 0 else place


def matrix(a: Operand, b: Operand, index: Index, scale: float = 1.0) -> Terms:
    """A number of a product of matrices, or of stacks of them."""
    *stack, i, j = index
    return inner(a, b, (*stack, i), lambda k: (*stack, _whole(k), j), scale)


def product_of(first: str, second: str) -> Rule:
    def rule(r: Reading) -> Explanation:
        return r.sum("MatMul", matrix(r.tensor(first), r.tensor(second), r.index))

    return rule


def matrix_vector(r: Reading) -> Explanation:
    terms = inner(r.tensor("self"), r.tensor("vec"), r.index, lambda k: (_whole(k),))
    return r.sum("MatMul", terms)


def dot(r: Reading) -> Explanation:
    other = r.tensor("tensor" if "tensor" in r.arguments else "other")
    terms = inner(r.tensor("self"), other, (), lambda k: (_whole(k),))
    return r.sum("MatMul", terms)


def with_addend(first: str, second: str) -> Rule:
    """`addmm` and its like: beta · self + alpha · (a @ b)."""

    def rule(r: Reading) -> Explanation:
        alpha, beta = float(r.setting("alpha", 1)), r.setting("beta", 1)
        if second == "vec":
            terms = inner(r.tensor(first), r.tensor(second), r.index, lambda k: (_whole(k),), alpha)
        else:
            terms = matrix(r.tensor(first), r.tensor(second), r.index, alpha)
        if beta == 0:
            return r.sum("MatMul", terms)
        addend = product(number(beta), r.scalar("self"))
        return r.sum("MatMul", _with(terms, addend.value, addend.label, addend.source), 4)

    return rule


def _with(terms: Terms, value: float, label: str, source: tuple[Place, ...]) -> Terms:
    """The same terms and one more."""
    count = len(terms)

    def describe(k: int) -> tuple[str, tuple[Place, ...]]:
        return (label, source) if k == count else (terms[k].label, terms[k].source)

    return Terms(np.append(terms.values, value), describe)


def summed_stack(r: Reading) -> Explanation:
    """`addbmm`: beta · self + alpha · Σ over the stack of a @ b."""
    alpha, beta = float(r.setting("alpha", 1)), r.setting("beta", 1)
    a, b, (i, j) = r.tensor("batch1"), r.tensor("batch2"), r.index
    width = a.shape[2]
    values = (a.array[:, i, :].astype(np.float64) * b.array[:, :, j] * alpha).ravel()

    def describe(k: int) -> tuple[str, tuple[Place, ...]]:
        n, inside = divmod(k, width)
        places = a.place((n, i, inside)), b.place((n, inside, j))
        return f"{alpha:g} · {places[0]} · {places[1]}", places

    terms = Terms(values, describe)
    if beta == 0:
        return r.sum("MatMul", terms)
    addend = product(number(beta), r.scalar("self"))
    return r.sum("MatMul", _with(terms, addend.value, addend.label, addend.source), 4)


def outer(r: Reading) -> Explanation:
    """`addr`: beta · self + alpha · the product of two vectors' numbers."""
    (i, j), alpha = r.index, number(r.setting("alpha", 1))
    term = product(alpha, r.scalar("vec1", (i,)), r.scalar("vec2", (j,)))
    addend = product(number(r.setting("beta", 1)), r.scalar("self"))
    return r.sum("MatMul", [addend, term], 4)


def cross(r: Reading) -> Explanation:
    """The cross product: of the two axes that are not one's own."""
    axis = r.setting("dim") % len(r.index)
    before, own, after = r.index[:axis], r.index[axis], r.index[axis + 1 :]
    first, second = (*before, (own + 1) % 3, *after), (*before, (own + 2) % 3, *after)
    a, b = r.tensor("self"), r.tensor("other")
    plus = product(r.at(a, a.under(first)), r.at(b, b.under(second)))
    minus = product(number(-1), r.at(a, a.under(second)), r.at(b, b.under(first)))
    return r.sum("Cross", [plus, minus], 4)


def of_three(r: Reading) -> Explanation:
    """`_trilinear`, of a bilinear layer: three tensors multiplied with broadcasting, then summed.

    Each gets axes of size 1 first; over `sumdim` it is summed.
    """
    operands = [r.tensor(f"i{k}") for k in (1, 2, 3)]
    stretched = [r.setting(f"expand{k}") for k in (1, 2, 3)]
    arrays = [
        np.expand_dims(operand.array, tuple(axes)).astype(np.float64)
        for operand, axes in zip(operands, stretched, strict=True)
    ]
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    summed = sorted(axis % len(shape) for axis in r.setting("sumdim"))
    own = iter(r.index)
    box = [slice(None) if axis in summed else next(own) for axis in range(len(shape))]
    met = np.ones(shape)
    for array in arrays:
        met = met * array
    values = met[tuple(box)]

    def describe(k: int) -> tuple[str, tuple[Place, ...]]:
        inner = iter(nth_place(k, values.shape))
        at = [next(inner) if isinstance(entry, slice) else entry for entry in box]
        places = tuple(
            operand.place(tuple(
                0 if array.shape[axis] == 1 else at[axis]
                for axis in range(len(shape)) if axis not in axes
            ))
            for operand, array, axes in zip(operands, arrays, stretched, strict=True)
        )  # fmt: skip
        return " · ".join(map(str, places)), places

    return r.sum("Bilinear", Terms(values, describe), 4)


RULES: dict[str, Rule] = {
    "mm": product_of("self", "mat2"),
    "bmm": product_of("self", "mat2"),
    "mv": matrix_vector,
    "dot": dot,
    "vdot": dot,
    "addmm": with_addend("mat1", "mat2"),
    "baddbmm": with_addend("batch1", "batch2"),
    "addbmm": summed_stack,
    "addr": outer,
    "linalg_cross": cross,
    "_trilinear": of_three,
    "addmv": with_addend("mat", "vec"),
}
