"""An LSTM and its way back done again in float64, with how far rounding may have moved the end.

A fused kernel shows the hidden states and the final gradients, and nothing of what lies between.
Here all of it is worked out again. On the way forward each number gets its running error: the
hidden states are known exactly, so nothing grows through the matrices. The way back is linear in
what arrives, so the sensitivity of a wanted number to every number before it runs the other way in
time; each local rounding, times that sensitivity, adds up to the bound.

Times stand in the order in which they are read, which may be from the last to the first.

Source: Hochreiter and Schmidhuber 1997 (the LSTM, its forget gate from Gers et al. 2000); Higham
2002, Accuracy and Stability of Numerical Algorithms, sections 1.6 and 3.3 (running error analysis)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from pellucid.explain.chain import LIBRARY, SECOND_ORDER
from pellucid.scratch.arrays import Array


class Near(NamedTuple):
    """Numbers in float64, and how far from each of them PyTorch's own may lie, in float32."""

    value: Array
    error: Array

    def times(self, other: Near, unit: float) -> Near:
        value = self.value * other.value
        first, second = abs(_light(self.value)), abs(_light(other.value))
        error = first * (other.error + np.float32(unit) * second) + second * self.error
        return Near(value, error)


def _light(array: Array) -> Array:
    """For errors and sensitivities, which need no more precision than this."""
    return array.astype(np.float32)


class Given(NamedTuple):
    """What an LSTM was given, all in float64."""

    inputs: Array
    """(time, batch, inputs)."""
    before: Array
    """The hidden state before each time, as PyTorch had it: (time, batch, hidden)."""
    cell: Array
    """Before the first time: (batch, hidden)."""
    of_inputs: Array
    """The weights of the inputs: (4 · hidden, inputs)."""
    of_hidden: Array
    """The weights of the hidden state before: (4 · hidden, hidden)."""
    biases: Array
    """Those of the inputs and those of the hidden state: (2, 4 · hidden)."""
    unit: float
    """The largest relative error of one rounding."""


class Moments(NamedTuple):
    """What the LSTM worked out at some times, each (time, batch, hidden)."""

    enter: Near
    """The input gate."""
    forget: Near
    candidate: Near
    output: Near
    before: Near
    """The cell before."""
    cell: Near
    bent: Near
    """tanh of the cell."""

    def hidden(self, unit: float) -> Near:
        return self.output.times(self.bent, unit)


def _length(rows: Array) -> Array:
    length: Array = np.linalg.norm(rows, axis=-1)
    return length


class Weights:
    """What the gates are driven by: W x + U h + both biases."""

    def __init__(self, g: Given) -> None:
        self.g = g
        self.bias = g.biases.sum(0)
        self.bias_size = _light(abs(g.biases).sum(0))
        self.lengths = tuple(_light(_length(part)) for part in (g.of_inputs, g.of_hidden))
        self.roundings = np.float32((g.of_inputs.shape[1] + g.of_hidden.shape[1] + 4) * g.unit)

    def drive(self, x: Array, before: Array) -> Near:
        value = x @ self.g.of_inputs.T + before @ self.g.of_hidden.T + self.bias
        # Σ |a·b| is at most the product of the lengths (Cauchy and Schwarz), which is quick.
        first, second = (_light(_length(part))[..., None] for part in (x, before))
        size = first * self.lengths[0] + second * self.lengths[1] + self.bias_size
        return Near(value, self.roundings * size)


def _sigmoid(x: Near, unit: float) -> Near:
    with np.errstate(over="ignore"):
        value = 1 / (1 + np.exp(-x.value))
    light = _light(value)
    return Near(value, light * ((1 - light) * x.error + np.float32(LIBRARY * unit)))


def _tanh(x: Near, unit: float) -> Near:
    value = np.tanh(x.value)
    light = _light(value)
    rounding = np.float32(LIBRARY * unit) * abs(light)
    return Near(value, (1 - light * light) * x.error + rounding)


BLOCK = 2**16
"""Drives that are worked out at once, which bounds the memory for what is only on the way."""


