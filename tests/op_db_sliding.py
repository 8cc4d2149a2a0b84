"""Counterparts of convolution, pooling and interpolation in PyTorch's operator test suite."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from op_db_counterparts import Call, counterpart, each, within
from pellucid.scratch.ops import pooling
from pellucid.scratch.ops.convolution import Convolution, TransposedConvolution
from pellucid.scratch.ops.interpolation import Bilinear, Nearest

# -------------------------------------------------------------------- convolution, pooling


def _convolution(name: str, least: int) -> None:
    @counterpart(name, least)
    def call(
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Call:
        within(x.ndim == weight.ndim, "x has an axis for the examples")
        within(not isinstance(padding, str), "padding in numbers")
        op = Convolution(each(stride), each(padding), each(dilation), groups)
        return op, (x, weight, bias)


_convolution("nn.functional.conv1d", 3)
_convolution("nn.functional.conv2d", 13)
_convolution("nn.functional.conv3d", 4)


def _transposed(name: str, least: int) -> None:
    @counterpart(name, least)
    def call(
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        dilation: Any = 1,
    ) -> Call:
        within(x.ndim == weight.ndim, "x has an axis for the examples")
        settings = (each(stride), each(padding), each(dilation), groups, each(output_padding))
        return TransposedConvolution(*settings), (x, weight, bias)


_transposed("nn.functional.conv_transpose1d", 5)
_transposed("nn.functional.conv_transpose2d", 6)
_transposed("nn.functional.conv_transpose3d", 5)


def _max_pool(name: str, axes: int, least: int) -> None:
    @counterpart(name, least)
    def call(
        x: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Call:
        within(not return_indices, "one result, without the places")
        each_axis = (_sizes(setting, axes) for setting in (padding, dilation))
        steps = None if stride in (None, ()) else _sizes(stride, axes)
        return pooling.MaxPool(_sizes(kernel_size, axes), steps, *each_axis, ceil_mode), (x,)


_max_pool("nn.functional.max_pool1d", 1, 432)
_max_pool("nn.functional.max_pool2d", 2, 720)
_max_pool("nn.functional.max_pool3d", 3, 288)


def _average_pool(name: str, axes: int, least: int) -> None:
    @counterpart(name, least)
    def call(
        x: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Call:
        steps = None if stride in (None, ()) else _sizes(stride, axes)
        window = (_sizes(kernel_size, axes), steps, _sizes(padding, axes))
        settings = (ceil_mode, count_include_pad, divisor_override)
        return pooling.AveragePool(*window, *settings), (x,)


_average_pool("nn.functional.avg_pool1d", 1, 9)
_average_pool("nn.functional.avg_pool2d", 2, 7)
_average_pool("nn.functional.avg_pool3d", 3, 8)


def _sizes(setting: Any, axes: int) -> tuple[Any, ...]:
    """One size for each axis."""
    several = (setting,) if isinstance(setting, int | float) else tuple(setting)
    return several * axes if len(several) == 1 else several


def _adaptive(name: str, axes: int, least: int) -> None:
    @counterpart(name, least)
    def call(x: Tensor, size: Any) -> Call:
        sizes = _sizes(size, axes)
        within(None not in sizes, "every size is told")
        return pooling.AdaptiveAveragePool(sizes), (x,)


_adaptive("nn.functional.adaptive_avg_pool1d", 1, 6)
_adaptive("nn.functional.adaptive_avg_pool2d", 2, 4)


def _interpolation(op: type[Nearest] | type[Bilinear], variant: str, least: int) -> None:
    @counterpart("nn.functional.interpolate", least, variant)
    def call(
        x: Tensor,
        size: Any = None,
        scale_factor: Any = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
        antialias: bool = False,
    ) -> Call:
        within(not antialias, "no smoothing before it is made smaller")
        within(not recompute_scale_factor, "points as far apart as the scale says")
        lengths: dict[str, Any] = {}
        if size is not None:
            lengths["size"] = _sizes(size, x.ndim - 2)
        else:
            lengths["scale"] = _sizes(scale_factor, x.ndim - 2)
        if op is Bilinear:
            lengths["corners"] = bool(align_corners)
        return op(**lengths), (x,)


_interpolation(Nearest, "nearest", 17)
_interpolation(Bilinear, "linear", 12)
_interpolation(Bilinear, "bilinear", 18)
_interpolation(Bilinear, "trilinear", 18)
