"""Calls that only move numbers: views, copies, pieces, paddings, and lookups by place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from pellucid.explain.operand import Operand
from pellucid.explain.reading import Reading, number, product, single
from pellucid.scratch.arrays import Array, Index
from pellucid.scratch.explanation import Explanation, Place, Terms
from pellucid.watch.kept import Kept
from pellucid.watch.recording import place_in

Rule = Callable[[Reading], Explanation]


def moved(r: Reading, operand: Operand, index: Index) -> Explanation:
    """The very number that stands at `index` of the operand."""
    return r.sum("Move", [product(r.at(operand, index))])


def constant(r: Reading, value: float, words: str) -> Explanation:
    """A number that the call itself says."""
    return r.sum("Constant", single(words, float(value)))


def seen_through(kept: Kept, index: Index, source: Kept) -> Index | None:
    """Where in `source` the number at `index` of its view `kept` stands."""
    steps = zip(index, kept.strides, strict=True)
    return place_in(source, kept.offset + sum(at * stride for at, stride in steps))


def view(r: Reading) -> Explanation:
    """A tensor that shares its memory with another; after a reshape that copied, the same count."""
    source = r.tensor(next(iter(r.arguments)))
    index = None
    if source.kept.memory is r.result.kept.memory:
        index = seen_through(r.result.kept, r.index, source.kept)
    if index is None:
        index = _counted(r, source)
    return moved(r, source, index)


def _counted(r: Reading, source: Operand) -> Index:
    place = int(np.ravel_multi_index(r.index, r.result.shape)) if r.index else 0
    return tuple(int(at) for at in np.unravel_index(place, source.shape)) if source.shape else ()


def same_place(r: Reading) -> Explanation:
    """A copy, perhaps in another precision."""
    return moved(r, r.tensor(next(iter(r.arguments))), r.index)


def copied_into(r: Reading) -> Explanation:
    source = r.tensor("src")
    return moved(r, source, source.under(r.index))


def concatenated(r: Reading) -> Explanation:
    axis = r.setting("dim", 0) % len(r.index)
    left = r.index[axis]
    for kept in r.setting("tensors"):
        if len(kept.shape) != len(r.index):
            continue  # an empty tensor of one axis may be in the list
        if left < kept.shape[axis]:
            return moved(r, r.operand(kept), (*r.index[:axis], left, *r.index[axis + 1 :]))
        left -= kept.shape[axis]
    raise AssertionError("a place beyond the pieces")


def stacked(r: Reading) -> Explanation:
    axis = r.setting("dim", 0) % len(r.index)
    kept = r.setting("tensors")[r.index[axis]]
    return moved(r, r.operand(kept), (*r.index[:axis], *r.index[axis + 1 :]))


def piece(r: Reading) -> Explanation:
    """One of the tensors that another was cut into."""
    return view(r)


def by_numbering(names: tuple[str, ...]) -> Rule:
    """Let PyTorch move the places' numbers in the same way, and see which one arrives here."""

    def rule(r: Reading) -> Explanation:
        source = r.tensor(names[0])
        places = torch.arange(1, 1 + int(np.prod(source.shape))).reshape(source.shape)
        arguments = {
            name: places if name == names[0] else given(value)
            for name, value in r.arguments.items()
        }
        if "value" in arguments:
            arguments["value"] = 0
        moved_places = r.call.function(**arguments)
        if isinstance(moved_places, list | tuple):
            moved_places = moved_places[r.output]
        place = int(moved_places[r.index])
        if place == 0:
            value = r.setting("value", 0) or 0
            return constant(r, value, f"{float(value):g}, as nothing was there")
        return moved(r, source, tuple(map(int, np.unravel_index(place - 1, source.shape))))

    return rule


def given(value: Any) -> Any:
    if isinstance(value, Kept):
        return value.tensor()
    if isinstance(value, tuple):
        return [given(entry) for entry in value]
    return value


def triangle(keeps: Callable[[int], bool]) -> Rule:
    """Lower or upper triangle: `keeps` says so for column − row − diagonal."""

    def rule(r: Reading) -> Explanation:
        row, column = r.index[-2:]
        if keeps(column - row - r.setting("diagonal", 0)):
            return moved(r, r.tensor("self"), r.index)
        return constant(r, 0, "0, outside of the triangle")

    return rule


def embedded(r: Reading) -> Explanation:
    weight, indices = r.tensor("weight"), r.tensor("indices")
    *at, feature = r.index
    return moved(r, weight, (int(indices.array[tuple(at)]), feature))


def embedded_back(r: Reading) -> Explanation:
    """Every symbol of the text gives its gradient to its own row."""
    row, feature = r.index
    indices = r.tensor("indices").array.ravel()
    flat = r.tensor("grad_output")
    padding = r.setting("padding_idx", -1)
    found = np.flatnonzero(indices == row) if row != padding else np.zeros(0, int)
    values = flat.array.reshape(-1, flat.shape[-1])[found, feature].astype(np.float64)
    if r.setting("scale_grad_by_freq") and len(found):
        values = values / len(found)
    lead = flat.shape[:-1]
    return r.sum("Embedding, backward", _gathered(values, found, flat, lead, (feature,)))


