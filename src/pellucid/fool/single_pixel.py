"""Can one pixel change the answer? A proof, or every value of every pixel that does it.

The whole range of every pixel is bounded at once; what the bound cannot settle is split. The
statement is about all real values in 0…1 and the network's own weights, in exact arithmetic with
room for the rounding of these bounds. Where an answer changes, the user's own module is asked, with
this one picture as its batch, and the change is told only if it answers so.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import groupby

import torch
from torch import Tensor

from pellucid.base.errors import WrongUse
from pellucid.fool.bounds import Bounds, Pieces
from pellucid.fool.graph import Graph, Outside
from pellucid.fool.operations import trace
from pellucid.fool.search import GREY_WIDTH, Found, Search, until
from pellucid.fool.victim import Victim

Pixel = tuple[int, int]
Value = tuple[float, ...]

SAFETY = 16.0
"""A class counts as ahead by this many times the largest difference to the module in float32."""
CORNERS = 0.0, 1.0


@dataclass(frozen=True)
class Flip:
    """Values of one pixel that change the answer.

    Grey: from `low` to `high` all values lead to `becomes`; the ends are known to 2⁻¹⁵. Colour:
    `low` to `high` (one number a channel) encloses all values that lead to it. At `value` the
    user's own module was asked and answered so.
    """

    row: int
    column: int
    low: Value
    high: Value
    becomes: int
    value: Value


@dataclass
class Proof:
    """What is known of one picture."""

    answer: int
    pixels: int
    flips: list[Flip] = field(default_factory=list)
    open: list[tuple[int, int, Value, Value]] = field(default_factory=list)
    """Values of pixels that could not be settled: row, column, low, high."""
    doubt: float = 0.0
    judged: int = 0
    seconds: float = 0.0
    method: str = "bounds"

    @property
    def flipped(self) -> set[Pixel]:
        """Pixels with a value that changes the answer."""
        return {(flip.row, flip.column) for flip in self.flips}

    @property
    def undecided(self) -> set[Pixel]:
        """Pixels without a known change, and without a proof that there is none."""
        return {(row, column) for row, column, _, _ in self.open} - self.flipped

    @property
    def proved(self) -> int:
        """How many pixels cannot change the answer."""
        return self.pixels - len(self.flipped) - len(self.undecided)


def graph_of(victim: Victim) -> Graph:
    """The network as layers that can be bounded.

    Raises `WrongUse` that offers enumeration where it does something that cannot.
    """
    try:
        return trace(victim.network, victim.given(victim.pictures[:1]))
    except Outside as outside:
        grey = victim.pictures.shape[1] == 1
        raise WrongUse(
            f"{victim.title}, proof",
            str(outside),
            "convolutions, fully connected layers, batch norm, ReLU, leaky ReLU, tanh, sigmoid, "
            "GELU, max and average pooling, dropout, additions and flatten",
            "try all 256 levels of every pixel instead: --enumerate"
            if grey
            else "for colour nothing else is exhaustive; --attack greedy-pixels tries",
        ) from outside


class Question:
    """Everything about one picture: its network as layers, the search, and the user's module."""

    def __init__(self, victim: Victim, index: int, graph: Graph) -> None:
        self.victim, self.picture = victim, victim.pictures[index]
        self.answer = victim.answer_to(self.picture)
        given = victim.given(self.picture[None])
        self.bounds = Bounds(graph, given, victim.scaling)
        self.doubt = SAFETY * self._distance()
        self.search = Search.of(self.bounds, self.answer, self.doubt)
        self.witnesses: dict[tuple[Pixel, int], Value] = {}
        self.seconds = 0.0

    def _distance(self) -> float:
        """The largest difference between the module's scores and those of the layers."""
        own = self.victim.scores(self.picture[None])[0]
        distance = float((own - self.bounds.scores).abs().max())
        if distance > 1e-3 * max(1.0, float(own.abs().max())):
            raise WrongUse(
                f"{self.victim.title}, proof",
                f"scores that differ by {distance:.3g} from the same layers in float64",
                "a network whose answer its layers explain",
                "try all 256 levels of every pixel instead: --enumerate",
            )
        return max(distance, 1e-7)

    def ask(
        self, seconds: float | None = None, stopped: Callable[[], bool] = lambda: False
    ) -> None:
        """Go on with the search for so long, or to its end."""
        begun = time.perf_counter()
        goes_on = until(seconds, stopped)
        if self.bounds.channels > 1 and not self.search.found.judged:
            self._try_corners()
        self.search.run(goes_on)
        self.seconds += time.perf_counter() - begun

    def _try_corners(self) -> None:
        """In colour: pixels that flip at a corner of the colour cube need no proof any more."""
        _, height, width = self.picture.shape
        corners = torch.cartesian_prod(*[torch.tensor(CORNERS).double()] * self.bounds.channels)
        for row in range(height):
            for corner in corners:
                line = self.picture.repeat(width, 1, 1, 1)
                line[torch.arange(width), :, row, torch.arange(width)] = corner
                answers = self.victim.scores(line).argmax(dim=1)
                for column in (answers != self.answer).nonzero().flatten().tolist():
                    self._witness((row, column), int(answers[column]), corner)

    def _reproduces(self, pixel: Pixel, becomes: int, value: Tensor) -> bool:
        """Does the user's own module, given this one picture, answer so?"""
        changed = self.victim.with_pixel(self.picture, *pixel, value)
        return self.victim.answer_to(changed) == becomes

    def _witness(self, pixel: Pixel, becomes: int, value: Tensor) -> None:
        """In colour: keep the first value of a pixel that leads to a class."""
        if (pixel, becomes) not in self.witnesses and self._reproduces(pixel, becomes, value):
            self.witnesses[pixel, becomes] = tuple(value.tolist())
            self.search.flipping.add(pixel)

    def proof(self) -> Proof:
        """What is known by now."""
        height, width = self.bounds.maps[0].shape
        proof = Proof(self.answer, height * width, doubt=self.doubt, seconds=self.seconds)
        proof.judged = self.search.found.judged
        found = self.search.found
        unknown = found.edges.joined(self.search.todo)
        grouped = _by_pixel(found, unknown)
        for pixel, (flips, edges) in sorted(grouped.items()):
            if self.bounds.channels == 1:
                self._intervals(proof, pixel, flips, edges)
            else:
                self._boxes(proof, pixel, flips, edges)
        return proof

    def _intervals(self, proof: Proof, pixel: Pixel, flips: list[Box], edges: list[Box]) -> None:
        """Grey: neighbouring pieces of one class become one interval."""
        for run in _touching(sorted(flips + edges, key=lambda box: box.low)):
            for one in _intervals(run):
                low, high, inner = (one.low,), (one.high,), (one.inner,)
                value = torch.tensor(inner, dtype=torch.float64)
                if one.becomes is not None and self._reproduces(pixel, one.becomes, value):
                    proof.flips.append(Flip(*pixel, low, high, one.becomes, inner))
                else:
                    proof.open.append((*pixel, low, high))

    def _boxes(self, proof: Proof, pixel: Pixel, flips: list[Box], edges: list[Box]) -> None:
        """Colour: one box for each class that encloses all values that may lead to it."""
        for box in flips:
            assert box.becomes is not None
            middle = (torch.tensor(box.low) + torch.tensor(box.high)).double() / 2
            self._witness(pixel, box.becomes, middle)
        reached = {becomes for at, becomes in self.witnesses if at == pixel}
        for becomes in sorted(reached):
            own = [box for box in flips if box.becomes == becomes] + edges
            value = self.witnesses[pixel, becomes]
            low = [min([box.low[k] for box in own] + [value[k]]) for k in range(len(value))]
            high = [max([box.high[k] for box in own] + [value[k]]) for k in range(len(value))]
            proof.flips.append(Flip(*pixel, tuple(low), tuple(high), becomes, value))
        if not reached:
            proof.open += [(*pixel, box.low, box.high) for box in flips + edges]


