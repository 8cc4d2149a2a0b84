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


class Moment(NamedTuple):
    """What the LSTM worked out at one time, each (batch, hidden)."""

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
        first, second = (_light(_length(part))[:, None] for part in (x, before))
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


def forward(g: Given) -> list[Moment]:
    """Every gate and cell, time by time."""
    # Time by time the arrays are small enough to stay in the processor's cache.
    weights, cell = Weights(g), Near(g.cell, np.zeros(g.cell.shape, np.float32))
    moments = []
    for x, before in zip(g.inputs, g.before, strict=True):
        moments.append(_moment(weights.drive(x, before), cell, g.unit))
        cell = moments[-1].cell
    return moments


def _moment(drive: Near, before: Near, unit: float) -> Moment:
    i, f, c, o = (Near(*parts) for parts in zip(*(np.split(part, 4, -1) for part in drive),
                                                strict=True))  # fmt: skip
    enter, forget, output = (_sigmoid(gate, unit) for gate in (i, f, o))
    candidate = _tanh(c, unit)
    kept, new = forget.times(before, unit), enter.times(candidate, unit)
    added = np.float32(unit) * _light(abs(kept.value) + abs(new.value))
    cell = Near(kept.value + new.value, kept.error + new.error + added)
    return Moment(enter, forget, candidate, output, before, cell, _tanh(cell, unit))


class Arriving(NamedTuple):
    """The gradients that arrive from outside; all in float64."""

    hidden: Array
    """At the hidden state of each time: (time, batch, hidden)."""
    last_hidden: Array
    last_cell: Array


class Back(NamedTuple):
    """One time on the way back: the gradient of the drives, and what a bound needs."""

    drive: Array
    """The gradient of what the gates were driven by: (batch, 4 · hidden)."""
    gates: Array
    """Gradient of a drive ÷ gradient of its cell, or of its hidden state for the output gate."""
    through: Array
    """Gradient of a cell ÷ gradient of the hidden state of the same time."""
    forget: Array
    local: dict[str, Array]
    """By what was worked out, how far its own roundings and factors may move it."""


@dataclass(frozen=True)
class Slopes:
    """The way back: the gradients of each time, and of what stood before the first."""

    times: list[Back]
    hidden: Array
    """The gradient of the hidden state before the first time: (batch, hidden)."""
    cell: Array
    of_hidden: Array

    def drives(self, unit: int) -> Array:
        """The gradient of one drive at every time, (time, batch)."""
        return np.stack([back.drive[:, unit] for back in self.times])

    def bound(self, wanted: Wanted) -> float:
        """How far rounding may have moved the sum that `wanted` makes of the gradients."""
        late, kept = wanted.hidden, wanted.cell
        width, total = self.hidden.shape[-1], 0.0
        for time, back in enumerate(self.times):
            total += _met(back, "hidden before", late) + _met(back, "cell before", kept)
            drive = wanted.of_drive(time, late @ self.of_hidden.T)
            total += _met(back, "drive", drive)
            met = drive * back.gates
            inner = met[:, :width] + met[:, width : 2 * width] + met[:, 2 * width : -width]
            kept = inner + back.forget * kept
            late = met[:, -width:] + back.through * kept
            total += _met(back, "cell", kept) + _met(back, "hidden", late)
        return SECOND_ORDER * total


def _met(back: Back, what: str, sensitivity: Array) -> float:
    return float(np.vdot(abs(sensitivity), back.local[what]))


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


def backward(g: Given, moments: list[Moment], arriving: Arriving) -> Slopes:
    """What flows back, from the last time to the first."""
    hidden, cell = arriving.last_hidden, arriving.last_cell
    of_hidden, columns = _light(g.of_hidden), _light(_length(g.of_hidden.T))
    columns *= g.of_hidden.shape[0] + 1
    times = []
    for m, outside in zip(reversed(moments), arriving.hidden[::-1], strict=True):
        gates, through = _factors(m)
        later = hidden, cell
        hidden = hidden + outside
        cell = cell + hidden * through.value
        roots = np.concatenate([cell, cell, cell, hidden], -1)
        drive = roots * gates.value
        flow = Flow(*later, outside, hidden, cell, roots, drive)
        local = _local(np.float32(g.unit), flow, gates, through, m.forget, columns)
        times.append(Back(drive, _light(gates.value), _light(through.value),
                          _light(m.forget.value), local))  # fmt: skip
        hidden, cell = drive @ g.of_hidden, cell * m.forget.value
    return Slopes(times[::-1], hidden, cell, of_hidden)


class Flow(NamedTuple):
    """The gradients at one time."""

    hidden_later: Array
    cell_later: Array
    outside: Array
    hidden: Array
    cell: Array
    roots: Array
    """Cell, cell, cell, hidden: what is multiplied to make the drives' gradients."""
    drive: Array


def _local(
    unit: Any, flow: Flow, gates: Near, through: Near, forget: Near, columns: Array
) -> dict[str, Array]:
    """By what was worked out, how far its own roundings and its factors' errors may move it."""
    f = Flow(*(abs(_light(part)) for part in flow))
    part = f.hidden * abs(_light(through.value))
    return {
        "hidden": unit * (f.hidden_later + f.outside),
        "cell": unit * (f.cell_later + 2 * part) + f.hidden * through.error,
        "drive": unit * f.drive + f.roots * gates.error,
        "hidden before": unit * _length(f.drive)[:, None] * columns,
        "cell before": f.cell * (forget.error + unit * _light(forget.value)),
    }


def _factors(m: Moment) -> tuple[Near, Near]:
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