def blocks(g: Given) -> list[slice]:
    """The times in pieces."""
    times, batch, hidden = g.before.shape
    step = max(1, BLOCK // max(1, 4 * batch * hidden))
    return [slice(first, min(first + step, times)) for first in range(0, times, step)]


def forward(g: Given) -> list[Moments]:
    """Every gate and cell, block by block."""
    weights, cell = Weights(g), Near(g.cell, np.zeros(g.cell.shape, np.float32))
    found = []
    for times in blocks(g):
        found.append(_moments(weights.drive(g.inputs[times], g.before[times]), cell, g.unit))
        cell = Near(*(part[-1] for part in found[-1].cell))
    return found


def _moments(drive: Near, cell: Near, unit: float) -> Moments:
    i, f, c, o = (Near(*parts) for parts in zip(*(np.split(part, 4, -1) for part in drive),
                                                strict=True))  # fmt: skip
    enter, forget, output = (_sigmoid(gate, unit) for gate in (i, f, o))
    candidate = _tanh(c, unit)
    new = enter.times(candidate, unit)
    values, errors = np.empty(_longer(new.value)), np.empty(_longer(new.value), np.float32)
    values[0], errors[0] = cell
    for time in range(len(new.value)):
        kept = Near(forget.value[time], forget.error[time]).times(
            Near(values[time], errors[time]), unit
        )
        values[time + 1] = kept.value + new.value[time]
        added = unit * (abs(kept.value) + abs(new.value[time]))
        errors[time + 1] = kept.error + new.error[time] + added
    before, after = Near(values[:-1], errors[:-1]), Near(values[1:], errors[1:])
    return Moments(enter, forget, candidate, output, before, after, _tanh(after, unit))


def _longer(array: Array) -> tuple[int, ...]:
    """The shape with one more time."""
    return (len(array) + 1, *array.shape[1:])


class Arriving(NamedTuple):
    """The gradients that arrive from outside; all in float64."""

    hidden: Array
    """At the hidden state of each time: (time, batch, hidden)."""
    last_hidden: Array
    last_cell: Array


class Back(NamedTuple):
    """Some times on the way back: the gradients of the drives, and what a bound needs."""

    times: slice
    drive: Array
    """The gradient of what the gates were driven by: (time, batch, 4 · hidden)."""
    gates: Array
    """Gradient of a drive ÷ gradient of its cell, or of its hidden state for the output gate."""
    through: Array
    """Gradient of a cell ÷ gradient of the hidden state of the same time."""
    forget: Array
    local: tuple[Array, ...]
    """How far their own roundings and factors may move the gradients of the hidden state, the
    cell, the drives, and of the hidden state and the cell before."""


@dataclass(frozen=True)
class Slopes:
    """The way back: the gradients of each time, and of what stood before the first."""

    blocks: list[Back]
    hidden: Array
    """The gradient of the hidden state before the first time: (batch, hidden)."""
    cell: Array
    of_hidden: Array

    def drives(self, which: int | slice) -> Array:
        """The gradient of drives at every time, (time, batch) or (time, batch, drives)."""
        return np.concatenate([back.drive[:, :, which] for back in self.blocks])

    def bound(self, wanted: Wanted) -> float:
        """How far rounding may have moved the sum that `wanted` makes of the gradients."""
        total = 0.0
        late, kept = wanted.hidden, wanted.cell
        for back in self.blocks:
            late, kept, met = self._through(back, wanted, late, kept)
            total += sum(float(np.vdot(*pair)) for pair in zip(met, back.local, strict=True))
        return SECOND_ORDER * total

    def _through(
        self, back: Back, wanted: Wanted, late: Array, kept: Array
    ) -> tuple[Array, Array, tuple[Array, ...]]:
        """The sensitivities to a block's numbers, and to those of the times after it."""
        width = self.hidden.shape[-1]
        shape = back.through.shape
        met = tuple(np.empty(part.shape, np.float32) for part in back.local)
        for place in range(shape[0]):
            met[3][place], met[4][place] = late, kept
            drive = wanted.of_drive(back.times.start + place, late @ self.of_hidden.T)
            parts = drive * back.gates[place]
            inner = parts[:, :width] + parts[:, width : 2 * width] + parts[:, 2 * width : -width]
            kept = inner + back.forget[place] * kept
            late = parts[:, -width:] + back.through[place] * kept
            met[0][place], met[1][place], met[2][place] = late, kept, drive
        return late, kept, tuple(np.abs(part, out=part) for part in met)


class Wanted:
    """A sum over gradients: by how much each of them counts, and 0 for the others."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        """`shape` is (batch, hidden)."""
        self.hidden = np.zeros(shape, np.float32)
        self.cell = np.zeros(shape, np.float32)
        self.drives: dict[int, tuple[int | slice, Array]] = {}
        """By time, which drives, and by how much each counts."""

    def of_drive(self, time: int, passed: Array) -> Array:
        """Together with how much each counts by what it passes on."""
        if time in self.drives:
            which, factor = self.drives[time]
            passed[:, which] += factor
        return passed


class Flow(NamedTuple):
    """The gradients at some times."""

    hidden_later: Array
    cell_later: Array
    outside: Array
    hidden: Array
    cell: Array
    drive: Array


def backward(g: Given, moments: list[Moments], arriving: Arriving) -> Slopes:
    """What flows back, from the last time to the first."""
    hidden, cell = arriving.last_hidden, arriving.last_cell
    of_hidden, columns = _light(g.of_hidden), _light(_length(g.of_hidden.T))
    columns *= g.of_hidden.shape[0] + 1
    found = []
    for times, m in zip(reversed(blocks(g)), reversed(moments), strict=True):
        gates, through = _factors(m)
        flow = _flow(g, m, gates.value, through.value, (arriving.hidden[times], hidden, cell))
        hidden, cell = flow.drive[0] @ g.of_hidden, flow.cell[0] * m.forget.value[0]
        local = _local(np.float32(g.unit), flow, gates, through, m.forget, columns)
        light = _light(gates.value), _light(through.value), _light(m.forget.value)
        found.append(Back(times, flow.drive, *light, local))
    return Slopes(found[::-1], hidden, cell, of_hidden)


def _flow(
    g: Given, m: Moments, gates: Array, through: Array, arriving: tuple[Array, Array, Array]
) -> Flow:
    """What flows back through the times of a block."""
    outside, hidden, cell = arriving
    shape = through.shape
    flow = Flow(np.empty(shape), np.empty(shape), outside, np.empty(shape), np.empty(shape),
                np.empty(gates.shape))  # fmt: skip
    for time in reversed(range(len(through))):
        flow.hidden_later[time], flow.cell_later[time] = hidden, cell
        hidden = flow.hidden[time] = hidden + outside[time]
        cell = flow.cell[time] = cell + hidden * through[time]
        drive = np.concatenate([cell, cell, cell, hidden], -1) * gates[time]
        flow.drive[time] = drive
        hidden, cell = drive @ g.of_hidden, cell * m.forget.value[time]
    return flow


def _local(
    unit: Any, flow: Flow, gates: Near, through: Near, forget: Near, columns: Array
) -> tuple[Array, ...]:
    """How far what was worked out may be moved by its own roundings and its factors' errors."""
    f = Flow(*(abs(_light(part)) for part in flow))
    part = f.hidden * abs(_light(through.value))
    roots = np.concatenate([f.cell, f.cell, f.cell, f.hidden], -1)
    return (
        unit * (f.hidden_later + f.outside),
        unit * (f.cell_later + 2 * part) + f.hidden * through.error,
        unit * f.drive + roots * gates.error,
        unit * _length(f.drive)[..., None] * columns,
        f.cell * (forget.error + unit * _light(forget.value)),
    )


def _factors(m: Moments) -> tuple[Near, Near]:
    """`Back.gates` and `Back.through`, with their errors.

    Gates lie between 0 and 1 and tanh within ±1, so a factor's error is at most what stands here;
    the roundings of the products are a small part of the gates' own.
    """
    i, f, g, o, before, bent = m.enter, m.forget, m.candidate, m.output, m.before, m.bent
    values = [
        g.value * i.value * (1 - i.value), before.value * f.value * (1 - f.value),
        i.value * (1 - g.value * g.value), bent.value * o.value * (1 - o.value),
    ]  # fmt: skip
    errors = [
        g.error / 4 + 2 * i.error,
        before.error / 4 + 2 * abs(_light(before.value)) * f.error,
        2 * (i.error + g.error),
        bent.error / 4 + 2 * o.error,
    ]
    through = Near(o.value * (1 - bent.value * bent.value), 2 * (o.error + bent.error))
    return Near(np.concatenate(values, -1), np.concatenate(errors, -1)), through