@dataclass(frozen=True)
class Box:
    """A piece of one pixel's values, and the class it leads to if that is known."""

    low: Value
    high: Value
    becomes: int | None


def _by_pixel(found: Found, unknown: Pieces) -> dict[Pixel, tuple[list[Box], list[Box]]]:
    grouped: dict[Pixel, tuple[list[Box], list[Box]]] = {}
    classes: list[int | None] = [*found.classes.tolist(), *[None] * len(unknown)]
    pieces = found.flips.joined(unknown)
    rows = zip(
        pieces.pixel.tolist(), pieces.low.tolist(), pieces.high.tolist(), classes, strict=True
    )
    for (row, column), low, high, becomes in rows:
        pair = grouped.setdefault((row, column), ([], []))
        pair[becomes is None].append(Box(tuple(low), tuple(high), becomes))
    return grouped


def _touching(boxes: list[Box]) -> list[list[Box]]:
    """Intervals in their order as runs without a gap."""
    runs: list[list[Box]] = []
    for box in boxes:
        if runs and runs[-1][-1].high == box.low:
            runs[-1].append(box)
        else:
            runs.append([box])
    return runs


@dataclass(frozen=True)
class Interval:
    """Values in a row with one answer, or none that is known; `inner` lies in the widest piece."""

    low: float
    high: float
    becomes: int | None
    inner: float
    widest: float

    @property
    def is_end(self) -> bool:
        """Is it so narrow that it belongs to a known neighbour?"""
        return self.becomes is None and self.high - self.low <= 2 * GREY_WIDTH


def _intervals(run: list[Box]) -> list[Interval]:
    """A run of pieces as intervals.

    Where one answer becomes another, one or two of the narrowest pieces stay without a class; they
    belong to a known neighbour, the one before them first. More of them stay by themselves.
    """
    made: list[Interval] = []
    for becomes, group in groupby(run, key=lambda box: box.becomes):
        pieces = list(group)
        widest = max(pieces, key=lambda box: box.high[0] - box.low[0])
        low, high = widest.low[0], widest.high[0]
        new = Interval(pieces[0].low[0], pieces[-1].high[0], becomes, (low + high) / 2, high - low)
        if made and _belong(made[-1], new):
            new = _joined(made.pop(), new)
        made.append(new)
    return made


def _belong(a: Interval, b: Interval) -> bool:
    return (a.is_end or b.is_end) or a.becomes == b.becomes


def _joined(a: Interval, b: Interval) -> Interval:
    """Two neighbours as one, of the class that is known."""
    known = [one for one in (a, b) if one.becomes is not None]
    own = max(known, key=lambda one: one.widest)
    return Interval(a.low, b.high, own.becomes, own.inner, own.widest)


def prove(
    victim: Victim, index: int, seconds: float | None = None, graph: Graph | None = None
) -> Proof:
    """Everything about one picture; what `seconds` do not suffice for is left open."""
    question = Question(victim, index, graph or graph_of(victim))
    question.ask(seconds)
    return question.proof()
