"""Numbers that are chosen by their order: largest, smallest, in the middle, sorted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pellucid.explain.reading import Reading, single
from pellucid.explain.rules.reductions import Line
from pellucid.scratch.arrays import Array
from pellucid.scratch.explanation import Explanation

Rule = Callable[[Reading], Explanation]
Choose = Callable[[Reading, Array, int], float]
"""The chosen one of some numbers, given the place along the axis that is asked for."""


def _noted(r: Reading, values: Array, wanted: float) -> int:
    """Where the chosen number stands; of equal ones the one that the call noted."""
    same = np.flatnonzero((values == wanted) | (np.isnan(values) & np.isnan(wanted)))
    if len(r.call.outputs) > 1:
        notes = r.other(1)
        assert notes is not None
        noted = int(notes.read(r.index))
        if noted in same:
            return noted
    return int(same[0])


def chosen(op: str, words: str, choose: Choose, keepdim: bool = False) -> Rule:
    """The number itself (the first result), or its place along the axis (the second)."""

    def rule(r: Reading) -> Explanation:
        axis = r.setting("dim")
        line = Line(r, axis, keepdim or bool(r.setting("keepdim")))
        place = r.index[axis % len(r.index)] if keepdim and r.index else 0
        best = _noted(r, line.wide, choose(r, line.wide, place))
        winner = r.at(line.operand, line.index(best))
        said = words.format(len(line.wide))
        if r.output == 1 or op.startswith("Arg"):
            text = f"{best}, the place of {winner.text}, {said}"
            return r.sum(op, single(text, float(best), winner))
        return r.sum(op, single(f"{winner.text}, {said}", winner.value, winner))

    return rule


def both_ends(r: Reading) -> Explanation:
    """`aminmax`: the smallest, then the largest."""
    line = Line(r, r.setting("dim"), bool(r.setting("keepdim")))
    best = int(line.wide.argmax() if r.output else line.wide.argmin())
    winner = r.at(line.operand, line.index(best))
    word = "largest" if r.output else "smallest"
    return r.sum("MinMax", single(f"{winner.text}, the {word} of {len(line.wide)}",
                                  winner.value, winner))  # fmt: skip


def _largest(_: Reading, values: Array, __: int) -> float:
    return float(values.max())


def _smallest(_: Reading, values: Array, __: int) -> float:
    return float(values.min())


def _sorted(r: Reading, values: Array, place: int) -> float:
    order = np.sort(values)
    return float(order[len(order) - 1 - place] if r.setting("descending") else order[place])


def _top(r: Reading, values: Array, place: int) -> float:
    if not r.setting("sorted", True):
        notes = r.other(1)
        assert notes is not None
        return float(values[int(notes.read(r.index))])
    order = np.sort(values)
    return float(order[len(order) - 1 - place] if r.setting("largest", True) else order[place])


def _kth(r: Reading, values: Array, _: int) -> float:
    return float(np.sort(values)[r.setting("k") - 1])


def _middle(_: Reading, values: Array, __: int) -> float:
    """The lower one of the two in the middle; not a number if one of them is none."""
    if np.isnan(values).any():
        return float("nan")
    return float(np.sort(values)[(len(values) - 1) // 2])


RULES: dict[str, Rule] = {
    "max": chosen("Max", "the largest of {}", _largest),
    "min": chosen("Min", "the smallest of {}", _smallest),
    "argmax": chosen("ArgMax", "the largest of {}", _largest),
    "argmin": chosen("ArgMin", "the smallest of {}", _smallest),
    "aminmax": both_ends,
    "median": chosen("Median", "the middle of {}", _middle),
    "kthvalue": chosen("Sort", "of {}, in this place of their order", _kth),
    "sort": chosen("Sort", "of {}, in this place of their order", _sorted, keepdim=True),
    "topk": chosen("Sort", "of {}, in this place of their order", _top, keepdim=True),
    "cummax": chosen("Max", "the largest of {} or fewer until here",
                     lambda _, values, place: float(values[: place + 1].max()), keepdim=True),
    "cummin": chosen("Min", "the smallest of {} or fewer until here",
                     lambda _, values, place: float(values[: place + 1].min()), keepdim=True),
}  # fmt: skip
