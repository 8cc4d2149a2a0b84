"""Cases for every operation of `scratch`, drawn by Hypothesis, each with its twin in PyTorch.

Those in which something slides over a picture are in `op_cases_sliding.py`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

import op_cases_sliding  # noqa: F401  its cases join the others
from op_draw import CASES, Array, Case, Draw, Twin, case
from pellucid.scratch.op import Op
from pellucid.scratch.ops import (
    arithmetic,
    elementwise,
    movement,
    norms,
    piecewise,
    reductions,
)
from pellucid.scratch.ops.attention import ScaledDotProductAttention
from pellucid.scratch.ops.dropout import Dropout
from pellucid.scratch.ops.embedding import Embedding
from pellucid.scratch.ops.softmax import LogSoftmax, Scores, Softmax

__all__ = ["CASES", "Case", "Draw"]

# -------------------------------------------------------------------- arithmetic, curves


def _pairwise(op: type[Op], twin: Twin) -> None:
    @case(op)
    def make(draw: Draw) -> Case:
        shape = draw.shape()
        pair = [draw.positive(*shape), draw.positive(*draw.stretched(shape))]
        if op is not arithmetic.Power:
            pair = [array * np.sign(draw.off_zero(*array.shape)) for array in pair]
        return Case(op(), tuple(draw.one_of(pair, pair[::-1])), twin)


_pairwise(arithmetic.Add, torch.add)
_pairwise(arithmetic.Subtract, torch.subtract)
_pairwise(arithmetic.Multiply, torch.multiply)
_pairwise(arithmetic.Divide, torch.divide)
_pairwise(arithmetic.Power, torch.pow)
_pairwise(arithmetic.Maximum, torch.maximum)
_pairwise(arithmetic.Minimum, torch.minimum)


def _curve(op: type[Op], twin: Twin, *, positive: bool = False) -> None:
    @case(op)
    def make(draw: Draw) -> Case:
        shape = draw.shape()
        x = draw.positive(*shape) if positive else draw.off_zero(*shape)
        return Case(op(), (np.asarray(x * draw.one_of(1, 3, 8)),), twin)


_curve(arithmetic.Negative, torch.negative)
_curve(elementwise.Exp, torch.exp)
_curve(elementwise.Log, torch.log, positive=True)
_curve(elementwise.Sqrt, torch.sqrt, positive=True)
_curve(elementwise.ReLU, torch.relu)
_curve(elementwise.LeakyReLU, functional.leaky_relu)
_curve(elementwise.Sigmoid, torch.sigmoid)
_curve(elementwise.Tanh, torch.tanh)
_curve(elementwise.GELU, functional.gelu)
_curve(elementwise.TanhGELU, lambda x: functional.gelu(x, approximate="tanh"))
_curve(elementwise.SiLU, functional.silu)
_curve(elementwise.Sin, torch.sin)
_curve(elementwise.Cos, torch.cos)
_curve(piecewise.Abs, torch.abs)
# In its own backward PyTorch multiplies by 1/6 in single precision, also in float64.
_curve(piecewise.HardSigmoid, lambda x: torch.clamp(x + 3, 0, 6) / 6)
_curve(piecewise.HardSwish, functional.hardswish)


@case(elementwise.Softplus)
def _softplus(draw: Draw) -> Case:
    x, beta = draw.off_zero(*draw.shape()) * draw.one_of(1, 8), draw.one_of(1.0, 0.5, 3.0)
    op = elementwise.Softplus(beta=beta)
    return Case(op, (np.asarray(x),), lambda t: functional.softplus(t, beta=beta))


@case(piecewise.ELU)
def _elu(draw: Draw) -> Case:
    x, alpha = draw.off_zero(*draw.shape()) * draw.one_of(1, 8), draw.one_of(1.0, 0.3)
    return Case(piecewise.ELU(alpha), (np.asarray(x),), lambda t: functional.elu(t, alpha))


@case(piecewise.Clip)
def _clip(draw: Draw) -> Case:
    x = np.asarray(draw.off_zero(*draw.shape()) * draw.one_of(1, 8))
    low, high, twin = draw.one_of(
        (0.0, 6.0, functional.relu6),
        (-1.0, 1.0, functional.hardtanh),
        (None, 0.25, lambda t: torch.clamp(t, max=0.25)),
        (-0.25, None, lambda t: torch.clamp(t, min=-0.25)),
    )
    return Case(piecewise.Clip(low, high), (x,), twin)


# -------------------------------------------------------------------- reductions, movement


def _reduction(op: type[reductions.Reduction], twin: Callable[..., torch.Tensor]) -> None:
    @case(op)
    def make(draw: Draw) -> Case:
        x = draw.distinct(*draw.shape(0))
        axes = draw.one_of(None, 0, -1, tuple(range(x.ndim)), tuple(range(x.ndim))[1:] or None)
        every = tuple(range(x.ndim)) if axes is None else axes
        keep = draw.one_of(True, False)
        return Case(op(axes, keep), (x,), lambda t: twin(t, dim=every, keepdim=keep))


_reduction(reductions.Sum, torch.sum)
_reduction(reductions.Mean, torch.mean)
_reduction(reductions.Max, torch.amax)
_reduction(reductions.LogSumExp, torch.logsumexp)


def _deviation(op: type[reductions.Variance], twin: Callable[..., torch.Tensor]) -> None:
    @case(op)
    def make(draw: Draw) -> Case:
        x = draw.normal(draw.size(2), *draw.shape(0, 2)) + draw.one_of(0, 20)
        axes, keep, less = draw.one_of(None, 0), draw.one_of(True, False), draw.one_of(0, 1)
        return Case(
            op(axes, keep, less), (x,), lambda t: twin(t, axes, correction=less, keepdim=keep)
        )


_deviation(reductions.Variance, torch.var)
_deviation(reductions.StandardDeviation, torch.std)


@case(reductions.CumulativeSum)
def _cumulative(draw: Draw) -> Case:
    x, axis = draw.normal(*draw.shape(0)), draw.one_of(0, -1)
    return Case(reductions.CumulativeSum(axis), (x,), lambda t: torch.cumsum(t, axis))


@case(movement.Reshape)
def _reshape(draw: Draw) -> Case:
    n, m, k = draw.size(), draw.size(), draw.size()
    shape = draw.one_of((n * m, k), (k, m, n), (-1,), (n, -1, 1))
    return Case(movement.Reshape(shape), (draw.normal(n, m, k),), lambda t: t.reshape(shape))


@case(movement.Transpose)
def _transpose(draw: Draw) -> Case:
    x = draw.normal(*draw.shape(1))
    axes = tuple(int(axis) for axis in draw.chance.permutation(x.ndim))
    if draw.one_of(True, False):
        return Case(movement.Transpose(), (x,), lambda t: t.permute(*reversed(range(x.ndim))))
    return Case(movement.Transpose(axes), (x,), lambda t: t.permute(axes))


@case(movement.Slice)
def _slice(draw: Draw) -> Case:
    x = draw.normal(4, draw.size(), 5)
    window = draw.one_of(
        1, (slice(1, 4, 2), -1), (..., 2), (None, slice(None), 0), (0, ..., slice(-3, None)), ()
    )
    return Case(movement.Slice(window), (x,), lambda t: t[window])


@case(movement.Gather)
def _gather(draw: Draw) -> Case:
    x = draw.normal(*draw.shape(1))
    axis = draw.size(0, x.ndim - 1)
    shape = (*x.shape[:axis], draw.size(), *x.shape[axis + 1 :])
    places = draw.places(x.shape[axis], *shape)
    return Case(movement.Gather(axis), (x, places), lambda t, at: torch.gather(t, axis, at))


@case(movement.Concatenate)
def _concatenate(draw: Draw) -> Case:
    shape = draw.shape(1)
    axis = draw.one_of(0, -1)
    parts = []
    for _ in range(draw.size()):
        own = list(shape)
        own[axis] = draw.size()
        parts.append(draw.normal(*own))
    return Case(movement.Concatenate(axis), tuple(parts), lambda *t: torch.cat(t, axis))


@case(movement.Where)
def _where(draw: Draw) -> Case:
    shape = draw.shape()
    condition = np.asarray(draw.normal(*draw.stretched(shape)) > 0)
    a, b = draw.normal(*shape), draw.normal(*draw.stretched(shape))
    if draw.one_of(True, False):  # a mask over x: one number wherever it is true
        return Case(
            movement.Where(), (condition, np.asarray(2.5), a), lambda c, v, t: t.masked_fill(c, v)
        )
    return Case(movement.Where(), (condition, a, b), torch.where)


@case(movement.Pad)
def _pad(draw: Draw) -> Case:
    x = draw.normal(*draw.shape(1))
    widths = [(draw.size(0, 2), draw.size(0, 2)) for _ in x.shape]
    value = draw.one_of(0.0, -1.5)
    flat = [width for pair in reversed(widths) for width in pair]
    return Case(movement.Pad(widths, value), (x,), lambda t: functional.pad(t, flat, value=value))


@case(movement.Expand)
def _expand(draw: Draw) -> Case:
    shape = draw.shape(1)
    x = draw.normal(*draw.stretched(shape))
    return Case(movement.Expand(shape), (x,), lambda t: t.broadcast_to(shape))


# -------------------------------------------------------------------- shares, norms, the rest


def _scores(op: type[Scores], twin: Twin) -> None:
    @case(op)
    def make(draw: Draw) -> Case:
        x = draw.normal(*draw.shape(1)) * draw.one_of(1, 30)
        axis = draw.one_of(-1, 0)
        return Case(op(axis), (x,), lambda t: twin(t, axis))


_scores(Softmax, torch.softmax)
_scores(LogSoftmax, torch.log_softmax)


def _learnt(draw: Draw, *shape: int) -> tuple[Array, ...]:
    """A weight and a bias, a weight alone, or none."""
    return tuple(draw.normal(*shape) for _ in range(draw.one_of(2, 2, 1, 0)))


@case(norms.BatchNorm)
def _batch_norm(draw: Draw) -> Case:
    channels, rest = draw.size(), draw.one_of((), (3,), (2, 3))
    x = draw.normal(draw.size(2, 4), channels, *rest) + draw.one_of(0, 5)
    learnt = _learnt(draw, channels)
    if draw.one_of(True, False):
        return Case(
            norms.BatchNorm(1e-3),
            (x, *learnt),
            lambda t, *wb: functional.batch_norm(t, None, None, *wb, training=True, eps=1e-3),
        )
    given = draw.normal(channels), draw.positive(channels)
    return Case(
        norms.BatchNorm(given=given),
        (x, *learnt),
        lambda t, *wb: functional.batch_norm(
            t, *(torch.from_numpy(part).to(t.dtype) for part in given), *wb
        ),
    )


@case(norms.GroupNorm)
def _group_norm(draw: Draw) -> Case:
    groups, width = draw.size(1, 2), draw.size(1, 2)
    channels = groups * width
    x = draw.normal(draw.size(), channels, *draw.one_of((3,), (2, 3)))
    op, arrays = norms.GroupNorm(groups), (x, *_learnt(draw, channels))
    return Case(op, arrays, lambda t, *wb: functional.group_norm(t, groups, *wb))


@case(norms.LayerNorm)
def _layer_norm(draw: Draw) -> Case:
    own = draw.one_of((4,), (2, 3))
    arrays = (draw.normal(*draw.shape(0, 2), *own), *_learnt(draw, *own))
    op = norms.LayerNorm(own_axes=len(own))
    return Case(op, arrays, lambda t, *wb: functional.layer_norm(t, own, *wb))


@case(Dropout)
def _dropout(draw: Draw) -> Case:
    x, seed, share = draw.normal(*draw.shape()), draw.size(0, 99), draw.one_of(0.0, 0.4, 0.5)
    kept = np.random.default_rng(seed).random(x.shape) >= share
    return Case(
        Dropout(share, np.random.default_rng(seed)),
        (x,),
        lambda t: t * torch.from_numpy(np.asarray(kept)) / (1 - share),
    )


@case(Embedding)
def _embedding(draw: Draw) -> Case:
    rows = draw.size()
    table, symbols = draw.normal(rows, draw.size()), draw.places(rows, *draw.shape(1))
    return Case(Embedding(), (table, symbols), lambda t, at: functional.embedding(at, t))


@case(ScaledDotProductAttention)
def _attention(draw: Draw) -> Case:
    lead = draw.shape(0, 2)
    n, m, width = draw.size(), draw.size(), draw.size()
    causal, scale = draw.one_of(True, False), draw.one_of(None, 0.3)
    seen = draw.normal(n, m) > -0.5  # some rows may look at nothing
    masks = (), (draw.normal(n, m),), (draw.normal(*lead, 1, m),), (np.asarray(seen),)
    arrays = (
        draw.normal(*lead, n, width) * draw.one_of(1, 10),
        draw.normal(*lead, m, width),
        draw.normal(*lead, m, draw.size()),
        *(() if causal else draw.one_of(*masks)),
    )

    def twin(*t: torch.Tensor) -> torch.Tensor:
        return functional.scaled_dot_product_attention(*t, is_causal=causal, scale=scale)

    return Case(ScaledDotProductAttention(causal, scale), arrays, twin)
