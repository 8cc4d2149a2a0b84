"""Each place asks all places, and takes most from those that answer best."""

from __future__ import annotations

import math

import numpy as np

from pellucid.scratch.arrays import Array, Index, sum_to_shape, unbroadcast, window
from pellucid.scratch.explanation import Place, Terms
from pellucid.scratch.op import Op
from pellucid.scratch.ops.softmax import softmax


class ScaledDotProductAttention(Op):
    """A mean of the values, weighed by how well each key answers the query.

    Formula:   out[i, d] = Σⱼ p[i, j] · values[j, d],
               p[i, …] = softmax of Σₖ queries[i, k] · keys[j, k] / √width + mask[i, j] over j;
               with `causal`, j runs only to i: nobody looks ahead
    Shapes:    queries (…, n, width), keys (…, m, width), values (…, m, v), mask broadcasts to
               (…, n, m) or none → out (…, n, v)
    Backward:  dvalues = pᵀ @ grad; ds = p · (dp − Σⱼ dp · p) with dp = grad @ valuesᵀ;
               dqueries = ds @ keys / √width, dkeys = dsᵀ @ queries / √width, dmask = ds summed
    Source:    Vaswani et al. 2017, Attention is all you need, eq. 1
    """

    def __init__(self, causal: bool = False) -> None:
        self.causal = causal

    def forward(
        self, queries: Array, keys: Array, values: Array, mask: Array | None = None
    ) -> Array:
        scores = queries @ keys.swapaxes(-1, -2) * _scale(queries)
        if mask is not None:
            scores = scores + mask
        if self.causal:
            ahead = np.triu(np.ones(scores.shape[-2:], bool), k=1)
            scores = np.where(ahead, -np.inf, scores)
        self.shares = softmax(scores)
        return np.asarray(self.shares @ values)

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        queries, keys, values, *mask = self.arrays
        of_shares = gradient @ values.swapaxes(-1, -2)
        weighed = (of_shares * self.shares).sum(axis=-1, keepdims=True)
        of_scores = self.shares * (of_shares - weighed)
        found = (
            of_scores @ keys * _scale(queries),
            of_scores.swapaxes(-1, -2) @ queries * _scale(queries),
            self.shares.swapaxes(-1, -2) @ gradient,
            of_scores,
        )
        given = (queries, keys, values, *mask)
        return tuple(sum_to_shape(d, x.shape) for d, x in zip(found, given, strict=False))

    def roundings(self) -> int:
        queries, keys, *_ = self.arrays
        return int(queries.shape[-1] + keys.shape[-2]) + 16

    def terms(self, index: Index) -> Terms:
        queries, keys, values, *mask = (array.astype(np.float64) for array in self.arrays)
        *lead, i, d = index
        of_keys = unbroadcast(tuple(lead), keys.shape[:-2])
        of_values = unbroadcast(tuple(lead), values.shape[:-2])
        query = queries[(*unbroadcast(tuple(lead), queries.shape[:-2]), i)]
        answers = keys[of_keys] * query * _scale(queries)
        scores = answers.sum(axis=-1)
        if mask:
            whole = np.broadcast_to(mask[0], (*mask[0].shape[:-2], queries.shape[-2], len(scores)))
            scores = scores + whole[(*unbroadcast(tuple(lead), whole.shape[:-2]), i)]
        if self.causal:
            scores[i + 1 :] = -np.inf
        shares = softmax(scores)
        products = shares * values[window(*of_values, slice(None), d)]

        def describe(j: int) -> tuple[str, tuple[Place, ...]]:
            value, key = self.place(2, (*of_values, j, d)), self.place(1, (*of_keys, j))
            label = f"{shares[j]:.4g} · {value}, the share of {key}"
            return label, (value,)

        return Terms(products, describe, np.abs(products) * _shakiness(answers, scores))


def _scale(queries: Array) -> float:
    return 1 / math.sqrt(queries.shape[-1])


def _shakiness(answers: Array, scores: Array) -> float:
    """By how much more than a plain product a share is shaken by its scores' roundings."""
    reachable = np.isfinite(scores)
    sizes = np.abs(answers).sum(axis=-1) + np.abs(np.where(reachable, scores, 0))
    return 1 + 2 * float(sizes[reachable].max(initial=0))
