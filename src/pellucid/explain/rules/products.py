"""Matrix products."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pellucid.explain.operand import Operand
from pellucid.explain.reading import Reading, number, product
from pellucid.scratch.arrays import Index
from pellucid.scratch.explanation import Explanation, Place, Terms

Rule = Callable[[Reading], Explanation]


def inner(
    a: Operand, b: Operand, row: Index, column: Callable[[int], Index], scale: float = 1.0
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
    return inner(a, b, (*stack, i), lambda k: (*stack, _whole(k), j), scale)  # type: ignore[arg-type]


def product_of(first: str, second: str) -> Rule:
    def rule(r: Reading) -> Explanation:
        return r.sum("MatMul", matrix(r.tensor(first), r.tensor(second), r.index))

    return rule


def matrix_vector(r: Reading) -> Explanation:
    terms = inner(r.tensor("self"), r.tensor("vec"), r.index, lambda k: (_whole(k),))  # type: ignore[arg-type,return-value]
    return r.sum("MatMul", terms)


def dot(r: Reading) -> Explanation:
    other = r.tensor("tensor" if "tensor" in r.arguments else "other")
    terms = inner(r.tensor("self"), other, (), lambda k: (_whole(k),))  # type: ignore[arg-type,return-value]
    return r.sum("MatMul", terms)


def with_addend(first: str, second: str) -> Rule:
    """`addmm` and its like: beta · self + alpha · (a @ b)."""

    def rule(r: Reading) -> Explanation:
        alpha, beta = float(r.setting("alpha", 1)), r.setting("beta", 1)
        if second == "vec":
            terms = inner(r.tensor(first), r.tensor(second), r.index, lambda k: (_whole(k),), alpha)  # type: ignore[arg-type,return-value]
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


RULES: dict[str, Rule] = {
    "mm": product_of("self", "mat2"),
    "bmm": product_of("self", "mat2"),
    "mv": matrix_vector,
    "dot": dot,
    "vdot": dot,
    "addmm": with_addend("mat1", "mat2"),
    "baddbmm": with_addend("batch1", "batch2"),
    "addmv": with_addend("mat", "vec"),
}
