"""The matrix product, also of stacks of matrices."""

from __future__ import annotations

import numpy as np

from pellucid.base.errors import WrongUse
from pellucid.scratch.arrays import Array, Index, sum_to_shape, unbroadcast
from pellucid.scratch.explanation import Place, Terms
from pellucid.scratch.op import Op


class MatMul(Op):
    """Every row of `a` meets every column of `b`.

    Formula:   out[…, i, j] = Σₖ a[…, i, k] · b[…, k, j]
    Shapes:    a (…, n, k), b (…, k, m) → out (…, n, m), with the leading axes broadcast;
               a (k,) is taken as one row, b (k,) as one column, and that axis vanishes in out
    Backward:  da = grad @ bᵀ, db = aᵀ @ grad, each summed over the axes it was stretched along
    Source:    Giles 2008, Collected matrix derivative results, section 2.2.2
    """

    def forward(self, a: Array, b: Array) -> Array:
        try:
            return np.asarray(a @ b)
        except ValueError as error:
            raise WrongUse(
                self.name(),
                f"shapes {a.shape} and {b.shape}",
                "as many columns in the first as there are rows in the second",
                "transpose or reshape one of them",
            ) from error

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        a, b = self.arrays
        row, column, out = self._as_matrices(gradient)
        wants_a, wants_b = self.wanted
        da = db = None
        if wants_a:
            da = sum_to_shape(out @ column.swapaxes(-1, -2), row.shape).reshape(a.shape)
        if wants_b and column.ndim == 2:  # one weight for all rows: a single large product
            count = int(np.prod(row.shape[:-1]))
            rows, pulls = row.reshape(count, row.shape[-1]), out.reshape(count, out.shape[-1])
            db = (rows.T @ pulls).reshape(b.shape)
        elif wants_b:
            db = sum_to_shape(row.swapaxes(-1, -2) @ out, column.shape).reshape(b.shape)
        return da, db

    def _as_matrices(self, gradient: Array) -> tuple[Array, Array, Array]:
        """Both inputs and the gradient with at least two axes."""
        a, b = self.arrays
        row = a[None, :] if a.ndim == 1 else a
        column = b[:, None] if b.ndim == 1 else b
        lead = np.broadcast_shapes(row.shape[:-2], column.shape[:-2])
        return row, column, gradient.reshape(*lead, row.shape[-2], column.shape[-1])

    def terms(self, index: Index) -> Terms:
        a, b = self.arrays
        lead = index[: len(index) - (a.ndim > 1) - (b.ndim > 1)]
        i = (index[len(lead)],) if a.ndim > 1 else ()
        j = (index[-1],) if b.ndim > 1 else ()
        of_a, of_b = unbroadcast(lead, a.shape[:-2]), unbroadcast(lead, b.shape[:-2])
        row, column = a[(*of_a, *i)], b[(*of_b, slice(None), *j)]

        def describe(k: int) -> tuple[str, tuple[Place, ...]]:
            first, second = self.place(0, (*of_a, *i, k)), self.place(1, (*of_b, k, *j))
            return f"{first} · {second}", (first, second)

        return Terms(row.astype(np.float64) * column, describe)
