"""Scaled dot-product attention that a CPU runs as one call, forward and backward."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pellucid.explain.chain import LIBRARY, Chain, computed
from pellucid.explain.operand import Operand
from pellucid.explain.reading import Reading
from pellucid.scratch.arrays import Array, Index
from pellucid.scratch.explanation import Explanation, Place

Rule = Callable[[Reading], Explanation]


class Part(NamedTuple):
    """What one head gives to a sum: Σ weight · number."""

    lead: Index
    weights: Tensor
    products: Tensor
    chain: Chain


class Shares(NamedTuple):
    """What some queries give to every key, (queries, keys), with the chain that led there."""

    chain: Chain
    scores: Tensor
    shares: Tensor


def _scale(r: Reading) -> float:
    given = r.setting("scale")
    return 1 / math.sqrt(r.tensor("query").shape[-1]) if given is None else float(given)


def _mask(r: Reading, lead: Index, rows: slice) -> Array | None:
    """What is added to the scores of these rows: a mask, and −∞ for what lies ahead."""
    batch = r.tensor("query").shape[:-2]
    queries, keys = r.tensor("query").shape[-2], r.tensor("key").shape[-2]
    mask, found = r.maybe("attn_mask"), None
    if mask is not None:
        whole = np.broadcast_to(mask.array, (*batch, queries, keys))[lead][rows]
        found = np.where(whole, 0.0, -np.inf) if whole.dtype == bool else whole.astype(np.float64)
    if r.setting("is_causal"):
        ahead = np.triu(np.ones((queries, keys), bool), k=1)[rows]
        found = np.where(ahead, -np.inf, 0.0 if found is None else found)
    return found


def _group(r: Reading) -> int:
    """How many heads of queries share one head of keys and values."""
    return r.tensor("query").shape[-3] // r.tensor("key").shape[-3]


def _of_keys(r: Reading, lead: Index) -> Index:
    """The head of the keys that a head of the queries looks at."""
    return (*lead[:-1], lead[-1] // _group(r))


def _shares(r: Reading, lead: Index, rows: slice) -> Shares:
    chain = Chain(r.unit)
    queries = chain.given(r.tensor("query").array[lead][rows])
    keys = chain.given(r.tensor("key").array[_of_keys(r, lead)])
    scores = chain.rounded(chain.product(queries, keys.mT) * _scale(r), 2)
    mask = _mask(r, lead, rows)
    if mask is not None:
        added = chain.given(mask)
        open_to = torch.isfinite(added)
        size = torch.where(open_to, scores.detach().abs() + added.abs(), 0.0)
        scores = chain.rounded(scores + torch.where(open_to, added, 0.0), 1, size)
        scores = torch.where(open_to, scores, -math.inf)
    powers = (scores - scores.detach().amax(-1, keepdim=True)).exp()
    powers = chain.rounded(powers, LIBRARY)
    total = chain.rounded(powers.sum(-1, keepdim=True), powers.shape[-1])
    return Shares(chain, scores, chain.rounded(powers / total))


def attention(r: Reading) -> Explanation:
    """A mean of the values, weighed by each key's share; or the logarithm of the sum."""
    return computed(lambda: _log_sum(r) if r.output == 1 else _mean(r))


def _mean(r: Reading) -> Explanation:
    if r.setting("dropout_p"):
        r.refuse("its dropout happens inside the call")
    *lead, i, feature = r.index
    at = tuple(lead)
    found = _shares(r, at, slice(i, i + 1))
    values, own = r.tensor("value"), _of_keys(r, at)
    products = found.shares[0] * found.chain.given(values.array[own][:, feature])
    part = Part(own, found.shares[0], products, found.chain)
    return _listed(r, "ScaledDotProductAttention", [part], values, feature)


