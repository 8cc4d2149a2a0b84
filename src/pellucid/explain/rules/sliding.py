"""Convolutions, forward and backward."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pellucid.explain.operand import Operand
from pellucid.explain.reading import Reading
from pellucid.scratch.arrays import Index, nth_place
from pellucid.scratch.explanation import Explanation, Place, Terms
from pellucid.scratch.ops.convolution import Convolution, Sliding, TransposedConvolution

Rule = Callable[[Reading], Explanation]


def _each(setting: tuple[int, ...], dimensions: int) -> Index:
    """One number for each axis; PyTorch lets one stand for all."""
    return tuple(setting) if len(setting) == dimensions else (setting[0],) * dimensions


def _settings(r: Reading) -> tuple[Index, Index, Index, int]:
    dimensions = len(r.tensor("weight").shape) - 2
    stride, padding, dilation = (
        _each(r.setting(name), dimensions) for name in ("stride", "padding", "dilation")
    )
    return stride, padding, dilation, r.setting("groups")


def convolution(r: Reading) -> Explanation:
    kind: type[Sliding] = TransposedConvolution if r.setting("transposed") else Convolution
    x, weight, bias = r.tensor("input"), r.tensor("weight"), r.maybe("bias")
    return r.by(kind(*_settings(r)), x, weight, *([bias] if bias else []))


def backward(r: Reading) -> Explanation:
    """The gradient of the input, of the weight or of the bias."""
    return (_of_input, _of_weight, _of_bias)[r.output](r)


def _of_input(r: Reading) -> Explanation:
    """Every gradient laid back, through the filter, on what it covered."""
    kind: type[Sliding] = Convolution if r.setting("transposed") else TransposedConvolution
    return r.by(kind(*_settings(r)), r.tensor("grad_output"), r.tensor("weight"))


def _of_weight(r: Reading) -> Explanation:
    """Over examples and positions: what the weight was multiplied with, times what came of it."""
    x, gradient = r.tensor("input"), r.tensor("grad_output")
    small, large = (x, gradient) if r.setting("transposed") else (gradient, x)
    first, second, *kernel = r.index
    width = r.result.shape[1]
    group = first // (r.result.shape[0] // r.setting("groups"))
    terms = _met(r, small, large, first, group * width + second, kernel)
    return r.sum("Convolution, backward", terms)


def _met(
    r: Reading, small: Operand, large: Operand, first: int, second: int, kernel: list[int]
) -> Terms:
    """Σ small[n, first, stops] · large[n, second, stride · stop − padding + dilation · kernel]."""
    stride, padding, dilation, _ = _settings(r)
    stops, meets = [], []
    for k, s, p, d, reach, size in zip(
        kernel, stride, padding, dilation, small.shape[2:], large.shape[2:], strict=True
    ):
        inside = [stop for stop in range(reach) if 0 <= s * stop - p + d * k < size]
        stops.append(inside)
        meets.append([s * stop - p + d * k for stop in inside])
    examples = range(small.shape[0])
    a = small.array[np.ix_(examples, [first], *stops)].astype(np.float64)
    b = large.array[np.ix_(examples, [second], *meets)]
    sizes = [len(examples), *map(len, stops)]

    def describe(term: int) -> tuple[str, tuple[Place, ...]]:
        n, *at = nth_place(term, sizes)
        one = small.place((n, first, *(axis[k] for axis, k in zip(stops, at, strict=True))))
        two = large.place((n, second, *(axis[k] for axis, k in zip(meets, at, strict=True))))
        return f"{one} · {two}", (one, two)

    return Terms((a * b).ravel(), describe)


def _of_bias(r: Reading) -> Explanation:
    """The sum of the gradients of everything that the bias was added to."""
    gradient, (channel,) = r.tensor("grad_output"), r.index
    values = gradient.array[:, channel].astype(np.float64)
    sizes = values.shape

    def describe(term: int) -> tuple[str, tuple[Place, ...]]:
        n, *at = nth_place(term, sizes)
        place = gradient.place((n, channel, *at))
        return str(place), (place,)

    return r.sum("Convolution, backward", Terms(values, describe))


RULES: dict[str, Rule] = {
    "convolution": convolution,
    "convolution_backward": backward,
}
