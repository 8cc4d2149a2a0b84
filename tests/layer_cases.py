"""Cases for every layer of `scratch`, drawn by Hypothesis, each with its twin in PyTorch."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from op_cases import Draw
from pellucid.scratch.layer import Layer
from pellucid.scratch.layers import (
    activation,
    attention,
    convolution,
    dropout,
    embedding,
    linear,
    norms,
    pooling,
    recurrent,
    sequential,
)

Array = NDArray[Any]


class Case(NamedTuple):
    """A layer in float64, inputs for it, the same layer in PyTorch, and how that is called."""

    layer: Layer
    inputs: tuple[Array, ...]
    twin: nn.Module
    ask: Callable[..., Any] | None = None
    """What the twin gives for the inputs, where its call looks different."""


CASES: dict[type[Layer], Callable[[Draw], Case]] = {}


def case(layer: type[Layer]) -> Callable[[Callable[[Draw], Case]], Callable[[Draw], Case]]:
    def keep(make: Callable[[Draw], Case]) -> Callable[[Draw], Case]:
        CASES[layer] = make
        return make

    return keep


def same(layer: Layer, inputs: tuple[Array, ...], twin: nn.Module, ask: Any = None) -> Case:
    """Both in float64, the twin with the layer's weights: by name, and all of them."""
    layer.astype(np.float64)
    twin = twin.double()
    chance = np.random.default_rng(4)  # biases start at 0, where a lost bias would not be seen
    layer.load_state_dict(
        {
            name: np.abs(chance.standard_normal(array.shape)) if "var" in name else array
            for name, array in layer.state_dict().items()
        }
    )
    for name, weight in layer.named_parameters().items():
        if "bias" in name or "norm" in name:
            weight.data = weight.data + 0.5 * chance.standard_normal(weight.shape)
    counters = {k: v for k, v in twin.state_dict().items() if k.endswith("num_batches_tracked")}
    own = {name: torch.tensor(array) for name, array in layer.state_dict().items()}
    twin.load_state_dict({**own, **counters})
    return Case(layer, inputs, twin, ask)


class SameMask(nn.Module):
    """Dropout that draws what ours will draw."""

    def __init__(self, p: float, chance: np.random.Generator) -> None:
        super().__init__()
        self.p, self.chance = p, chance

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return x
        kept = torch.from_numpy(self.chance.random(tuple(x.shape)) >= self.p)
        return x * kept / (1 - self.p)


# ---------------------------------------------------------------- linear, curves, containers


@case(linear.Linear)
def _linear(draw: Draw) -> Case:
    wide, out, bias = draw.size(), draw.size(), draw.one_of(True, False)
    x = draw.normal(*draw.shape(), wide)
    return same(linear.Linear(wide, out, draw.chance, bias), (x,), nn.Linear(wide, out, bias))


def _curve(layer: type[Layer], twin: type[nn.Module]) -> None:
    @case(layer)
    def make(draw: Draw) -> Case:
        return same(layer(), (draw.off_zero(*draw.shape(1)),), twin())


_curve(activation.ReLU, nn.ReLU)
_curve(activation.Sigmoid, nn.Sigmoid)
_curve(activation.Tanh, nn.Tanh)
_curve(activation.GELU, nn.GELU)
_curve(activation.SiLU, nn.SiLU)
_curve(activation.Softplus, nn.Softplus)


@case(activation.LeakyReLU)
def _leaky(draw: Draw) -> Case:
    slope = draw.one_of(0.01, 0.2)
    return same(activation.LeakyReLU(slope), (draw.off_zero(3, 4),), nn.LeakyReLU(slope))


@case(activation.Softmax)
def _softmax(draw: Draw) -> Case:
    axis = draw.one_of(0, -1)
    x = draw.normal(draw.size(2), draw.size(2))
    return same(activation.Softmax(axis), (x,), nn.Softmax(axis))


@case(sequential.Sequential)
def _sequential(draw: Draw) -> Case:
    wide, inner = draw.size(), draw.size(3, 5)
    parts = linear.Linear(wide, inner, draw.chance), activation.Tanh()
    ours = sequential.Sequential(*parts, linear.Linear(inner, 2, draw.chance))
    theirs = nn.Sequential(nn.Linear(wide, inner), nn.Tanh(), nn.Linear(inner, 2))
    return same(ours, (draw.normal(draw.size(), wide),), theirs)


