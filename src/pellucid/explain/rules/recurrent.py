"""The LSTM that a CPU runs as one call, forward and backward, written out over time.

The hidden states are recorded, so each time is worked out from the one before as PyTorch had it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from pellucid.explain.chain import LIBRARY, Chain, computed
from pellucid.explain.operand import Operand
from pellucid.explain.reading import Reading
from pellucid.scratch.arrays import Index
from pellucid.scratch.explanation import Explanation, Place

Rule = Callable[[Reading], Explanation]
LSTM = 2
"""PyTorch's number for the kind of network, in the call's `mode`."""


class Moment(NamedTuple):
    """What an LSTM worked out at one time, each (batch, hidden)."""

    gates: tuple[Tensor, Tensor, Tensor, Tensor]
    """Input, forget, candidate, output."""
    cell_before: Tensor
    cell: Tensor
    bent: Tensor
    """tanh of the cell."""
    hidden: Tensor


class States(NamedTuple):
    chain: Chain
    moments: dict[int, Moment]
    """By time."""
    before: dict[int, Tensor]
    """By time, the hidden state before, as PyTorch had it."""


def _order(r: Reading) -> list[int]:
    """The times in the order in which they are read."""
    times = list(range(r.tensor("input").shape[0]))
    return times[::-1] if r.setting("reverse") else times


def _forward(r: Reading, weights: tuple[str, ...], cell: str, hidden: Operand) -> States:
    chain = Chain(r.unit)
    w, u, *biases = (chain.given(r.tensor(name).array) for name in weights)
    x, every = chain.given(r.tensor("input").array), chain.given(hidden.array)
    before, state = chain.given(r.tensor("hx_").array), chain.given(r.tensor(cell).array)
    found, earlier = {}, {}
    for time in _order(r):
        drive = chain.product(x[time], w.mT) + chain.product(before, u.mT)
        for bias in biases:
            drive = drive + bias
        found[time] = _moment(chain, chain.rounded(drive, 4), state)
        earlier[time], before, state = before, every[time], found[time].cell
    return States(chain, found, earlier)


def _moment(chain: Chain, drive: Tensor, cell_before: Tensor) -> Moment:
    i, f, g, o = drive.chunk(4, dim=-1)
    i, f, o = (chain.rounded(gate.sigmoid(), LIBRARY) for gate in (i, f, o))
    g = chain.rounded(g.tanh(), LIBRARY)
    kept, new = f * cell_before, i * g
    cell = chain.rounded(kept + new, 3, kept.detach().abs() + new.detach().abs())
    bent = chain.rounded(cell.tanh(), LIBRARY)
    return Moment((i, f, g, o), cell_before, cell, bent, chain.rounded(o * bent))


def layer(r: Reading) -> Explanation:
    """The hidden state at every time, the last hidden state, the last cell."""
    if r.setting("mode") != LSTM:
        r.refuse(f"this kind of recurrent network (mode {r.setting('mode')}) is not written out")
    return computed(lambda: _layer(r))


def _layer(r: Reading) -> Explanation:
    every = r.other(0)
    assert every is not None
    weights = ("weight0", "weight1", "weight2", "weight3")
    states = r.once("states", lambda: _forward(r, weights, "cx_", every))
    time, at = (r.index[0], r.index[1:]) if r.output == 0 else (_order(r)[-1], r.index)
    moment = states.moments[time]
    i, f, g, o = (float(gate[at].detach()) for gate in moment.gates)
    before, cell = (float(s[at].detach()) for s in (moment.cell_before, moment.cell))
    if r.output == 2:
        values = torch.tensor([f * before, i * g], dtype=torch.float64)
        said = (f"forget gate {f:.4g} · cell before {before:.4g}",
                f"input gate {i:.4g} · candidate {g:.4g}")  # fmt: skip
        return r.chained("LSTM", values, lambda k: (said[k], ()), states.chain, moment.cell[at])
    text = f"output gate {o:.4g} · tanh(cell {cell:.4g}) at time {time}"
    end = moment.hidden[at]
    return r.chained("LSTM", end[None], lambda _: (text, ()), states.chain, end)


class Slopes(NamedTuple):
    """What flows back."""

    states: States
    drives: Tensor
    """The gradient of what the gates were driven by: (time, batch, 4 · hidden)."""
    hidden: Tensor
    """What is left for the first hidden state, and for the first cell."""
    cell: Tensor


def _backward(r: Reading) -> Slopes:
    weights = ("weight1", "weight2", "weight3", "weight4")
    states = _forward(r, weights, "cx_tmp", r.tensor("output"))
    chain = states.chain
    u = chain.given(r.tensor("weight2").array)
    zero = torch.zeros(r.tensor("hx_").shape, dtype=torch.float64)
    every, hidden, cell = (
        chain.given(entry.array) if entry else None
        for entry in (r.maybe(name) for name in ("grad_output", "grad_hy", "grad_cy"))
    )
    hidden, cell = (zero if left is None else left for left in (hidden, cell))
    drives: dict[int, Tensor] = {}
    for time in reversed(_order(r)):
        if every is not None:
            size = hidden.detach().abs() + every[time].abs()
            hidden = chain.rounded(hidden + every[time], 1, size)
        drives[time], cell = _step_back(chain, states.moments[time], hidden, cell)
        hidden = chain.product(drives[time], u)
    return Slopes(states, torch.stack([drives[time] for time in sorted(drives)]), hidden, cell)


def _step_back(chain: Chain, m: Moment, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """The gradient of the drive, and of the cell before."""
    i, f, g, o = m.gates
    through = hidden * o
    arrived = through * (1 - m.bent * m.bent)
    size = cell.detach().abs() + 2 * through.detach().abs()
    cell = chain.rounded(cell + arrived, 4, size)
    parts = [cell * g * (i * (1 - i)), cell * m.cell_before * (f * (1 - f)),
             cell * i * (1 - g * g), hidden * m.bent * (o * (1 - o))]  # fmt: skip
    sizes = [part.detach().abs() for part in parts]
    sizes[2] = (cell * i).detach().abs()  # 1 − g² is rounded like 1
    sizes[1] = (cell * m.cell_before * f).detach().abs()
    sizes[0], sizes[3] = (cell * g * i).detach().abs(), (hidden * m.bent * o).detach().abs()
    drive = chain.rounded(torch.cat(parts, -1), 6, torch.cat(sizes, -1))
    return drive, chain.rounded(cell * f)


def layer_backward(r: Reading) -> Explanation:
    """Gradients of the input, of both weights, of both biases, of the first hidden and cell."""
    if r.setting("mode") != LSTM:
        r.refuse(f"this kind of recurrent network (mode {r.setting('mode')}) is not written out")
    return computed(lambda: _layer_backward(r))


def _layer_backward(r: Reading) -> Explanation:
    slopes: Slopes = r.once("slopes", lambda: _backward(r))
    chain, op = slopes.states.chain, "LSTM, backward"
    if r.output in (5, 6):
        end = (slopes.hidden if r.output == 5 else slopes.cell)[r.index]
        return r.chained(op, end[None], lambda _: ("what is left before the first time", ()),
                         chain, end)  # fmt: skip
    values, describe = _terms(r, slopes)
    return r.chained(op, values, describe, chain, values.sum())


Describe = Callable[[int], tuple[str, tuple[Place, ...]]]


def _terms(r: Reading, slopes: Slopes) -> tuple[Tensor, Describe]:
    given = slopes.states.chain.given
    x, first = r.tensor("input"), r.index[0]
    if r.output == 0:
        w, (time, row, feature) = r.tensor("weight1"), r.index
        return (slopes.drives[time, row] * given(w.array[:, feature]),
                lambda k: _driven(w, (k, feature), k))  # fmt: skip
    flat, batch = slopes.drives[:, :, first].flatten(), x.shape[1]
    if r.output in (3, 4):
        return flat, lambda k: (f"gradient of drive {first}, time {k // batch}, row {k % batch}",
                                ())  # fmt: skip
    feature = r.index[1]
    if r.output == 1:
        met = given(x.array[:, :, feature].ravel())
        return flat * met, lambda k: _driven(x, (k // batch, k % batch, feature), first)
    before = [slopes.states.before[time][:, feature] for time in range(x.shape[0])]
    return flat * torch.cat(before), lambda k: (
        f"gradient of drive {first} · hidden before, time {k // batch}, example {k % batch}",
        (),
    )


def _driven(operand: Operand, at: Index, unit: int) -> tuple[str, tuple[Place, ...]]:
    place = operand.place(at)
    return f"gradient of drive {unit} · {place}", (place,)


RULES: dict[str, Rule] = {
    "mkldnn_rnn_layer": layer,
    "mkldnn_rnn_layer_backward": layer_backward,
}
