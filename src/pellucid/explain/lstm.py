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
from typing import NamedTuple

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

    def rest(self) -> Near:
        """1 − these numbers, whose own rounding is that of 1."""
        return Near(1 - self.value, self.error)


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
    """What the LSTM worked out, each (time, batch, hidden)."""

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
    hidden: Near


def _length(rows: Array) -> Array:
    length: Array = np.linalg.norm(rows, axis=-1)
    return length


def _drive(g: Given) -> Near:
    """What the gates are driven by: W x + U h + both biases."""
    value = g.inputs @ g.of_inputs.T + g.before @ g.of_hidden.T + g.biases.sum(0)
    # Σ |a·b| is at most the product of the lengths (Cauchy and Schwarz), which is quick.
    size = _length(g.inputs)[..., None] * _length(g.of_inputs) + abs(g.biases).sum(0)
    size += _length(g.before)[..., None] * _length(g.of_hidden)
    roundings = g.inputs.shape[-1] + g.before.shape[-1] + 4
    return Near(value, _light(roundings * g.unit * size))


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


def forward(g: Given) -> Moments:
    """Every gate, cell and hidden state."""
    i, f, c, o = (Near(*parts) for parts in zip(*(np.split(part, 4, -1) for part in _drive(g)),
                                                strict=True))  # fmt: skip
    enter, forget, output = (_sigmoid(gate, g.unit) for gate in (i, f, o))
    candidate = _tanh(c, g.unit)
    new = enter.times(candidate, g.unit)
    cells = np.empty((len(new.value) + 1, *g.cell.shape))
    errors = np.zeros(cells.shape, np.float32)
    cells[0] = g.cell
    for time in range(len(new.value)):
        kept = Near(forget.value[time], forget.error[time]).times(
            Near(cells[time], errors[time]), g.unit
        )
        cells[time + 1] = kept.value + new.value[time]
        added = g.unit * (abs(kept.value) + abs(new.value[time]))
        errors[time + 1] = kept.error + new.error[time] + added
    cell = Near(cells[1:], errors[1:])
    bent = _tanh(cell, g.unit)
    before = Near(cells[:-1], errors[:-1])
    hidden = output.times(bent, g.unit)
    return Moments(enter, forget, candidate, output, before, cell, bent, hidden)


class Arriving(NamedTuple):
    """The gradients that arrive from outside; all in float64."""

    hidden: Array
    """At the hidden state of each time: (time, batch, hidden)."""
    last_hidden: Array
    last_cell: Array


@dataclass(frozen=True)
class Slopes:
    """The way back: the gradients, and what a bound for one of them needs."""

    drives: Array
    """The gradient of what the gates were driven by: (time, batch, 4 · hidden)."""
    hidden: Array
    """The gradient of the hidden state before the first time: (batch, hidden)."""
    cell: Array
    """The gradient of the cell before the first time."""
    of_hidden: Array
    forget: Array
    gates: Array
    """Gradient of a drive ÷ gradient of its cell, or of its hidden state for the output gate:
    (time, batch, 4 · hidden)."""
    through: Array
    """Gradient of a cell ÷ gradient of the hidden state of the same time."""
    local: dict[str, Array]
    """By what was worked out, how far its own roundings and constants may move it."""

    def bound(self, drives: Array, hidden: Array | None = None, cell: Array | None = None) -> float:
        """How far rounding may have moved Σ drives · gradient of the drives (+ hidden, + cell).

        The three are the sensitivities of the wanted number, shaped like what they belong to.
        """
        zero = np.zeros(self.hidden.shape, np.float32)
        late = zero if hidden is None else hidden
        kept = zero if cell is None else cell
        width = self.hidden.shape[-1]
        total = 0.0
        for time in range(len(self.drives)):
            total += self._met("hidden before", time, late) + self._met("cell before", time, kept)
            drive = drives[time] + late @ self.of_hidden.T
            total += self._met("drive", time, drive)
            met = drive * self.gates[time]
            inner = met[..., :width] + met[..., width : 2 * width] + met[..., 2 * width : -width]
            kept = inner + self.forget[time] * kept
            late = met[..., -width:] + self.through[time] * kept
            total += self._met("cell", time, kept) + self._met("hidden", time, late)
        return SECOND_ORDER * total

    def _met(self, what: str, time: int, sensitivity: Array) -> float:
        return float(np.vdot(abs(sensitivity), self.local[what][time]))


def backward(g: Given, m: Moments, arriving: Arriving) -> Slopes:
    """What flows back, from the last time to the first."""
    gates, through = _factors(m, g.unit)
    shape, wide = through.value.shape, gates.value.shape
    drives = np.empty(wide)
    local = {name: np.empty(shape, np.float32) for name in LOCAL}
    local["drive"] = np.empty(wide, np.float32)
    hidden, cell = arriving.last_hidden, arriving.last_cell
    columns = (wide[-1] + 1) * _length(g.of_hidden.T)
    for time in reversed(range(len(drives))):
        sizes = {"hidden": abs(hidden) + abs(arriving.hidden[time])}
        hidden = hidden + arriving.hidden[time]
        part = hidden * through.value[time]
        sizes["cell"] = abs(cell) + 2 * abs(part) + abs(hidden) * through.error[time] / g.unit
        cell = cell + part
        roots = np.concatenate([cell, cell, cell, hidden], -1)
        drives[time] = roots * gates.value[time]
        sizes["drive"] = abs(drives[time]) + abs(roots) * gates.error[time] / g.unit
        hidden = drives[time] @ g.of_hidden
        sizes["hidden before"] = _length(drives[time])[..., None] * columns
        left, moved = m.forget.value[time], m.forget.error[time]
        sizes["cell before"] = abs(cell) * (left + moved / g.unit)
        cell = cell * left
        for name, size in sizes.items():
            local[name][time] = g.unit * size
    light = _light(g.of_hidden), _light(m.forget.value), _light(gates.value), _light(through.value)
    return Slopes(drives, hidden, cell, *light, local)


LOCAL = ("hidden", "cell", "hidden before", "cell before")


def _factors(m: Moments, unit: float) -> tuple[Near, Near]:
    """`Slopes.gates` and `Slopes.through`, with their errors."""

    def slope(gate: Near) -> Near:
        return gate.times(gate.rest(), 2 * unit)

    def bend(curve: Near) -> Near:
        square = curve.times(curve, unit)
        return Near(1 - square.value, square.error + np.float32(unit))

    gates = [
        m.candidate.times(slope(m.enter), unit),
        m.before.times(slope(m.forget), unit),
        m.enter.times(bend(m.candidate), unit),
        m.bent.times(slope(m.output), unit),
    ]
    value, error = (np.concatenate(parts, -1) for parts in zip(*gates, strict=True))
    return Near(value, error), m.output.times(bend(m.bent), unit)
