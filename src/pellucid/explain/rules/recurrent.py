"""The LSTM that a CPU runs as one call, forward and backward, written out over time.

The hidden states are recorded, so each time is worked out from the one before as PyTorch had it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pellucid.explain import lstm
from pellucid.explain.operand import Operand
from pellucid.explain.reading import Reading
from pellucid.scratch.arrays import Array, Index
from pellucid.scratch.explanation import Explanation, Place

Rule = Callable[[Reading], Explanation]
Describe = Callable[[int], tuple[str, tuple[Place, ...]]]
LSTM = 2
"""PyTorch's number for the kind of network, in the call's `mode`."""
Rows = slice
"""The examples of the batch that are worked out: one, or all."""


def _lstm_only(r: Reading) -> None:
    if r.setting("mode") != LSTM:
        r.refuse(f"this kind of recurrent network (mode {r.setting('mode')}) is not written out")


def _reading_order(r: Reading, array: Array) -> Array:
    """The times as they are read: from the last to the first in a backward direction."""
    return array[::-1] if r.setting("reverse") else array


def _time(r: Reading, place: int) -> int:
    """The place in the reading order of a place in time, and the other way round."""
    return r.tensor("input").shape[0] - 1 - place if r.setting("reverse") else place


def _wide(operand: Operand, rows: Rows) -> Array:
    """(…, batch, features), the chosen rows in float64."""
    return operand.array[..., rows, :].astype(np.float64)


def _given(r: Reading, weights: tuple[str, ...], cell: str, hidden: Operand, rows: Rows
           ) -> lstm.Given:  # fmt: skip
    w, u, *biases = (r.tensor(name).array.astype(np.float64) for name in weights)
    every = _reading_order(r, _wide(hidden, rows))
    first, state = (_wide(r.tensor(name), rows) for name in ("hx_", cell))
    first, state = (start.reshape(every.shape[1:]) for start in (first, state))
    before = np.concatenate([first[None], every[:-1]])
    inputs = _reading_order(r, _wide(r.tensor("input"), rows))
    added = np.stack(biases) if r.setting("has_biases") else np.zeros((2, len(w)))
    return lstm.Given(inputs, before, state, w, u, added, r.unit)


def layer(r: Reading) -> Explanation:
    """The hidden state at every time, the last hidden state, the last cell."""
    _lstm_only(r)
    if r.output == 3:
        r.refuse("it is the kernel's own notes for the way back")
    every = r.other(0)
    assert every is not None
    row, unit = r.index[-2:]
    rows = slice(row, row + 1)
    weights = ("weight0", "weight1", "weight2", "weight3")
    found = r.once(("moments", row), lambda: lstm.forward(_given(r, weights, "cx_", every, rows)))
    time = _time(r, r.index[0]) if r.output == 0 else r.tensor("input").shape[0] - 1
    block, place = divmod(time, len(found[0].cell.value))
    return _number(r, found[block], time, (place, 0, unit))


def _number(r: Reading, found: lstm.Moments, time: int, at: Index) -> Explanation:
    """A cell as what is kept and what is new, or a hidden state."""
    driver = _driver(r, time, at[-1])
    i, f, g, o, before, cell = (float(part.value[at]) for part in found[:6])
    if r.output == 2:
        said = (f"forget gate {f:.4g} · cell before {before:.4g}",
                f"input gate {i:.4g} · candidate {g:.4g}, driven most by {driver}")  # fmt: skip
        told: list[tuple[str, tuple[Place, ...]]] = [(said[0], ()), (said[1], (driver,))]
        values = np.array([f * before, i * g])
        return r.chained("LSTM", values, lambda k: told[k], float(found.cell.error[at]))
    text = f"output gate {o:.4g} · tanh(cell {cell:.4g}), driven most by {driver}"
    hidden = found.hidden(r.unit)
    error = float(hidden.error[at])
    return r.chained("LSTM", hidden.value[at][None], lambda _: (text, (driver,)), error)


def _driver(r: Reading, place: int, unit: int) -> Place:
    """The number of the input that moved one of the unit's four gates most, at this time."""
    x, time, row = r.tensor("input"), _time(r, place), r.index[-2]
    weight = r.tensor("weight0").array
    gates = weight[unit :: len(weight) // 4].astype(np.float64)
    pushes = np.abs(gates * x.array[time, row])
    feature = int(np.unravel_index(int(pushes.argmax()), pushes.shape)[1])
    return x.place((time, row, feature))


def _arriving(r: Reading, shape: Index, rows: Rows) -> lstm.Arriving:
    """What arrives from outside; what PyTorch left out is 0."""
    every, hidden, cell = (
        None if (entry := r.maybe(name)) is None else _wide(entry, rows)
        for name in ("grad_output", "grad_hy", "grad_cy")
    )
    zero = np.zeros(shape)
    return lstm.Arriving(
        zero if every is None else _reading_order(r, every),
        *(zero[0] if last is None else last.reshape(shape[1:]) for last in (hidden, cell)),
    )


class _Back:
    """The way back of some rows."""

    def __init__(self, r: Reading, rows: Rows) -> None:
        weights = ("weight1", "weight2", "weight3", "weight4")
        self.given = _given(r, weights, "cx_tmp", r.tensor("output"), rows)
        moments = lstm.forward(self.given)
        arriving = _arriving(r, self.given.before.shape, rows)
        self.slopes = lstm.backward(self.given, moments, arriving)


def layer_backward(r: Reading) -> Explanation:
    """Gradients of the input, of both weights, of both biases, of the first hidden and cell."""
    _lstm_only(r)
    row = r.index[-2] if r.output in (0, 5, 6) else None
    rows = slice(None) if row is None else slice(row, row + 1)
    back: _Back = r.once(("back", row), lambda: _Back(r, rows))
    if r.output == 0:
        return _of_input(r, back)
    if r.output in (5, 6):
        return _of_first(r, back)
    return _of_learnt(r, back)


OP = "LSTM, backward"


def _of_input(r: Reading, back: _Back) -> Explanation:
    """Through every drive of that time and row, back to one feature."""
    w, (place, _, feature) = r.tensor("weight1"), r.index
    time, column = _time(r, place), back.given.of_inputs[:, feature]
    wanted = lstm.Wanted(back.slopes.hidden.shape)
    wanted.drives[time] = slice(None), column.astype(np.float32)
    values = back.slopes.drives(slice(None))[time, 0] * column
    return r.chained(OP, values, lambda k: _driven(w, (k, feature), k), back.slopes.bound(wanted))


def _of_first(r: Reading, back: _Back) -> Explanation:
    """What is left over for the hidden state or the cell before the first time."""
    slopes, is_hidden = back.slopes, r.output == 5
    found = slopes.hidden if is_hidden else slopes.cell
    wanted = lstm.Wanted(found.shape)
    (wanted.hidden if is_hidden else wanted.cell)[0, r.index[-1]] = 1
    value = found[0, r.index[-1]][None]
    said = "what is left before the first time"
    return r.chained(OP, value, lambda _: (said, ()), slopes.bound(wanted))


def _of_learnt(r: Reading, back: _Back) -> Explanation:
    """Over all times and rows: a drive's gradient times what the weight was multiplied with."""
    unit, x = r.index[0], r.tensor("input")
    slopes, batch = back.slopes, x.shape[1]
    drives = slopes.drives(unit)
    met = np.ones(drives.shape)

    def describe(k: int) -> tuple[str, tuple[Place, ...]]:
        time, row = _time(r, k // batch), k % batch
        if r.output == 1:
            return _driven(x, (time, row, r.index[1]), unit)
        before = " · hidden before" if r.output == 2 else ""
        return f"gradient of drive {unit}{before}, time {time}, row {row}", ()

    if r.output in (1, 2):
        numbers = back.given.inputs if r.output == 1 else back.given.before
        met = numbers[:, :, r.index[1]]
    wanted = lstm.Wanted(slopes.hidden.shape)
    for time, factor in enumerate(met.astype(np.float32)):
        wanted.drives[time] = unit, factor
    return r.chained(OP, (drives * met).ravel(), describe, slopes.bound(wanted))


def _driven(operand: Operand, at: Index, unit: int) -> tuple[str, tuple[Place, ...]]:
    place = operand.place(at)
    return f"gradient of drive {unit} · {place}", (place,)


RULES: dict[str, Rule] = {
    "mkldnn_rnn_layer": layer,
    "mkldnn_rnn_layer_backward": layer_backward,
}