def _gathered(
    values: Array, found: Array, source: Operand, lead: Index, tail: Index
) -> Terms | list[Any]:
    if not len(values):
        return single("0, as nothing led here", 0.0)

    def describe(term: int) -> tuple[str, tuple[Place, ...]]:
        at = np.unravel_index(int(found[term]), lead) if lead else ()
        place = source.place((*map(int, at), *tail))
        return str(place), (place,)

    return Terms(values, describe)


def selected_back(r: Reading) -> Explanation:
    """The gradient of a piece, laid back into zeros."""
    gradient, axis = r.tensor("grad_output"), r.setting("dim") % len(r.index)
    size = r.index[axis]
    if size != r.setting("index") % r.result.shape[axis]:
        return constant(r, 0, "0, as this was not selected")
    return moved(r, gradient, (*r.index[:axis], *r.index[axis + 1 :]))


def sliced_back(r: Reading) -> Explanation:
    gradient, axis = r.tensor("grad_output"), r.setting("dim") % len(r.index)
    step = r.setting("step")
    begin, end, _ = slice(r.setting("start"), r.setting("end")).indices(r.result.shape[axis])
    place, left = divmod(r.index[axis] - begin, step)
    if left or not 0 <= place < gradient.shape[axis] or r.index[axis] >= end:
        return constant(r, 0, "0, as this was not in the slice")
    return moved(r, gradient, (*r.index[:axis], place, *r.index[axis + 1 :]))


def scattered_add(r: Reading) -> Explanation:
    """`index_add`, and `index_put` with accumulation or without: what was there, and what came."""
    indices = r.setting("indices")
    values, whole = r.tensor("values"), r.tensor("self")
    places = torch.arange(int(np.prod(r.result.shape))).reshape(r.result.shape)
    picked = tuple(slice(None) if k is None else k.tensor() for k in indices)
    led = places[picked].numpy()
    own = int(np.ravel_multi_index(r.index, r.result.shape))
    found = np.argwhere(led == own)
    if not len(found):
        return moved(r, whole, r.index)
    offset = led.ndim - len(values.shape)
    arrived = [
        r.at(values, values.under((0,) * -min(offset, 0) + tuple(map(int, at)))) for at in found
    ]
    if not r.setting("accumulate"):
        arrived = arrived[-1:]
        return r.sum("Scatter", [product(*arrived)])
    return r.sum("Scatter", [product(r.at(whole, r.index)), *map(product, arrived)])


def index_added(r: Reading) -> Explanation:
    axis, indices = r.setting("dim") % len(r.index), r.tensor("index").array.ravel()
    source, alpha = r.tensor("source"), number(r.setting("alpha", 1))
    found = np.flatnonzero(indices == r.index[axis])
    arrived = [
        product(alpha, r.at(source, (*r.index[:axis], int(k), *r.index[axis + 1 :]))) for k in found
    ]
    return r.sum("Scatter", [product(r.scalar("self")), *arrived])


VIEWS = (
    "view", "_unsafe_view", "t", "transpose", "permute", "expand", "select", "slice", "squeeze",
    "unsqueeze", "detach", "alias", "as_strided", "diagonal", "unfold", "movedim", "view_as_real",
    "_reshape_alias", "lift_fresh", "unsafe_split", "split", "split_with_sizes", "unbind",
    "unsafe_split_with_sizes", "chunk", "unsafe_chunk", "_conj", "expand_as", "reshape",
)  # fmt: skip

RULES: dict[str, Rule] = {
    **dict.fromkeys(VIEWS, view),
    "clone": same_place,
    "_to_copy": same_place,
    "contiguous": same_place,
    "lift": same_place,
    "copy": copied_into,
    "cat": concatenated,
    "stack": stacked,
    "flip": by_numbering(("self",)),
    "roll": by_numbering(("self",)),
    "repeat": by_numbering(("self",)),
    "index": by_numbering(("self",)),
    "index_select": by_numbering(("self",)),
    "gather": by_numbering(("self",)),
    "constant_pad_nd": by_numbering(("self",)),
    "reflection_pad1d": by_numbering(("self",)),
    "reflection_pad2d": by_numbering(("self",)),
    "replication_pad1d": by_numbering(("self",)),
    "replication_pad2d": by_numbering(("self",)),
    "pixel_shuffle": by_numbering(("self",)),
    "pixel_unshuffle": by_numbering(("self",)),
    "channel_shuffle": by_numbering(("self",)),
    "tril": triangle(lambda distance: distance <= 0),
    "triu": triangle(lambda distance: distance >= 0),
    "embedding": embedded,
    "embedding_dense_backward": embedded_back,
    "select_backward": selected_back,
    "slice_backward": sliced_back,
    "index_put": scattered_add,
    "_index_put_impl": scattered_add,
    "index_add": index_added,
}
