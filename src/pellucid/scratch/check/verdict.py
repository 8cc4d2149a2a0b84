"""What the comparison came to: for each input, and in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pellucid.scratch.arrays import Index

State = Literal["right", "wrong", "open"]
"""`open`: cannot be judged, as there is a corner or too much rounding."""

SHOWN = 6
"""Wrong numbers that are written out."""


@dataclass(frozen=True)
class Element:
    """One number of a gradient."""

    index: Index
    found: float
    """What `backward` gave."""
    expected: float
    """What nudging the input gives."""
    error: float
    """By how much `expected` may be off."""
    state: State


@dataclass(frozen=True)
class Mistake:
    """What is wrong with a gradient, recognised: with it mended, every number agrees."""

    kinds: tuple[str, ...]
    """Their names, e.g. `("operands", "count")`."""
    words: str
    mend: str
    """What to write instead, with g for what is returned now."""


@dataclass(frozen=True)
class OfInput:
    """What the comparison of one input's gradient came to."""

    name: str
    shape: Index
    state: State
    found_shape: Index
    elements: tuple[Element, ...]
    """The numbers that were compared one by one; none if the shapes differ."""
    size: int
    """How many numbers the input has."""
    directions: int = 0
    """Random directions that were compared besides, each touching every number."""
    mistake: Mistake | None = None

    def count(self, state: State) -> int:
        return sum(element.state == state for element in self.elements)

    @property
    def wrong(self) -> list[Element]:
        """The numbers that are wrong, those farthest off first."""
        wrong = [element for element in self.elements if element.state == "wrong"]
        return sorted(wrong, key=lambda element: -_distance(element))

    @property
    def difference(self) -> float:
        """The largest distance of a number that could be judged."""
        judged = [element for element in self.elements if element.state != "open"]
        return max((_distance(element) for element in judged), default=math.nan)


def _distance(element: Element) -> float:
    distance = abs(element.found - element.expected)
    return math.inf if math.isnan(distance) else distance


@dataclass(frozen=True)
class Verdict:
    """Whether a backward pass is right; `print(verdict)` tells it in words."""

    inputs: tuple[OfInput, ...]
    """Those for which `backward` gave a gradient."""
    left_out: tuple[str, ...]
    """Names of the inputs for which it gave none."""
    seed: int
    remarks: tuple[str, ...] = field(default=())

    @property
    def right(self) -> bool:
        """No gradient is wrong."""
        return all(entry.state != "wrong" for entry in self.inputs)

    @property
    def mistakes(self) -> dict[str, Mistake]:
        """What was recognised, by input."""
        return {entry.name: entry.mistake for entry in self.inputs if entry.mistake}

    def __str__(self) -> str:
        lines = [line for entry in self.inputs for line in _told(entry)]
        if self.left_out:
            lines.append(f"Not compared, as backward gives none: {', '.join(self.left_out)}.")
        lines += [f"Remark: {remark}." for remark in self.remarks]
        wrong = [entry.name for entry in self.inputs if entry.state == "wrong"]
        if wrong:
            verb = "is" if len(wrong) == 1 else "are"
            last = f"WRONG: the gradient of {' and of '.join(wrong)} {verb} not what nudging gives."
        else:
            names = ", ".join(entry.name for entry in self.inputs if entry.state == "right")
            last = f"RIGHT: backward agrees with nudging for {names}."
        return "\n".join([*lines, last])

    def as_record(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            "right": self.right,
            "seed": self.seed,
            "inputs": [_as_record(entry) for entry in self.inputs],
            "left_out": list(self.left_out),
            "remarks": list(self.remarks),
        }


def _as_record(entry: OfInput) -> dict[str, Any]:
    mistake = entry.mistake or Mistake((), "", "")
    return {
        "name": entry.name,
        "shape": list(entry.shape),
        "found_shape": list(entry.found_shape),
        "state": entry.state,
        "compared": len(entry.elements),
        "directions": entry.directions,
        "wrong": entry.count("wrong"),
        "open": entry.count("open"),
        "difference": entry.difference,
        "mistake": {
            "kinds": list(mistake.kinds),
            "words": mistake.words,
            "mend": mistake.mend,
        },
        "elements": [
            {
                "index": list(element.index),
                "found": element.found,
                "expected": element.expected,
                "error": element.error,
            }
            for element in entry.wrong[:SHOWN]
        ],
    }


def _told(entry: OfInput) -> list[str]:
    """One input's result, line by line."""
    head = f"{entry.name} {entry.shape}: "
    if entry.found_shape != entry.shape:
        lines = [f"{head}wrong shape: found {entry.found_shape}, expected {entry.shape}"]
    elif entry.state == "wrong":
        lines = [f"{head}{_amount(entry.count('wrong'), entry)} wrong", *_rows(entry.wrong)]
    elif entry.state == "open":
        lines = [f"{head}cannot be judged here, as forward has corners or jumps at these inputs"]
    else:
        lines = [f"{head}right, {_extent(entry)}; largest difference {entry.difference:.1e}"]
    corners = entry.count("open")
    if corners and entry.state != "open":
        lines.append(
            f"  not judged: {_amount(corners, entry)}, where forward has a corner or a jump "
            "(as ReLU at 0, or equal largest numbers), or rounding hides the slope"
        )
    if entry.state == "wrong" and not entry.mistake:
        lines.append("  what is wrong: none of the usual mistakes explains all of it")
    if entry.mistake:
        lines.append(f"  what is wrong: {entry.mistake.words}")
        if entry.mistake.mend:
            lines.append(f"  write instead: {entry.mistake.mend}")
    return lines


def _amount(count: int, entry: OfInput) -> str:
    looked = len(entry.elements)
    if looked == entry.size:
        return f"{count} of {looked} numbers" if looked > 1 else "its number"
    return f"{count} of the {looked} numbers that were looked at"


def _extent(entry: OfInput) -> str:
    if len(entry.elements) == entry.size:
        return "every number compared" if entry.size > 1 else "its number compared"
    return f"{len(entry.elements)} numbers and {entry.directions} random directions compared"


def _rows(wrong: Sequence[Element]) -> list[str]:
    """The worst numbers as a small table."""
    heads = ("at", "found", "expected")
    cells = [
        (_at(element.index), f"{element.found:.6g}", f"{element.expected:.6g}")
        for element in wrong[:SHOWN]
    ]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    rows = [
        "  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in (heads, *cells)
    ]
    left = len(wrong) - len(cells)
    return rows + ([f"  … and {left} more"] if left else [])


def _at(index: Index) -> str:
    return f"[{', '.join(map(str, index))}]" if index else "–"
