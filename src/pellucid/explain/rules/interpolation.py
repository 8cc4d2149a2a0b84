"""Pictures that are enlarged or made smaller: each new number is a blend of its neighbours."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product as combinations
from typing import Any

import numpy as np
import torch

from pellucid.explain.operand import Operand
from pellucid.explain.reading import Reading, single
from pellucid.scratch.arrays import Array, Index
from pellucid.scratch.explanation import Explanation

Rule = Callable[[Reading], Explanation]
SCALES = {1: ("scales",), 2: ("scales_h", "scales_w"), 3: ("scales_d", "scales_h", "scales_w")}
BEND = -0.75
"""The cubic blend's parameter, as in PyTorch. Source: Keys 1981."""


def _axes(r: Reading) -> int:
    return int(r.call.name.split(".")[1].removesuffix("_backward")[-2])


def _ratio(r: Reading, axis: int, out: int, size: int, real: Any) -> Any:
    """Old places for each new place, in the precision in which the kernel has it."""
    if r.setting("align_corners"):
        return real(size - 1) / real(out - 1) if out > 1 else real(0)
    scale = r.setting(SCALES[_axes(r)][axis])
    return real(1 / scale) if scale else real(size) / real(out)


def _shares(r: Reading, axis: int, out: int, size: int) -> Array:
    """(out, size): how much of each number along an axis is in each number of the enlarged."""
    real = np.float64 if r.result.kept.dtype is torch.float64 else np.float32
    found, ratio = np.zeros((out, size)), _ratio(r, axis, out, size, real)
    for place in range(out):
        if "nearest" in r.call.name:
            # Where it says where a place is, this kernel is in float32 also for float64 numbers.
            middle = np.float32(0.5 if "exact" in r.call.name else 0)
            at = int(np.floor((np.float32(place) + middle) * np.float32(ratio)))
            found[place, min(at, size - 1)] = 1
            continue
        exact = r.setting("align_corners")
        at = ratio * real(place) if exact else ratio * (real(place) + real(0.5)) - real(0.5)
        if "cubic" in r.call.name:
            _blend_cubic(found[place], float(at), size)
            continue
        at = max(at, real(0))
        low = min(int(at), size - 1)
        part = float(min(at - low, real(1)))
        found[place, low] += 1 - part
        found[place, min(low + 1, size - 1)] += part
    return found


def _blend_cubic(line: Array, at: float, size: int) -> None:
    """The shares of the four neighbours; beyond the end stands the last number."""
    low = math.floor(at)
    for step in (-1, 0, 1, 2):
        distance = abs(at - low - step)
        if distance <= 1:
            share = ((BEND + 2) * distance - (BEND + 3)) * distance * distance + 1
        else:
            share = ((BEND * distance - 5 * BEND) * distance + 8 * BEND) * distance - 4 * BEND
        line[min(max(low + step, 0), size - 1)] += share


def _tables(r: Reading, small: Index, large: Index) -> list[Array]:
    def make() -> list[Array]:
        pairs = enumerate(zip(large, small, strict=True))
        return [_shares(r, axis, out, size) for axis, (out, size) in pairs]

    found: list[Array] = r.once("shares", make)
    return found


def _blended(r: Reading, x: Operand, lines: list[Array]) -> Explanation:
    """Σ share · number, over the numbers that have a share."""
    axes = len(lines)
    lead = r.index[:-axes]
    found = [np.flatnonzero(line) for line in lines]
    terms = []
    for places in combinations(*found):
        share = math.prod(float(line[at]) for line, at in zip(lines, places, strict=True))
        part = r.at(x, (*lead, *map(int, places)))
        said = part.text if share == 1 else f"{share:.4g} · {part.text}"
        # The shares are worked out in the kernel's precision, from a place as large as the axis.
        size = abs(part.value) * (share + 4 * max(map(len, lines)))
        terms += single(said, share * part.value, part, size=None if share == 1 else size)
    return r.sum("Interpolation", terms or single("0, as nothing led here", 0.0), 6)


def enlarged(r: Reading) -> Explanation:
    axes, x = _axes(r), r.tensor("self")
    tables = _tables(r, x.shape[-axes:], r.result.shape[-axes:])
    return _blended(r, x, [table[at] for table, at in zip(tables, r.index[-axes:], strict=True)])


def enlarged_backward(r: Reading) -> Explanation:
    axes, gradient = _axes(r), r.tensor("grad_output")
    tables = _tables(r, r.result.shape[-axes:], gradient.shape[-axes:])
    columns = [table[:, at] for table, at in zip(tables, r.index[-axes:], strict=True)]
    return _blended(r, gradient, columns)


KINDS = (
    *(f"upsample_nearest{axes}d" for axes in (1, 2, 3)),
    *(f"_upsample_nearest_exact{axes}d" for axes in (1, 2, 3)),
    "upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d", "upsample_bicubic2d",
)  # fmt: skip
RULES: dict[str, Rule] = {
    **dict.fromkeys(KINDS, enlarged),
    **dict.fromkeys((f"{kind}_backward" for kind in KINDS), enlarged_backward),
}
