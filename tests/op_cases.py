"""Cases for every operation of `scratch`, drawn by Hypothesis, each with its twin in PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch.nn import functional

from pellucid.scratch.op import Op
from pellucid.scratch.ops import arithmetic, elementwise, movement, norms, pooling, reductions
from pellucid.scratch.ops.attention import ScaledDotProductAttention
from pellucid.scratch.ops.convolution import Convolution, TransposedConvolution
from pellucid.scratch.ops.dropout import Dropout
from pellucid.scratch.ops.embedding import Embedding
from pellucid.scratch.ops.interpolation import Bilinear, Nearest
from pellucid.scratch.ops.matrix import MatMul
from pellucid.scratch.ops.softmax import LogSoftmax, Scores, Softmax

Array = NDArray[Any]
Twin = Callable[..., torch.Tensor]


class Case(NamedTuple):
    """An operation that has not run yet, inputs for it, and the same in PyTorch."""

    op: Op
    arrays: tuple[Array, ...]
    twin: Twin


class Draw:
    """Shapes and settings from Hypothesis; numbers from a generator that it seeds."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self._draw = draw
        self.chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    def size(self, low: int = 1, high: int = 4) -> int:
        return int(self._draw(st.integers(low, high)))

    def shape(self, low: int = 0, high: int = 3) -> tuple[int, ...]:
        return tuple(self.size() for _ in range(self.size(low, high)))

    def one_of(self, *choices: Any) -> Any:
        return self._draw(st.sampled_from(choices))

    def normal(self, *shape: int) -> Array:
        return np.asarray(self.chance.standard_normal(shape))

    def positive(self, *shape: int) -> Array:
        return np.abs(self.normal(*shape)) + 0.3

    def off_zero(self, *shape: int) -> Array:
        """Of either sign, none near 0, where a curve may have a corner."""
        return np.sign(self.normal(*shape) + 1e-9) * self.positive(*shape)

    def distinct(self, *shape: int) -> Array:
        """Numbers at least 0.1 apart, so that nudging changes no maximum."""
        count = int(np.prod(shape))
        return (self.chance.permutation(count).reshape(shape) - count / 2) / 10

    def places(self, below: int, *shape: int) -> Array:
        return self.chance.integers(below, size=shape)

    def stretched(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """A shape that broadcasting makes into `shape`."""
        kept = shape[self.size(0, len(shape)) :]
        return tuple(1 if self.one_of(True, False) else size for size in kept)


CASES: dict[type[Op], Callable[[Draw], Case]] = {}


def case(op: type[Op]) -> Callable[[Callable[[Draw], Case]], Callable[[Draw], Case]]:
    def keep(make: Callable[[Draw], Case]) -> Callable[[Draw], Case]:
        CASES[op] = make
        return make

    return keep


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
_curve(elementwise.Softplus, functional.softplus)


# -------------------------------------------------------------------- reductions, movement


def _reduction(op: type[reductions.Reduction], twin: Callable[..., torch.Tensor]) -> None:
    @case(op)
    def make(draw: Draw) -> Case:
        x = draw.distinct(*draw.shape(1))
        axes = draw.one_of(None, 0, -1, tuple(range(x.ndim)), tuple(range(x.ndim))[1:] or (0,))
        every = tuple(range(x.ndim)) if axes is None else axes
        keep = draw.one_of(True, False)
        return Case(op(axes, keep), (x,), lambda t: twin(t, dim=every, keepdim=keep))


_reduction(reductions.Sum, torch.sum)
_reduction(reductions.Mean, torch.mean)
_reduction(reductions.Max, torch.amax)


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


def _pooling(op: type[pooling.Window], by_dimensions: dict[int, Twin]) -> None:
    @case(op)
    def make(draw: Draw) -> Case:
        dimensions = draw.one_of(1, 2)
        kernel = tuple(draw.size(1, 3) for _ in range(dimensions))
        stride = draw.one_of(None, 1, 2)
        padding = draw.size(0, min(kernel) // 2)
        x = draw.distinct(2, draw.size(1, 2), *(draw.size(3, 6) for _ in range(dimensions)))
        twin = by_dimensions[dimensions]
        return Case(op(kernel, stride, padding), (x,), lambda t: twin(t, kernel, stride, padding))


_pooling(pooling.MaxPool, {1: functional.max_pool1d, 2: functional.max_pool2d})
_pooling(pooling.AveragePool, {1: functional.avg_pool1d, 2: functional.avg_pool2d})


@case(pooling.AdaptiveAveragePool)
def _adaptive(draw: Draw) -> Case:
    size = draw.one_of((draw.size(),), (draw.size(), draw.size()))
    x = draw.normal(2, draw.size(), *(draw.size(1, 6) for _ in size))
    twin = functional.adaptive_avg_pool1d if len(size) == 1 else functional.adaptive_avg_pool2d
    return Case(pooling.AdaptiveAveragePool(size), (x,), lambda t: twin(t, size))


@case(Nearest)
def _nearest(draw: Draw) -> Case:
    x, size = draw.normal(1, 2, draw.size(), draw.size()), (draw.size(1, 7), draw.size(1, 7))
    return Case(Nearest(size), (x,), lambda t: functional.interpolate(t, size, mode="nearest"))


@case(Bilinear)
def _bilinear(draw: Draw) -> Case:
    x, size = draw.normal(1, 2, draw.size(), draw.size()), (draw.size(1, 7), draw.size(1, 7))
    corners = draw.one_of(True, False)
    return Case(
        Bilinear(size, corners),
        (x,),
        lambda t: functional.interpolate(t, size, mode="bilinear", align_corners=corners),
    )


# -------------------------------------------------------------------- shares, norms, the rest


def _scores(op: type[Scores], twin: Twin) -> None:
    @case(op)
    def make(draw: Draw) -> Case:
        x = draw.normal(*draw.shape(1)) * draw.one_of(1, 30)
        axis = draw.one_of(-1, 0)
        return Case(op(axis), (x,), lambda t: twin(t, axis))


_scores(Softmax, torch.softmax)
_scores(LogSoftmax, torch.log_softmax)


@case(norms.BatchNorm)
def _batch_norm(draw: Draw) -> Case:
    channels, rest = draw.size(), draw.one_of((), (3,), (2, 3))
    x = draw.normal(draw.size(2, 4), channels, *rest) + draw.one_of(0, 5)
    learnt = draw.normal(channels), draw.normal(channels)
    if draw.one_of(True, False):
        return Case(
            norms.BatchNorm(1e-3),
            (x, *learnt),
            lambda t, w, b: functional.batch_norm(t, None, None, w, b, training=True, eps=1e-3),
        )
    given = draw.normal(channels), draw.positive(channels)
    return Case(
        norms.BatchNorm(given=given),
        (x, *learnt),
        lambda t, w, b: functional.batch_norm(
            t, *(torch.from_numpy(part).to(t.dtype) for part in given), w, b
        ),
    )


@case(norms.GroupNorm)
def _group_norm(draw: Draw) -> Case:
    groups, width = draw.size(1, 2), draw.size(1, 2)
    channels = groups * width
    x = draw.normal(draw.size(), channels, *draw.one_of((3,), (2, 3)))
    op, arrays = norms.GroupNorm(groups), (x, draw.normal(channels), draw.normal(channels))
    return Case(op, arrays, lambda t, w, b: functional.group_norm(t, groups, w, b))


@case(norms.LayerNorm)
def _layer_norm(draw: Draw) -> Case:
    own = draw.one_of((4,), (2, 3))
    arrays = (draw.normal(*draw.shape(0, 2), *own), draw.normal(*own), draw.normal(*own))
    return Case(norms.LayerNorm(), arrays, lambda t, w, b: functional.layer_norm(t, own, w, b))


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
    causal = draw.one_of(True, False)
    mask = () if causal else draw.one_of((), (draw.normal(n, m),), (draw.normal(*lead, 1, m),))
    arrays = (
        draw.normal(*lead, n, width) * draw.one_of(1, 10),
        draw.normal(*lead, m, width),
        draw.normal(*lead, m, draw.size()),
        *mask,
    )

    def twin(*t: torch.Tensor) -> torch.Tensor:
        return functional.scaled_dot_product_attention(*t, is_causal=causal)

    return Case(ScaledDotProductAttention(causal), arrays, twin)
