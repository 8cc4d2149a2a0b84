"""PyTorch's own operator test suite, sample by sample, as calls of the operations of `scratch`.

Those in which something slides over a picture are in `op_db_sliding.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

import op_db_sliding  # noqa: F401  its counterparts join the others
from op_db_counterparts import Call, counterpart, each, within
from pellucid.scratch.op import Op
from pellucid.scratch.ops import arithmetic, elementwise, movement, norms, piecewise, reductions
from pellucid.scratch.ops.attention import ScaledDotProductAttention
from pellucid.scratch.ops.dropout import Dropout
from pellucid.scratch.ops.embedding import Embedding
from pellucid.scratch.ops.matrix import MatMul
from pellucid.scratch.ops.softmax import LogSoftmax, Softmax

WITHOUT: dict[type[Op], str] = {
    Dropout: "chance: PyTorch draws other numbers than NumPy; held in op_cases with the same ones",
}
"""Operations that op_db has nothing to hold against, with the reason."""


# -------------------------------------------------------------------- arithmetic, curves


def _plain(op: type[Op], name: str, least: int, variant: str = "") -> None:
    @counterpart(name, least, variant)
    def call(*inputs: Any, **settings: Any) -> Call:
        within(not settings, "no settings besides the inputs")
        return op(), inputs


_plain(arithmetic.Add, "add", 9)
_plain(arithmetic.Subtract, "sub", 9)
_plain(arithmetic.Multiply, "mul", 9)
_plain(arithmetic.Divide, "div", 9, "no_rounding_mode")
_plain(arithmetic.Power, "pow", 9)
_plain(arithmetic.Maximum, "maximum", 9)
_plain(arithmetic.Minimum, "minimum", 9)
_plain(arithmetic.Negative, "neg", 1)
_plain(piecewise.Abs, "abs", 1)
_plain(elementwise.Sin, "sin", 1)
_plain(elementwise.Cos, "cos", 3)
_plain(piecewise.HardSwish, "nn.functional.hardswish", 4)
_plain(elementwise.Exp, "exp", 3)
_plain(elementwise.Log, "log", 3)
_plain(elementwise.Sqrt, "sqrt", 1)
_plain(elementwise.ReLU, "nn.functional.relu", 4)
_plain(elementwise.Sigmoid, "sigmoid", 3)
_plain(elementwise.Tanh, "tanh", 1)
_plain(elementwise.SiLU, "nn.functional.silu", 3)
_plain(MatMul, "matmul", 15)
_plain(MatMul, "mm", 3)
_plain(MatMul, "bmm", 1)


@counterpart("nn.functional.leaky_relu", 9)
def _leaky(x: Tensor, negative_slope: float = 0.01) -> Call:
    return elementwise.LeakyReLU(negative_slope), (x,)


@counterpart("nn.functional.softplus", 3)
def _softplus(x: Tensor, beta: float = 1, threshold: float = 20, **settings: Any) -> Call:
    return elementwise.Softplus(threshold, beta), (x,)


# PyTorch's backward multiplies by 1/6 in single precision, also in float64.
@counterpart("nn.functional.hardsigmoid", 3, tolerance=1e-7)
def _hard_sigmoid(x: Tensor) -> Call:
    return piecewise.HardSigmoid(), (x,)


@counterpart("nn.functional.elu", 3)
def _elu(x: Tensor, alpha: float = 1.0) -> Call:
    return piecewise.ELU(alpha), (x,)


@counterpart("nn.functional.relu6", 3)
def _relu6(x: Tensor) -> Call:
    return piecewise.Clip(0.0, 6.0), (x,)


@counterpart("nn.functional.hardtanh", 5)
def _hard_tanh(x: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Call:
    return piecewise.Clip(min_val, max_val), (x,)


@counterpart("nn.functional.gelu", 8)
def _gelu(x: Tensor, approximate: str = "none") -> Call:
    return (elementwise.GELU() if approximate == "none" else elementwise.TanhGELU()), (x,)


# -------------------------------------------------------------------- reductions, movement


def _reduction(op: type[reductions.Reduction], name: str, least: int) -> None:
    @counterpart(name, least)
    def call(x: Tensor, dim: Any = None, keepdim: bool = False, **settings: Any) -> Call:
        within(not settings, "no other precision")
        axes = each(dim)
        return op(None if axes == () else axes, keepdim), (x,)


_reduction(reductions.Sum, "sum", 20)
_reduction(reductions.Mean, "mean", 20)
_reduction(reductions.Max, "amax", 20)


_reduction(reductions.LogSumExp, "logsumexp", 15)


def _deviation(op: type[reductions.Variance], name: str, least: int) -> None:
    @counterpart(name, least)
    def call(
        x: Tensor, dim: Any = None, correction: Any = 1, keepdim: bool = False, **settings: Any
    ) -> Call:
        axes = None if dim is None or dim == [] else each(dim)
        less = 1 if correction is None else correction
        less = settings.get("unbiased", less)  # true or false: 1 or 0
        kept = x.detach().sum(axes if axes is not None else tuple(range(x.ndim))).numel()
        within(x.numel() > less * kept, "more numbers than the correction takes off")
        return op(axes, keepdim, less), (x,)


_deviation(reductions.Variance, "var", 14)
_deviation(reductions.StandardDeviation, "std", 14)


@counterpart("cumsum", 3)
def _cumsum(x: Tensor, axis: int, **settings: Any) -> Call:
    within(not settings, "no other precision")
    return reductions.CumulativeSum(axis), (x,)


@counterpart("where", 6)
def _where(a: Tensor, condition: Tensor, b: Tensor) -> Call:
    return movement.Where(), (condition, a, b)


@counterpart("masked_fill", 8)
def _masked_fill(x: Tensor, mask: Tensor, value: Any) -> Call:
    return movement.Where(), (mask, value, x)


@counterpart("reshape", 7)
def _reshape(x: Tensor, shape: Sequence[int]) -> Call:
    return movement.Reshape(shape), (x,)


@counterpart("permute", 4)
def _permute(x: Tensor, axes: Sequence[int]) -> Call:
    return movement.Transpose(axes), (x,)


@counterpart("expand", 7)
def _expand(x: Tensor, shape: Sequence[int]) -> Call:
    within(-1 not in shape, "every size is told, none is −1")
    return movement.Expand(shape), (x,)


@counterpart("__getitem__", 2)
def _getitem(x: Tensor, window: Any) -> Call:
    several = window if isinstance(window, tuple) else (window,)
    plain = int | slice | type(None) | type(...)
    are_plain = all(isinstance(one, plain) and not isinstance(one, bool) for one in several)
    within(are_plain, "whole numbers, ranges, … and None")
    return movement.Slice(window), (x,)


@counterpart("gather", 4)
def _gather(x: Tensor, axis: int, places: Tensor, **settings: Any) -> Call:
    within(x.ndim and x.ndim == places.ndim, "x and the places have the same axes, at least one")
    return movement.Gather(axis), (x, places)


@counterpart("cat", 8)
def _cat(parts: Sequence[Tensor], dim: int = 0, **settings: Any) -> Call:
    within(len({part.ndim for part in parts}) == 1, "every part has the same axes")
    return movement.Concatenate(dim), tuple(parts)


@counterpart("nn.functional.pad", 47, "constant")
def _pad(x: Tensor, widths: Sequence[int], mode: str = "constant", value: Any = 0.0) -> Call:
    within(min(widths, default=0) >= 0, "nothing is cut off")
    pairs = [tuple(widths[k : k + 2]) for k in range(len(widths) - 2, -1, -2)]
    return movement.Pad([(0, 0)] * (x.ndim - len(pairs)) + pairs, value or 0.0), (x,)


# -------------------------------------------------------------------- shares, norms, the rest


def _scores(op: type[Softmax] | type[LogSoftmax], name: str, least: int) -> None:
    @counterpart(name, least)
    def call(x: Tensor, dim: int, dtype: Any = None) -> Call:
        within(x.ndim and dtype is None, "scores along an axis, in their own precision")
        return op(dim), (x,)


_scores(Softmax, "softmax", 6)
_scores(LogSoftmax, "log_softmax", 6)


@counterpart("nn.functional.layer_norm", 6)
def _layer_norm(
    x: Tensor, shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Call:
    within(weight is not None or bias is None, "no bias without a weight")
    return norms.LayerNorm(eps, len(shape)), (x, weight, bias)


@counterpart("nn.functional.group_norm", 21)
def _group_norm(
    x: Tensor, groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Call:
    within(weight is not None or bias is None, "no bias without a weight")
    return norms.GroupNorm(groups, eps), (x, weight, bias)


@counterpart("nn.functional.batch_norm", 12)
def _batch_norm(
    x: Tensor,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Call:
    within(weight is not None or bias is None, "no bias without a weight")
    given = None if training else (running_mean.numpy(), running_var.numpy())
    return norms.BatchNorm(eps, given), (x, weight, bias)


@counterpart("nn.functional.embedding", 3)
def _embedding(table: Tensor, symbols: Tensor, **settings: Any) -> Call:
    within(not settings, "no symbol is special, and no row is scaled")
    return Embedding(), (table, symbols)


@counterpart("nn.functional.scaled_dot_product_attention", 13)
def _attention(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    **settings: Any,
) -> Call:
    within(dropout_p == 0, "no chance")
    within(not settings.get("enable_gqa"), "a key for each query head")
    return ScaledDotProductAttention(is_causal, settings.get("scale")), (
        queries,
        keys,
        values,
        attn_mask,
    )
