"""Numbers that are written to places which other numbers name, and bags of looked-up rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from pellucid.explain.reading import Reading, Scalar, number, product, single
from pellucid.explain.rules.moves import constant, moved
from pellucid.scratch.arrays import window
from pellucid.scratch.explanation import Explanation, Term

Rule = Callable[[Reading], Explanation]
SUM, MEAN, MAX = 0, 1, 2
"""PyTorch's numbers for how a bag is put together."""


def put(r: Reading) -> Explanation:
    """`index_put`, with accumulation or without: what was there, and what came."""
    indices = r.setting("indices")
    values, whole = r.tensor("values"), r.tensor("self")
    places = torch.arange(int(np.prod(r.result.shape))).reshape(r.result.shape)
    picked = tuple(slice(None) if k is None else k.tensor() for k in indices)
    led = places[picked].numpy()
    own = int(np.ravel_multi_index(r.index, r.result.shape)) if r.index else 0
    found = np.argwhere(led == own)
    if not len(found):
        return moved(r, whole, r.index)
    arrived = [r.at(values, values.under(tuple(map(int, at)))) for at in found]
    if not r.setting("accumulate"):
        return r.sum("Scatter", [product(arrived[-1])])
    return r.sum("Scatter", [product(r.at(whole, r.index)), *map(product, arrived)])


def put_flat(r: Reading) -> Explanation:
    """`put`: places counted through the whole tensor."""
    own = int(np.ravel_multi_index(r.index, r.result.shape)) if r.index else 0
    count = int(np.prod(r.result.shape))
    index, source, whole = r.tensor("index"), r.tensor("source"), r.tensor("self")
    found = np.argwhere(index.array % count == own)
    if not len(found):
        return moved(r, whole, r.index)
    arrived = [r.at(source, tuple(map(int, at))) for at in found]
    if not r.setting("accumulate"):
        return r.sum("Scatter", [product(arrived[-1])])
    return r.sum("Scatter", [product(r.at(whole, r.index)), *map(product, arrived)])


def _arrived(r: Reading, source: str) -> list[Scalar]:
    """What `scatter` brings to this place, in the order in which it comes."""
    axis = r.setting("dim") % max(len(r.index), 1)
    index, own = r.tensor("index"), r.index
    if not index.shape:
        return [r.scalar(source, ())] if int(index.read(())) == own[axis] else []
    outside = (at >= size for k, (at, size) in enumerate(zip(own, index.shape, strict=True))
               if k != axis)  # fmt: skip
    if any(outside):
        return []
    line = index.array[window(*own[:axis], slice(None), *own[axis + 1 :])]
    steps = np.flatnonzero(line == own[axis])
    return [r.scalar(source, (*own[:axis], int(k), *own[axis + 1 :])) for k in steps]


def scatter(r: Reading) -> Explanation:
    """What came last stays, unless it is put together with what was there."""
    source = "src" if "src" in r.arguments else "value"
    came = _arrived(r, source)
    if not came:
        return moved(r, r.tensor("self"), r.index)
    how = r.setting("reduce")
    if how is None:
        return r.sum("Scatter", [product(came[-1])])
    here = r.at(r.tensor("self"), r.index)
    all_of = [here, *came] if r.setting("include_self", True) else came
    return _together(r, how, all_of)


def _together(r: Reading, how: str, parts: list[Scalar]) -> Explanation:
    values = [part.value for part in parts]
    if how in ("sum", "add"):
        return r.sum("Scatter", [product(part) for part in parts])
    if how == "mean":
        share = number(1 / len(parts), f"1/{len(parts)}")
        return r.sum("Scatter", [product(share, part) for part in parts], 4)
    if how in ("prod", "multiply"):
        return r.sum("Scatter", [product(*parts)], len(parts) + 2)
    best = parts[int(np.argmax(values) if how == "amax" else np.argmin(values))]
    word = "largest" if how == "amax" else "smallest"
    text = f"{best.text}, the {word} of {len(parts)}"
    return r.sum("Scatter", single(text, best.value, best))


def scatter_add(r: Reading) -> Explanation:
    here = r.at(r.tensor("self"), r.index)
    return r.sum("Scatter", [product(here), *map(product, _arrived(r, "src"))])


def index_add(r: Reading) -> Explanation:
    axis, indices = r.setting("dim") % len(r.index), r.tensor("index").array.ravel()
    source, alpha = r.tensor("source"), number(r.setting("alpha", 1))
    found = np.flatnonzero(indices == r.index[axis])
    arrived = [
        product(alpha, r.at(source, (*r.index[:axis], int(k), *r.index[axis + 1 :]))) for k in found
    ]
    return r.sum("Scatter", [product(r.scalar("self")), *arrived])


def index_fill(r: Reading) -> Explanation:
    axis = r.setting("dim") % max(len(r.index), 1)
    if r.index[axis] in r.tensor("index").array.ravel():
        value = r.scalar("value", ())
        return r.sum("Scatter", single(f"{value.text}, as written", value.value, value))
    return moved(r, r.tensor("self"), r.index)


def index_copy(r: Reading) -> Explanation:
    axis = r.setting("dim") % len(r.index)
    found = np.flatnonzero(r.tensor("index").array.ravel() == r.index[axis])
    if not len(found):
        return moved(r, r.tensor("self"), r.index)
    return moved(r, r.tensor("source"),
                 (*r.index[:axis], int(found[-1]), *r.index[axis + 1 :]))  # fmt: skip