@case(sequential.Flatten)
def _flatten(draw: Draw) -> Case:
    return same(sequential.Flatten(), (draw.normal(*draw.shape(2, 4)),), nn.Flatten())


# ---------------------------------------------------------------------- convolution, pooling


def _convolution(layer: Any, twin: Any, axes: int) -> None:
    @case(layer)
    def make(draw: Draw) -> Case:
        groups = draw.size(1, 2)
        channels, filters = groups * draw.size(1, 2), groups * draw.size(1, 2)
        settings = {
            "stride": draw.size(1, 2),
            "padding": draw.size(0, 2),
            "dilation": draw.size(1, 2),
            "groups": groups,
            "bias": draw.one_of(True, False),
        }
        width = draw.one_of(3, (2, 3)[:axes])
        ours = layer(channels, filters, width, draw.chance, **settings)
        x = draw.normal(draw.size(1, 3), channels, *(draw.size(5, 7) for _ in range(axes)))
        return same(ours, (x,), twin(channels, filters, width, **settings))


_convolution(convolution.Conv1d, nn.Conv1d, 1)
_convolution(convolution.Conv2d, nn.Conv2d, 2)


def _transposed(layer: Any, twin: Any, axes: int) -> None:
    @case(layer)
    def make(draw: Draw) -> Case:
        groups, stride = draw.size(1, 2), draw.size(1, 3)
        channels, filters = groups * draw.size(1, 2), groups * draw.size(1, 2)
        settings = {
            "stride": stride,
            "padding": draw.size(0, 1),
            "output_padding": draw.size(0, stride - 1),
            "groups": groups,
            "bias": draw.one_of(True, False),
        }
        ours = layer(channels, filters, 3, draw.chance, **settings)
        x = draw.normal(draw.size(1, 3), channels, *(draw.size(2, 4) for _ in range(axes)))
        return same(ours, (x,), twin(channels, filters, 3, **settings))


_transposed(convolution.ConvTranspose1d, nn.ConvTranspose1d, 1)
_transposed(convolution.ConvTranspose2d, nn.ConvTranspose2d, 2)


def _pooling(layer: Any, twin: Any, axes: int) -> None:
    @case(layer)
    def make(draw: Draw) -> Case:
        settings = {"stride": draw.one_of(None, 1, 2), "padding": draw.size(0, 1)}
        width = draw.one_of(2, 3, (3, 2)[:axes])
        x = draw.distinct(2, draw.size(), *(draw.size(4, 6) for _ in range(axes)))
        return same(layer(width, **settings), (x,), twin(width, **settings))


_pooling(pooling.MaxPool1d, nn.MaxPool1d, 1)
_pooling(pooling.MaxPool2d, nn.MaxPool2d, 2)
_pooling(pooling.AvgPool1d, nn.AvgPool1d, 1)
_pooling(pooling.AvgPool2d, nn.AvgPool2d, 2)


@case(pooling.AdaptiveAvgPool2d)
def _adaptive(draw: Draw) -> Case:
    size = draw.one_of(1, 3, (2, 3))
    x = draw.normal(2, draw.size(), draw.size(3, 6), draw.size(3, 6))
    return same(pooling.AdaptiveAvgPool2d(size), (x,), nn.AdaptiveAvgPool2d(size))


# ----------------------------------------------------------------- norms, dropout, embedding


@case(norms.BatchNorm1d)
def _batch_norm_1d(draw: Draw) -> Case:
    channels, momentum = draw.size(), draw.one_of(0.1, 0.4)
    x = 2 + 3 * draw.normal(draw.size(2, 5), channels, *draw.one_of((), (3,)))
    ours = norms.BatchNorm1d(channels, 1e-3, momentum)
    return same(ours, (x,), nn.BatchNorm1d(channels, 1e-3, momentum))


@case(norms.BatchNorm2d)
def _batch_norm_2d(draw: Draw) -> Case:
    channels = draw.size()
    x = 2 + 3 * draw.normal(draw.size(1, 3), channels, draw.size(2, 3), draw.size(2, 3))
    return same(norms.BatchNorm2d(channels), (x,), nn.BatchNorm2d(channels))


@case(norms.LayerNorm)
def _layer_norm(draw: Draw) -> Case:
    shape = draw.one_of((3,), (2, 3))
    x = 2 + 3 * draw.normal(*draw.shape(0, 2), *shape)
    given = draw.one_of(shape, 3) if len(shape) == 1 else shape
    return same(norms.LayerNorm(given), (x,), nn.LayerNorm(shape))


