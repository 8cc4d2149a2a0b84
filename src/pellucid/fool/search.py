"""Branch and bound over a pixel's values: boxes are bounded, and split where that is too weak."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from pellucid.base.records import Record
from pellucid.fool.bounds import Bounds, Pieces

GREY_WIDTH = 2.0**-16
"""The narrowest interval that is split: 1/257 of a grey level's step."""
COLOUR_WIDTH = 2.0**-6
"""The same for the side of a colour box, of which there are many more."""
OUTLINE_WIDTH = 2.0**-4
"""How closely the values that flip are enclosed in colour, once a pixel is known to flip."""
AT_ONCE = 192
"""Pieces times terms that are bounded together: their windows about fill a processor's cache."""


@dataclass
class Found:
    """What the search knows: pieces with their class, and pieces of which nothing is known."""

    flips: Pieces
    classes: Tensor
    edges: Pieces
    """Too narrow to be split: most lie where one answer becomes another."""
    judged: int = 0


@dataclass
class Search:
    """Decides for all pixels of one picture whether and where the answer changes.

    `doubt` is by how much a class must be ahead to count: what the user's module in float32 may
    differ from these bounds' arithmetic.
    """

    bounds: Bounds
    answer: int
    doubt: float
    todo: Pieces
    found: Found
    flipping: set[tuple[int, int]] = field(default_factory=set)
    """In colour: pixels that are known to flip, of which the outline alone is still of interest."""

    @classmethod
    def of(cls, bounds: Bounds, answer: int, doubt: float) -> Search:
        """A new search over every pixel's whole range."""
        height, width = bounds.maps[0].shape
        return cls(
            bounds, answer, doubt, every_pixel(height, width, bounds.channels), nothing(bounds)
        )

    @property
    def is_done(self) -> bool:
        """Is nothing left to split?"""
        return len(self.todo) == 0

    def run(self, goes_on: Callable[[], bool]) -> None:
        """Go on until nothing is left, or `goes_on` says no between two chunks."""
        size = AT_ONCE // (1 + self.bounds.channels)
        while not self.is_done and goes_on():
            chunk, self.todo = self.todo.at(slice(size)), self.todo.at(slice(size, None))
            split = self._settle(chunk)
            self.todo = self.todo.joined(split)

    def _settle(self, pieces: Pieces) -> Pieces:
        """Judge pieces; keep what flips or is too narrow, and return the halves of the others."""
        verdicts = self.bounds.judge(pieces)
        self.found.judged += len(pieces)
        sure = verdicts.ahead > self.doubt
        flips = (sure & (verdicts.classes != self.answer)).nonzero().flatten()
        if len(flips):
            self.found.flips = self.found.flips.joined(pieces.at(flips))
            self.found.classes = torch.cat([self.found.classes, verdicts.classes[flips]])
        width = (pieces.high - pieces.low).amax(dim=1)
        narrow = ~sure & (width <= self._least(pieces) * 1.000001)
        if bool(narrow.any()):
            self.found.edges = self.found.edges.joined(pieces.at(narrow.nonzero().flatten()))
        rest = (~sure & ~narrow).nonzero().flatten()
        return halves(pieces.at(rest))

    def _least(self, pieces: Pieces) -> Tensor | float:
        if self.bounds.channels == 1:
            return GREY_WIDTH
        flips = [tuple(pixel) in self.flipping for pixel in pieces.pixel.tolist()]
        return torch.where(torch.tensor(flips), OUTLINE_WIDTH, COLOUR_WIDTH)

    def as_record(self) -> Record:
        """What is needed to go on."""
        return {
            "todo": _listed(self.todo),
            "flips": _listed(self.found.flips),
            "classes": self.found.classes.tolist(),
            "edges": _listed(self.found.edges),
            "judged": self.found.judged,
        }

    def go_on_from(self, record: Record) -> None:
        """Take up what `as_record` wrote."""
        channels = self.bounds.channels
        self.todo = _pieces(record["todo"], channels)
        self.found = Found(
            _pieces(record["flips"], channels),
            torch.tensor(record["classes"], dtype=torch.int64),
            _pieces(record["edges"], channels),
            int(record["judged"]),
        )


def until(seconds: float | None, stopped: Callable[[], bool]) -> Callable[[], bool]:
    """True until so many seconds have passed from now on, or `stopped` says so."""
    end = None if seconds is None else time.perf_counter() + seconds
    return lambda: not stopped() and (end is None or time.perf_counter() < end)


def nothing(bounds: Bounds) -> Found:
    """No piece of any kind."""
    empty = _pieces([], bounds.channels)
    return Found(empty, torch.zeros(0, dtype=torch.int64), empty)


def every_pixel(height: int, width: int, channels: int) -> Pieces:
    """Each pixel with the whole range 0…1.

    Pixels that stand alike to the squares of two poolings follow each other: their windows begin
    at like places, and can be copied together.
    """
    pixel = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    pixel = pixel[((pixel[:, 0] % 4) * 4 + pixel[:, 1] % 4).argsort(stable=True)]
    low = torch.zeros(len(pixel), channels, dtype=torch.float64)
    return Pieces(pixel, low, low + 1)


def halves(pieces: Pieces) -> Pieces:
    """Each box cut in two along its widest side: what bends depends on all sides."""
    rows = torch.arange(len(pieces))
    side = (pieces.high - pieces.low).argmax(dim=1)
    middle = ((pieces.low + pieces.high) / 2)[rows, side]
    high, low = pieces.high.clone(), pieces.low.clone()
    high[rows, side] = middle
    low[rows, side] = middle
    return Pieces(pieces.pixel, pieces.low, high).joined(Pieces(pieces.pixel, low, pieces.high))


def _listed(pieces: Pieces) -> list[Any]:
    """As plain lists; the ends are halves of halves, which JSON keeps exactly."""
    return [
        [*pixel, *low, *high]
        for pixel, low, high in zip(
            pieces.pixel.tolist(), pieces.low.tolist(), pieces.high.tolist(), strict=True
        )
    ]


def _pieces(rows: list[Any], channels: int) -> Pieces:
    table = torch.tensor(rows, dtype=torch.float64).view(-1, 2 + 2 * channels)
    pixel = table[:, :2].to(torch.int64)
    return Pieces(pixel, table[:, 2 : 2 + channels], table[:, 2 + channels :])