def _listed(r: Reading, op: str, parts: list[Part], operand: Operand, feature: int) -> Explanation:
    """Σ weight · number of the operand, head by head."""
    width = len(parts[0].weights)

    def describe(k: int) -> tuple[str, tuple[Place, ...]]:
        part, j = parts[k // width], k % width
        place = operand.place((*part.lead, j, feature))
        return f"{part.weights[j].item():.4g} · {place}", (place,)

    values = torch.cat([part.products for part in parts]).detach().numpy()
    error = sum(part.chain.error(part.products.sum()) for part in parts)
    return r.chained(op, values, describe, error)


def _log_sum(r: Reading) -> Explanation:
    """ln Σ exp(score) of one query; PyTorch keeps it as (batch, head, query) or with axes moved."""
    query = r.tensor("query").shape
    n, *between = r.index
    head, i = between if r.result.shape == query[:-1] else between[::-1]
    found = _shares(r, (n, head), slice(i, i + 1))
    end = found.chain.rounded(torch.logsumexp(found.scores[0], -1), LIBRARY)
    text = f"ln Σ exp(score) over {found.scores.shape[-1]} keys"
    value = end.detach().numpy()[None]
    return r.chained("LogSumExp", value, lambda _: (text, ()), found.chain.error(end))


def backward(r: Reading) -> Explanation:
    """The gradients of the queries, the keys and the values."""
    if r.setting("dropout_p"):
        r.refuse("its dropout happens inside the call")
    return computed(lambda: _backward(r))


OP = "ScaledDotProductAttention, backward"


def _backward(r: Reading) -> Explanation:
    *lead, place, feature = r.index
    if r.output == 0:
        found = _of_scores(r, tuple(lead), slice(place, place + 1))
        operand, own = r.tensor("key"), _of_keys(r, tuple(lead))
        weights = found.scores[0] * _scale(r)
        return _listed(r, OP, [_part(found, own, weights, operand, feature)], operand, feature)
    operand = r.tensor("query" if r.output == 1 else "grad_out")
    first = lead[-1] * _group(r)
    heads = [(*lead[:-1], head) for head in range(first, first + _group(r))]
    parts = []
    for head in heads:
        found = _whole(r, head)
        scores = found.scores[:, place] * _scale(r)
        weights = scores if r.output == 1 else found.shares[:, place]
        parts.append(_part(found, head, weights, operand, feature))
    return _listed(r, OP, parts, operand, feature)


def _whole(r: Reading, head: Index) -> Shares:
    """The gradient of all scores of a head, or its shares."""
    make = _of_scores if r.output == 1 else _shares
    found: Shares = r.once((make.__name__, head), lambda: make(r, head, slice(None)))
    return found


def _part(found: Shares, lead: Index, weights: Tensor, operand: Operand, feature: int) -> Part:
    numbers = found.chain.given(operand.array[lead][:, feature])
    return Part(lead, weights, weights * numbers, found.chain)


def _of_scores(r: Reading, lead: Index, rows: slice) -> Shares:
    """The gradient of the scores: share · (gradient of the share − its weighed mean)."""
    found = _shares(r, lead, rows)
    chain = found.chain
    gradient = chain.given(r.tensor("grad_out").array[lead][rows])
    of_shares = chain.product(gradient, chain.given(r.tensor("value").array[_of_keys(r, lead)]).mT)
    # The kernel takes the weighed mean from the result it has: Σ gradient · out.
    met = gradient * chain.given(r.tensor("out").array[lead][rows])
    weighed = chain.rounded(met.sum(-1, keepdim=True), met.shape[-1],
                            met.abs().sum(-1, keepdim=True))  # fmt: skip
    left = chain.rounded(of_shares - weighed, 1, of_shares.detach().abs() + weighed.detach().abs())
    return Shares(chain, chain.rounded(found.shares * left, 2), found.shares)


def fused_layer(r: Reading) -> Explanation:
    """A whole layer in one call, which PyTorch makes where no gradients are wanted."""
    r.refuse(
        "PyTorch ran the whole layer at once, as no gradients were wanted; to see its parts record "
        "without no_grad, or after torch.backends.mha.set_fastpath_enabled(False)"
    )


RULES: dict[str, Rule] = {
    "_scaled_dot_product_flash_attention_for_cpu": attention,
    "_scaled_dot_product_flash_attention_for_cpu_backward": backward,
    "_transformer_encoder_layer_fwd": fused_layer,
    "_native_multi_head_attention": fused_layer,
}
