"""Calls that only move numbers: views, copies, pieces, paddings, and lookups by place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from pellucid.explain.operand import Operand
from pellucid.explain.reading import Reading, product, single
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


def by_numbering(r: Reading) -> Explanation:
    """Let PyTorch move the places' numbers in the same way, and see which one arrives here."""
    own, source = next(iter(r.arguments)), r.tensor(next(iter(r.arguments)))

    def number_all() -> Any:
        arguments = {name: given(value) for name, value in r.arguments.items()}
        arguments[own] = _counted_from_one(source.shape)
        if "value" in arguments:
            arguments["value"] = 0
        return r.call.function(**arguments)

    place = int(r.once("places", number_all)[r.index])
    if place == 0:
        value = r.setting("value", 0) or 0
        return constant(r, value, f"{float(value):g}, as nothing was there")
    return moved(r, source, tuple(map(int, np.unravel_index(place - 1, source.shape))))


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
    indices, flat = r.tensor("indices").array, r.tensor("grad_output")
    padding = r.setting("padding_idx", -1)
    found = np.flatnonzero(indices.ravel() == row) if row != padding else np.zeros(0, int)
    values = flat.array.reshape(-1, flat.shape[-1])[found, feature].astype(np.float64)
    if not len(found):
        return constant(r, 0, "0, as nothing led here")
    share = len(found) if r.setting("scale_grad_by_freq") else 1
    said = f" / {share}" if share > 1 else ""

    def describe(term: int) -> tuple[str, tuple[Place, ...]]:
        at = np.unravel_index(int(found[term]), indices.shape) if indices.shape else ()
        place = flat.place((*map(int, at), feature))
        return f"{place}{said}", (place,)

    return r.sum("Embedding, backward", Terms(values / share, describe))


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


def laid_back(forward: Callable[[Reading, torch.Tensor], torch.Tensor], name: str) -> Rule:
    """The way back of a move: each place that this number was moved to gives its gradient.

    `forward` moves the places' numbers, counted from 1, as the call moved the numbers themselves.
    """

    def rule(r: Reading) -> Explanation:
        led: Array = r.once("led", lambda: forward(r, _counted_from_one(r.result.shape)).numpy())
        own = int(np.ravel_multi_index(r.index, r.result.shape)) + 1 if r.index else 1
        gradient = r.tensor(name)
        found = np.argwhere(led.reshape(gradient.shape) == own)
        if not len(found):
            return constant(r, 0, "0, as nothing led from here")
        places = (tuple(map(int, at)) for at in found)
        return r.sum("Move, backward", [product(r.at(gradient, place)) for place in places])

    return rule


def _counted_from_one(shape: Index) -> torch.Tensor:
    """The numbers of the places; as float64, which all of PyTorch's moves can move."""
    count = int(np.prod(shape))
    return torch.arange(1, 1 + count, dtype=torch.float64).reshape(shape)


def _pad_again(r: Reading, places: torch.Tensor) -> torch.Tensor:
    pad = getattr(torch.ops.aten, r.call.name.split(".")[1].removesuffix("_backward"))
    moved_places: torch.Tensor = pad(places, r.setting("padding"))
    return moved_places


def _fold_again(r: Reading, places: torch.Tensor) -> torch.Tensor:
    names = ("kernel_size", "dilation", "padding", "stride")
    unfolded: torch.Tensor = torch.ops.aten.im2col(places, *(r.setting(name) for name in names))
    return unfolded


def packed(r: Reading) -> Explanation:
    """`_pack_padded_sequence`: time by time, the sequences that are still going on."""
    if r.output:
        r.refuse("it counts the sequences that are still going on")
    x, lengths = r.tensor("input"), r.tensor("lengths").array
    left = r.index[0]
    for time in range(int(lengths.max())):
        going = int((lengths > time).sum())
        if left < going:
            place = (left, time) if r.setting("batch_first") else (time, left)
            return moved(r, x, (*place, *r.index[1:]))
        left -= going
    raise AssertionError("a row beyond the sequences")


VIEWS = (
    "view", "_unsafe_view", "t", "transpose", "permute", "expand", "select", "slice", "squeeze",
    "unsqueeze", "detach", "alias", "as_strided", "diagonal", "unfold", "_reshape_alias",
    "lift_fresh", "unsafe_split", "split", "split_with_sizes", "unbind", "unsafe_split_with_sizes",
)  # fmt: skip
NUMBERED = (
    "flip", "roll", "repeat", "rot90", "index", "index_select", "gather", "take", "masked_select",
    "constant_pad_nd", "pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "diag_embed",
    "native_channel_shuffle", "im2col",
)  # fmt: skip
PADS = tuple(f"{kind}_pad{axes}d" for kind in ("reflection", "replication") for axes in (1, 2, 3))

RULES: dict[str, Rule] = {
    **dict.fromkeys(VIEWS, view),
    **dict.fromkeys((*NUMBERED, *PADS), by_numbering),
    **dict.fromkeys((f"{pad}_backward" for pad in PADS), laid_back(_pad_again, "grad_output")),
    "col2im": laid_back(_fold_again, "self"),
    "unfold_backward": laid_back(
        lambda r, places: places.unfold(r.setting("dim"), r.setting("size"), r.setting("step")),
        "grad_in",
    ),
    "diagonal_backward": laid_back(
        lambda r, places: places.diagonal(r.setting("offset"), r.setting("dim1"),
                                          r.setting("dim2")),
        "grad_output",
    ),
    "clone": same_place,
    "_to_copy": same_place,
    "copy": copied_into,
    "cat": concatenated,
    "stack": stacked,
    "tril": triangle(lambda distance: distance <= 0),
    "triu": triangle(lambda distance: distance >= 0),
    "embedding": embedded,
    "embedding_dense_backward": embedded_back,
    "select_backward": selected_back,
    "slice_backward": sliced_back,
    "_pack_padded_sequence": packed,
}  # fmt: skip