@case(norms.GroupNorm)
def _group_norm(draw: Draw) -> Case:
    groups = draw.size(1, 3)
    channels = groups * draw.size(1, 2)
    x = 2 + 3 * draw.normal(draw.size(1, 3), channels, draw.size(2, 3))
    return same(norms.GroupNorm(groups, channels), (x,), nn.GroupNorm(groups, channels))


@case(dropout.Dropout)
def _dropout(draw: Draw) -> Case:
    p = draw.one_of(0.3, 0.5)
    twin = SameMask(p, copy.deepcopy(draw.chance))
    ours = dropout.Dropout(p, copy.deepcopy(draw.chance))
    return same(ours, (draw.off_zero(4, 5),), twin)


@case(embedding.Embedding)
def _embedding(draw: Draw) -> Case:
    rows, wide = draw.size(2, 5), draw.size()
    symbols = draw.places(rows, *draw.shape(1, 2))
    return same(embedding.Embedding(rows, wide, draw.chance), (symbols,), nn.Embedding(rows, wide))


# -------------------------------------------------------------------- recurrent, attention


def _recurrent(layer: Any, twin: Any) -> None:
    @case(layer)
    def make(draw: Draw) -> Case:
        wide, hidden = draw.size(), draw.size(1, 3)
        x = draw.normal(draw.size(1, 3), draw.size(2, 4), wide)
        theirs = twin(wide, hidden, batch_first=True)

        def ask(x: torch.Tensor) -> list[torch.Tensor]:
            answers, state = theirs(x)
            states = state if isinstance(state, tuple) else (state,)
            return [answers, *(one[0] for one in states)]  # without the axis for several layers

        return same(layer(wide, hidden, draw.chance), (x,), theirs, ask)


_recurrent(recurrent.RNN, nn.RNN)
_recurrent(recurrent.GRU, nn.GRU)
_recurrent(recurrent.LSTM, nn.LSTM)


@case(attention.MultiheadAttention)
def _attention(draw: Draw) -> Case:
    heads = draw.size(1, 3)
    wide, n, causal = heads * draw.size(1, 2), draw.size(1, 2), draw.one_of(True, False)
    places = draw.size(2, 4)
    others = places if causal else draw.size(2, 4)
    inputs = [draw.normal(n, places, wide), *(draw.normal(n, others, wide) for _ in range(2))]
    if draw.one_of(True, False):
        inputs.append(draw.normal(places, others))
    theirs = nn.MultiheadAttention(wide, heads, batch_first=True)

    def ask(
        q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: Any = None
    ) -> tuple[torch.Tensor, ...]:
        ahead = torch.full((places, others), -torch.inf, dtype=torch.float64).triu(1)
        whole = [part for part in (mask, ahead if causal else None) if part is not None]
        added = sum(whole) if whole else None
        return theirs(q, k, v, attn_mask=added, need_weights=False)[:1]

    ours = attention.MultiheadAttention(wide, heads, draw.chance, causal)
    return same(ours, tuple(inputs), theirs, ask)


@case(attention.TransformerEncoderLayer)
def _block(draw: Draw) -> Case:
    heads, first, p = draw.size(1, 2), draw.one_of(True, False), draw.one_of(0.3, 0.5)
    wide, hidden = heads * draw.size(2, 3), draw.size(6, 8)
    ours = attention.TransformerEncoderLayer(
        wide, heads, hidden, draw.chance, p, norm_first=first, causal=draw.one_of(True, False)
    )
    theirs = nn.TransformerEncoderLayer(
        wide, heads, hidden, dropout=0.0, batch_first=True, norm_first=first
    )
    places = draw.size(2, 4)
    ahead = torch.full((places, places), -torch.inf, dtype=torch.float64).triu(1)
    mask = ahead if ours.self_attn.causal else None
    ours.dropout.chance = copy.deepcopy(draw.chance)
    drawn_alike = SameMask(p, copy.deepcopy(draw.chance))
    theirs.dropout = theirs.dropout1 = theirs.dropout2 = drawn_alike
    x = draw.normal(draw.size(1, 3), places, wide)
    return same(ours, (x,), theirs, lambda x: theirs(x, src_mask=mask))