def masked_scatter(r: Reading) -> Explanation:
    """The numbers of the source, one after the other, where the mask is true."""
    mask = np.broadcast_to(r.tensor("mask").array, r.result.shape)
    if not mask[r.index]:
        return moved(r, r.tensor("self"), r.index)
    before = int(mask.ravel()[: np.ravel_multi_index(r.index, mask.shape)].sum())
    source = r.tensor("source")
    return moved(r, source, tuple(map(int, np.unravel_index(before, source.shape))))


def masked_scatter_backward(r: Reading) -> Explanation:
    """The gradient of the source: where its number went."""
    gradient, mask = r.tensor("grad_output"), r.tensor("mask")
    went = np.argwhere(np.broadcast_to(mask.array, gradient.shape))
    place = int(np.ravel_multi_index(r.index, r.result.shape)) if r.index else 0
    if place >= len(went):
        return constant(r, 0, "0, as it was not used")
    return moved(r, gradient, tuple(map(int, went[place])))


def unpooled(r: Reading) -> Explanation:
    """`max_unpool`: back where the largest number stood, 0 elsewhere."""
    x, indices = r.tensor("self"), r.tensor("indices")
    axes = 3 if "3d" in r.call.name else 2
    lead = r.index[:-axes]
    own = int(np.ravel_multi_index(r.index[-axes:], r.result.shape[-axes:]))
    found = np.argwhere(indices.array[lead] == own)
    if not len(found):
        return constant(r, 0, "0, as no largest number stood here")
    return moved(r, x, (*lead, *map(int, found[-1])))


def _bags(r: Reading) -> list[np.ndarray]:
    """By bag, the places in the list of indices that it holds."""

    def make() -> list[np.ndarray]:
        indices, offsets = r.tensor("indices").array, r.tensor("offsets").array
        ends = [*map(int, offsets), len(indices)]
        count = len(offsets) - bool(r.setting("include_last_offset"))
        used = indices != r.setting("padding_idx", -1)
        return [(places := np.arange(ends[k], ends[k + 1]))[used[places]] for k in range(count)]

    found: list[np.ndarray] = r.once("bags", make)
    return found


def bag(r: Reading) -> Explanation:
    """`embedding_bag`: rows that are looked up and put together."""
    if r.output:
        r.refuse("it is the call's own notes for the way back")
    weight, indices = r.tensor("weight"), r.tensor("indices").array
    number_of_bag, feature = r.index
    places = _bags(r)[number_of_bag]
    rows = [r.at(weight, (int(indices[place]), feature)) for place in places]
    if not rows:
        return constant(r, 0, "0, an empty bag")
    if r.setting("mode") == MAX:
        return _together(r, "amax", rows)
    factors = _factors(r, places, len(rows))
    return r.sum("EmbeddingBag", [product(f, row) for f, row in zip(factors, rows, strict=True)], 4)


def _factors(r: Reading, places: Any, count: int) -> list[Scalar]:
    """What each row of a bag is multiplied with."""
    if r.maybe("per_sample_weights") is not None:
        weights = r.tensor("per_sample_weights")
        return [r.at(weights, (int(place),)) for place in places]
    share = number(1 / count, f"1/{count}") if r.setting("mode") == MEAN else number(1)
    return [share] * len(places)


def bag_backward(r: Reading) -> Explanation:
    """Every bag gives its gradient to the rows that it was put together from."""
    if r.setting("scale_grad_by_freq"):
        r.refuse("its gradients are divided by how often each row is used")
    row, feature = r.index
    gradient, indices = r.tensor("grad"), r.tensor("indices").array
    terms: list[Term] = []
    for number_of_bag, places in enumerate(_bags(r)):
        arrived = r.at(gradient, (number_of_bag, feature))
        if r.setting("mode") == MAX:
            best = r.tensor("maximum_indices")
            if len(places) and int(best.read((number_of_bag, feature))) == row:
                terms.append(product(arrived))
            continue
        own = places[indices[places] == row]
        terms += [product(f, arrived) for f in _factors(r, own, len(places))]
    return r.sum("EmbeddingBag, backward", terms or single("0, as nothing led here", 0.0), 6)


def renormed(r: Reading) -> Explanation:
    """`embedding_renorm`: rows that are looked up and too long are shortened."""
    x, row = r.tensor("self"), r.index[0]
    own = r.at(x, r.index)
    order, most = float(r.setting("norm_type")), float(r.setting("max_norm"))
    length = float(np.linalg.norm(x.array[row].astype(np.float64), order))
    if row not in r.tensor("indices").array or length <= most:
        return moved(r, x, r.index)
    scale = number(most / (length + 1e-7), f"{most:g} / (length {length:.6g} + 1e-7)")
    return r.sum("Norm", [product(scale, own)], x.shape[1] + 8)


RULES: dict[str, Rule] = {
    "index_put": put,
    "_index_put_impl": put,
    "put": put_flat,
    "scatter": scatter,
    "scatter_reduce": scatter,
    "scatter_add": scatter_add,
    "index_add": index_add,
    "index_fill": index_fill,
    "index_copy": index_copy,
    "masked_scatter": masked_scatter,
    "masked_scatter_backward": masked_scatter_backward,
    "max_unpool2d": unpooled,
    "max_unpool3d": unpooled,
    "_embedding_bag": bag,
    "_embedding_bag_forward_only": bag,
    "_embedding_bag_backward": bag_backward,
    "embedding_renorm": renormed,
}
