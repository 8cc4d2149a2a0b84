"""Examples recognised again: one number for each row of a batch, which hardly another row has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from pellucid.watch.program import version_of
from pellucid.watch.trace import Pass

COLUMNS = 128
"""Numbers of a row that are looked at, at most and evenly spread; all, if it has no more."""


ROWS = 400_000
"""Examples of each network that are remembered by a number of theirs."""


@dataclass
class Batch:
    """What is known of the examples of one batch."""

    examples: int
    known: int
    """Examples that were learnt from before."""
    repeated: int
    """Examples that stood in this batch more than once."""
    marks: list[float]
    """Their numbers; none if the batch was passed over."""


class Learnt:
    """The examples that a network has learnt from."""

    SURE, AGAIN = 50, 8
    """So many batches in a row of nothing but known examples, as in a second epoch, and only each
    `AGAIN`th is looked at, until one holds something new."""

    def __init__(self) -> None:
        self.marks: set[float] = set()
        self._old = 0

    def look(self, tensors: Sequence[Tensor], learning: bool) -> Batch:
        if learning and self._old > self.SURE and self._old % self.AGAIN:
            self._old += 1
            count = len(tensors[0]) if tensors else 0
            return Batch(count, count, 0, [])
        marks = marks_of(tensors)
        different = set(marks)
        found = different & self.marks
        known = len(marks) if len(found) == len(different) else 0
        if found and not known:
            known = sum(mark in found for mark in marks)
        if learning:
            self._old = self._old + 1 if marks and known == len(marks) else 0
        return Batch(len(marks), known, len(marks) - len(different), marks)

    def add(self, marks: Sequence[float]) -> None:
        if len(self.marks) < ROWS:
            self.marks.update(marks)


class PutOff:
    """Batches of passes that are looked at some steps later, many in a row: to run through one
    alone takes several times as long, between steps of a training that fill the caches."""

    MOST = 1_000_000
    """Numbers in all that wait; they are kept alive meanwhile."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Tensor, int, Pass]] = []
        self._numbers = 0
        self._learnt_from: set[int] = set()
        self.is_possible = True
        """Whether batches stay as they are: not where their memory is written into anew."""

    def takes(self, batch: Tensor) -> bool:
        if not self.is_possible or self._numbers + batch.numel() > self.MOST:
            return False
        last = self._waiting[-1][0] if self._waiting else None
        return last is None or last.data_ptr() != batch.data_ptr()

    def add(self, batch: Tensor, found: Pass) -> None:
        self._waiting.append((batch, version_of(batch), found))
        self._numbers += batch.numel()

    def note_backward(self) -> None:
        """The newest batch is learnt from."""
        if self._waiting:
            self._learnt_from.add(len(self._waiting) - 1)

    def settle(self, learnt: Learnt) -> None:
        """Look at all that wait, in their order."""
        for place, (batch, version, found) in enumerate(self._waiting):
            if version_of(batch) != version:
                found.examples, self.is_possible = 0, False
                continue
            rows = learnt.look([batch], learning=True)
            found.examples, found.known, found.repeated = rows.examples, rows.known, rows.repeated
            if place in self._learnt_from:
                learnt.add(rows.marks)
        self._waiting.clear()
        self._learnt_from.clear()
        self._numbers = 0


@lru_cache(maxsize=32)
def _places(width: int) -> tuple[int, np.ndarray]:
    """The stride in a row of so many numbers, and what the numbers met are multiplied with."""
    stride = -(-width // COLUMNS)
    while math.gcd(stride, width) > 1:  # else a picture's columns would always be the same few
        stride += 1
    count = len(range(0, width, stride))
    chance = torch.Generator().manual_seed(0)
    return stride, torch.randn(count, generator=chance, dtype=torch.float64).numpy()


def marks_of(tensors: Sequence[Tensor]) -> list[float]:
    """One number for each example of a batch of several tensors: of a user and a film together."""
    found = marks(tensors[0]) if tensors else []
    for place, tensor in enumerate(tensors[1:], start=2):
        if tensor.ndim and len(tensor) == len(found):
            found = [a + math.sqrt(place) * b for a, b in zip(found, marks(tensor), strict=False)]
    return found


def marks(batch: Tensor) -> list[float]:
    """One number for each example of a batch (examples × anything)."""
    if not batch.ndim or not batch.numel() or batch.is_complex() or batch.is_sparse:
        return []
    width = batch.numel() // len(batch)
    stride, weights = _places(width)
    found: list[float]
    if batch.is_cpu and batch.dtype != torch.bfloat16:  # NumPy asks less time a call
        flat = batch.detach().numpy().reshape(-1, width)
        found = (flat[:, ::stride].astype(np.float64) @ weights).tolist()
    else:
        rows = batch.detach().reshape(-1, width)[:, ::stride]
        found = (rows.double() @ torch.from_numpy(weights).to(rows.device)).tolist()
    return found
