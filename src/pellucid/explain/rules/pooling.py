"""Windows that keep one number: pooling, forward and backward."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product as combinations

import numpy as np

from pellucid.explain.operand import Operand
from pellucid.explain.reading import Reading, product, single
from pellucid.scratch.arrays import Index, nth_place
from pellucid.scratch.explanation import Explanation, Place, Terms

Rule = Callable[[Reading], Explanation]


def _each(setting: tuple[int, ...] | int, axes: int) -> Index:
    several = (setting,) if isinstance(setting, int) else tuple(setting)
    return several if len(several) == axes else several * axes


def _axes(r: Reading) -> int:
    """How many axes the window slides along."""
    return 3 if "3d" in r.call.name else 1 if "1d" in r.call.name else 2


def _covered(r: Reading, stops: Index, sizes: Index) -> list[range]:
    """By axis, the places that a window covers inside the picture."""
    axes = len(stops)
    kernel = _each(r.setting("kernel_size"), axes)
    stride = _each(r.setting("stride") or kernel, axes)
    padding = _each(r.setting("padding", 0), axes)
    dilation = _each(r.setting("dilation", 1), axes)
    found = []
    for stop, k, s, p, d, size in zip(stops, kernel, stride, padding, dilation, sizes, strict=True):
        begin = stop * s - p
        first = begin if begin >= 0 else begin % d if d > 1 else 0
        found.append(range(first, min(begin + (k - 1) * d + 1, size), d))
    return found


def max_pool(r: Reading) -> Explanation:
    x, axes = r.tensor("self"), _axes(r)
    lead, stops = r.index[:-axes], r.index[-axes:]
    return _largest(r, x, lead, _covered(r, stops, x.shape[-axes:]))


def _largest(r: Reading, x: Operand, lead: Index, ranges: list[range]) -> Explanation:
    seen = x.array[(*lead, *np.ix_(*ranges))]
    best = np.unravel_index(int(seen.argmax()), seen.shape)
    place = (*lead, *(axis[int(k)] for axis, k in zip(ranges, best, strict=True)))
    winner = r.at(x, place)
    if r.output == 1:  # the winner's place, counted through the picture
        own = place[len(lead) :]
        value = int(np.ravel_multi_index(own, x.shape[len(lead) :]))
        text = f"{value}, the place of {winner.text}, the largest of {seen.size}"
        return r.sum("MaxPool", single(text, float(value), winner))
    return r.sum(
        "MaxPool", single(f"{winner.text}, the largest of {seen.size}", winner.value, winner)
    )


def max_pool_backward(r: Reading) -> Explanation:
    """The gradients of the windows that this number won; PyTorch noted the winners."""
    gradient, indices, axes = r.tensor("grad_output"), r.tensor("indices"), _axes(r)
    lead, at = r.index[:-axes], r.index[-axes:]
    own = int(np.ravel_multi_index(at, r.result.shape[-axes:]))
    won = np.argwhere(indices.array[lead] == own)
    places = [(*lead, *map(int, stop)) for stop in won]
    if not places:
        return r.sum("MaxPool, backward", single("0, as it won no window", 0.0))
    return r.sum("MaxPool, backward", [product(r.at(gradient, place)) for place in places])


def _divisor(r: Reading, stops: Index, sizes: Index, ranges: list[range]) -> int:
    """What a window's sum is divided by."""
    if r.setting("divisor_override"):
        return int(r.setting("divisor_override"))
    if not r.setting("count_include_pad", True):
        return math.prod(map(len, ranges))
    axes = len(stops)
    kernel = _each(r.setting("kernel_size"), axes)
    stride = _each(r.setting("stride") or kernel, axes)
    padding = _each(r.setting("padding", 0), axes)
    return math.prod(
        min(stop * s - p + k, size + p) - (stop * s - p)
        for stop, k, s, p, size in zip(stops, kernel, stride, padding, sizes, strict=True)
    )


def average_pool(r: Reading) -> Explanation:
    x, axes = r.tensor("self"), _axes(r)
    lead, stops = r.index[:-axes], r.index[-axes:]
    ranges = _covered(r, stops, x.shape[-axes:])
    return _mean(r, x, lead, ranges, _divisor(r, stops, x.shape[-axes:], ranges))


