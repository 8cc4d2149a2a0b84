"""Cases for matrix products, convolution, pooling and interpolation."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from op_draw import Case, Draw, case
from pellucid.scratch.ops import pooling
from pellucid.scratch.ops.convolution import Convolution, TransposedConvolution
from pellucid.scratch.ops.interpolation import Bilinear, Nearest
from pellucid.scratch.ops.matrix import MatMul

# -------------------------------------------------------------------- products, convolution


@case(MatMul)
def _matmul(draw: Draw) -> Case:
    n, k, m, lead = draw.size(), draw.size(), draw.size(), draw.shape(0, 2)
    a = draw.normal(*draw.one_of((k,), (*draw.stretched(lead), n, k), (*lead, n, k)))
    b = draw.normal(*draw.one_of((k,), (k, m), (*draw.stretched(lead), k, m), (*lead, k, m)))
    return Case(MatMul(), (a, b), torch.matmul)


def sliding(draw: Draw) -> tuple[int, dict[str, Any], int]:
    """How many axes a filter slides along, how it slides, and the groups."""
    dimensions = draw.one_of(1, 2)

    def each(low: int, high: int) -> Any:
        if draw.one_of(True, False):
            return draw.size(low, high)
        return tuple(draw.size(low, high) for _ in range(dimensions))

    settings = {"stride": each(1, 2), "padding": each(0, 2), "dilation": each(1, 2)}
    return dimensions, settings, draw.size(1, 2)


@case(Convolution)
def _convolution(draw: Draw) -> Case:
    dimensions, settings, groups = sliding(draw)
    channels, filters = groups * draw.size(1, 2), groups * draw.size(1, 2)
    x = draw.normal(draw.size(1, 2), channels, *(draw.size(5, 6) for _ in range(dimensions)))
    kernel = [draw.size(1, 3) for _ in range(dimensions)]
    weight = draw.normal(filters, channels // groups, *kernel)
    bias = draw.one_of((), (draw.normal(filters),))
    twin = functional.conv1d if dimensions == 1 else functional.conv2d
    return Case(
        Convolution(groups=groups, **settings),
        (x, weight, *bias),
        lambda *t: twin(*t, groups=groups, **settings),
    )


@case(TransposedConvolution)
def _transposed_convolution(draw: Draw) -> Case:
    dimensions, settings, groups = sliding(draw)
    settings["padding"] = draw.size(0, 1)
    channels, filters = groups * draw.size(1, 2), draw.size(1, 2)
    x = draw.normal(draw.size(1, 2), channels, *(draw.size(2, 3) for _ in range(dimensions)))
    weight = draw.normal(channels, filters, *(draw.size(2, 3) for _ in range(dimensions)))
    bias = draw.one_of((), (draw.normal(filters * groups),))
    steps = settings["stride"] if isinstance(settings["stride"], tuple) else (settings["stride"],)
    extra = draw.size(0, min(steps) - 1)
    twin = functional.conv_transpose1d if dimensions == 1 else functional.conv_transpose2d
    return Case(
        TransposedConvolution(groups=groups, extra=extra, **settings),
        (x, weight, *bias),
        lambda *t: twin(*t, groups=groups, output_padding=extra, **settings),
    )


# -------------------------------------------------------------------- pooling, interpolation


def _window(draw: Draw) -> tuple[int, dict[str, Any]]:
    """How many axes a window slides along, and what both poolings are told."""
    dimensions = draw.one_of(1, 2)
    kernel = tuple(draw.size(1, 3) for _ in range(dimensions))
    settings = {
        "kernel": kernel,
        "stride": draw.one_of(None, 1, 2),
        "padding": draw.size(0, min(kernel) // 2),
        "ceil": draw.one_of(True, False),
    }
    return dimensions, settings


def _as_torch(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings by PyTorch's names."""
    names = {
        "kernel": "kernel_size",
        "ceil": "ceil_mode",
        "count_padding": "count_include_pad",
        "divisor": "divisor_override",
    }
    return {names.get(name, name): value for name, value in settings.items()}


@case(pooling.MaxPool)
def _max_pool(draw: Draw) -> Case:
    dimensions, settings = _window(draw)
    settings["dilation"] = draw.size(1, 2)
    x = draw.distinct(2, draw.size(1, 2), *(draw.size(5, 7) for _ in range(dimensions)))
    twin = functional.max_pool1d if dimensions == 1 else functional.max_pool2d
    return Case(pooling.MaxPool(**settings), (x,), lambda t: twin(t, **_as_torch(settings)))


@case(pooling.AveragePool)
def _average_pool(draw: Draw) -> Case:
    dimensions, settings = _window(draw)
    settings["count_padding"] = draw.one_of(True, False)
    if dimensions == 2:
        settings["divisor"] = draw.one_of(None, None, 1, 5)
    x = draw.normal(2, draw.size(1, 2), *(draw.size(3, 6) for _ in range(dimensions)))
    twin = functional.avg_pool1d if dimensions == 1 else functional.avg_pool2d
    return Case(pooling.AveragePool(**settings), (x,), lambda t: twin(t, **_as_torch(settings)))


@case(pooling.AdaptiveAveragePool)
def _adaptive(draw: Draw) -> Case:
    size = draw.one_of((draw.size(),), (draw.size(), draw.size()))
    x = draw.normal(2, draw.size(), *(draw.size(1, 6) for _ in size))
    twin = functional.adaptive_avg_pool1d if len(size) == 1 else functional.adaptive_avg_pool2d
    return Case(pooling.AdaptiveAveragePool(size), (x,), lambda t: twin(t, size))


def _new_lengths(draw: Draw, axes: int) -> dict[str, Any]:
    """A size, or how many times larger; halves have no rounding of their own."""
    if draw.one_of(True, False):
        return {"size": tuple(draw.size(1, 7) for _ in range(axes))}
    return {"scale": tuple(draw.one_of(0.5, 1.5, 2.0, 2.5) for _ in range(axes))}


def _interpolated(t: torch.Tensor, lengths: dict[str, Any], **settings: Any) -> torch.Tensor:
    return functional.interpolate(
        t, size=lengths.get("size"), scale_factor=lengths.get("scale"), **settings
    )


@case(Nearest)
def _nearest(draw: Draw) -> Case:
    axes = draw.size(1, 3)
    x = draw.normal(1, 2, *(draw.size(2, 4) for _ in range(axes)))
    lengths = _new_lengths(draw, axes)
    return Case(Nearest(**lengths), (x,), lambda t: _interpolated(t, lengths, mode="nearest"))


@case(Bilinear)
def _bilinear(draw: Draw) -> Case:
    axes, corners = draw.size(1, 3), draw.one_of(True, False)
    x = draw.normal(1, 2, *(draw.size(2, 4) for _ in range(axes)))
    lengths = _new_lengths(draw, axes)
    settings = {"mode": ("linear", "bilinear", "trilinear")[axes - 1], "align_corners": corners}
    op = Bilinear(corners=corners, **lengths)
    return Case(op, (x,), lambda t: _interpolated(t, lengths, **settings))
