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
               p[i, …] = softmax of Σₖ queries[i, k] · keys[j, k] · scale + mask[i, j] over j,
               scale = 1 / √width if not told; a mask of true and false lets i look at j where it
               is true; with `causal`, j runs only to i: nobody looks ahead; who may look at
               nothing gets 0
    Shapes:    queries (…, n, width), keys (…, m, width), values (…, m, v), mask broadcasts to
               (…, n, m) or none → out (…, n, v)
    Backward:  dvalues = pᵀ @ grad; ds = p · (dp − Σⱼ dp · p) with dp = grad @ valuesᵀ;
               dqueries = ds @ keys · scale, dkeys = dsᵀ @ queries · scale, dmask = ds summed
    Source:    Vaswani et al. 2017, Attention is all you need, eq. 1
    """

    def __init__(self, causal: bool = False, scale: float | None = None) -> None:
        self.causal = causal
        self.scale = scale

    def forward(
        self, queries: Array, keys: Array, values: Array, mask: Array | None = None
    ) -> Array:
        scores = queries @ keys.swapaxes(-1, -2) * self._scale()
        if mask is not None:
            scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
        if self.causal:
            ahead = np.triu(np.ones(scores.shape[-2:], bool), k=1)
            scores = np.where(ahead, -np.inf, scores)
        self.shares = _shares(scores).astype(queries.dtype)
        return np.asarray(self.shares @ values)

    def _scale(self) -> float:
        return 1 / math.sqrt(self.arrays[0].shape[-1]) if self.scale is None else self.scale

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        queries, keys, values, *mask = self.arrays
        of_shares = gradient @ values.swapaxes(-1, -2)
        weighed = (of_shares * self.shares).sum(axis=-1, keepdims=True)
        of_scores = self.shares * (of_shares - weighed)
        found = (
            of_scores @ keys * self._scale(),
            of_scores.swapaxes(-1, -2) @ queries * self._scale(),
            self.shares.swapaxes(-1, -2) @ gradient,
            of_scores,
        )
        given = (queries, keys, values, *mask)
        return tuple(
            None if x.dtype == bool else sum_to_shape(d, x.shape)
            for d, x in zip(found, given, strict=False)
        )

    def roundings(self) -> int:
        queries, keys, *_ = self.arrays
        return int(queries.shape[-1] + keys.shape[-2]) + 16

    def terms(self, index: Index) -> Terms:
        queries, keys, values = (array.astype(np.float64) for array in self.arrays[:3])
        *lead, i, d = index
        of_keys = unbroadcast(tuple(lead), keys.shape[:-2])
        of_values = unbroadcast(tuple(lead), values.shape[:-2])
        query = queries[(*unbroadcast(tuple(lead), queries.shape[:-2]), i)]
        answers = keys[of_keys] * query * self._scale()
        scores = answers.sum(axis=-1)
        for mask in self.arrays[3:]:
            whole = np.broadcast_to(mask, (*mask.shape[:-2], queries.shape[-2], len(scores)))
            own = whole[(*unbroadcast(tuple(lead), whole.shape[:-2]), i)]
            scores = np.where(own, scores, -np.inf) if mask.dtype == bool else scores + own
        if self.causal:
            scores[i + 1 :] = -np.inf
        shares = _shares(scores)
        products = shares * values[window(*of_values, slice(None), d)]

        def describe(j: int) -> tuple[str, tuple[Place, ...]]:
            value, key = self.place(2, (*of_values, j, d)), self.place(1, (*of_keys, j))
            label = f"{shares[j]:.4g} · {value}, the share of {key}"
            return label, (value,)

        return Terms(products, describe, np.abs(products) * _shakiness(answers, scores))


def _shares(scores: Array) -> Array:
    """Softmax over the last axis; all 0 where no score is allowed, as nobody is looked at."""
    is_blind = np.isneginf(scores).all(axis=-1, keepdims=True)
    return np.where(is_blind, 0, softmax(np.where(is_blind, 0, scores)))


def _shakiness(answers: Array, scores: Array) -> float:
    """By how much more than a plain product a share is shaken by its scores' roundings."""
    reachable = np.isfinite(scores)
    sizes = np.abs(answers).sum(axis=-1) + np.abs(np.where(reachable, scores, 0))
    return 1 + 2 * float(sizes[reachable].max(initial=0))