def _mean(r: Reading, x: Operand, lead: Index, ranges: list[range], divisor: int) -> Explanation:
    seen = x.array[(*lead, *np.ix_(*ranges))].astype(np.float64)
    sizes = seen.shape

    def describe(k: int) -> tuple[str, tuple[Place, ...]]:
        inner = nth_place(k, sizes)
        place = x.place((*lead, *(axis[at] for axis, at in zip(ranges, inner, strict=True))))
        return f"{place} / {divisor}", (place,)

    return r.sum("AveragePool", Terms(seen / divisor, describe), 3)


def average_pool_backward(r: Reading) -> Explanation:
    """Every window that covered this number gives it its part."""
    gradient, axes = r.tensor("grad_output"), _axes(r)
    lead, at = r.index[:-axes], r.index[-axes:]
    sizes = r.result.shape[-axes:]
    stops = [
        stops
        for stops in combinations(*_candidates(r, at, gradient.shape[-axes:]))
        if all(place in run for place, run in zip(at, _covered(r, stops, sizes), strict=True))
    ]
    terms = []
    for stop in stops:
        divisor = _divisor(r, stop, sizes, _covered(r, stop, sizes))
        part = r.at(gradient, (*lead, *stop))
        terms += single(f"{part.text} / {divisor}", part.value / divisor, part)
    nothing = single("0, as no window covered it", 0.0)
    return r.sum("AveragePool, backward", terms or nothing, 3)


def _candidates(r: Reading, at: Index, reach: Index) -> list[range]:
    axes = len(at)
    kernel = _each(r.setting("kernel_size"), axes)
    stride = _each(r.setting("stride") or kernel, axes)
    padding = _each(r.setting("padding", 0), axes)
    return [
        range(max((place + p - k) // s, 0), min((place + p) // s + 1, count))
        for place, k, s, p, count in zip(at, kernel, stride, padding, reach, strict=True)
    ]


def _adaptive(stop: int, out: int, size: int) -> range:
    """What an adaptive window covers along one axis."""
    return range(stop * size // out, -(-(stop + 1) * size // out))


def adaptive_average(r: Reading) -> Explanation:
    x, axes = r.tensor("self"), _axes(r)
    lead, stops = r.index[:-axes], r.index[-axes:]
    ranges = [
        _adaptive(stop, out, size)
        for stop, out, size in zip(stops, r.result.shape[-axes:], x.shape[-axes:], strict=True)
    ]
    return _mean(r, x, lead, ranges, math.prod(map(len, ranges)))


def adaptive_average_backward(r: Reading) -> Explanation:
    gradient, axes = r.tensor("grad_output"), _axes(r)
    lead, at = r.index[:-axes], r.index[-axes:]
    reach, sizes = gradient.shape[-axes:], r.result.shape[-axes:]
    hit = [
        [stop for stop in range(out) if place in _adaptive(stop, out, size)]
        for place, out, size in zip(at, reach, sizes, strict=True)
    ]
    terms = []
    for stops in combinations(*hit):
        windows = zip(stops, reach, sizes, strict=True)
        divisor = math.prod(len(_adaptive(*entry)) for entry in windows)
        part = r.at(gradient, (*lead, *stops))
        terms += single(f"{part.text} / {divisor}", part.value / divisor, part)
    return r.sum("AveragePool, backward", terms, 3)


def adaptive_max(r: Reading) -> Explanation:
    x, axes = r.tensor("self"), _axes(r)
    windows = zip(r.index[-axes:], r.result.shape[-axes:], x.shape[-axes:], strict=True)
    return _largest(r, x, r.index[:-axes], [_adaptive(*entry) for entry in windows])


RULES: dict[str, Rule] = {
    **dict.fromkeys(("max_pool2d_with_indices", "max_pool3d_with_indices"), max_pool),
    "max_pool2d_with_indices_backward": max_pool_backward,
    "max_pool3d_with_indices_backward": max_pool_backward,
    **dict.fromkeys(("avg_pool2d", "avg_pool3d"), average_pool),
    **dict.fromkeys(("avg_pool2d_backward", "avg_pool3d_backward"), average_pool_backward),
    **dict.fromkeys(("_adaptive_avg_pool2d", "_adaptive_avg_pool3d"), adaptive_average),
    "_adaptive_avg_pool2d_backward": adaptive_average_backward,
    "_adaptive_avg_pool3d_backward": adaptive_average_backward,
    **dict.fromkeys(("adaptive_max_pool2d", "adaptive_max_pool3d"), adaptive_max),
    "adaptive_max_pool2d_backward": max_pool_backward,
    "adaptive_max_pool3d_backward": max_pool_backward,
}  # fmt: skip
