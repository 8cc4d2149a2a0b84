"""Every level of every pixel, one by one: slow, sure, and for every network there is."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor

from pellucid.base.errors import WrongUse
from pellucid.fool.single_pixel import Flip, Proof
from pellucid.fool.victim import Victim

LEVELS = 256


def answers(victim: Victim, picture: Tensor, rows: range | None = None) -> Tensor:
    """What the network answers when one pixel has one level: (row, column, level)."""
    _, height, width = picture.shape
    levels = torch.arange(LEVELS).double() / (LEVELS - 1)
    found = torch.empty(height, width, LEVELS, dtype=torch.int64)
    for row in rows or range(height):
        for column in range(width):
            batch = picture.repeat(LEVELS, 1, 1, 1)
            batch[:, 0, row, column] = levels
            found[row, column] = victim.scores(batch, LEVELS).argmax(dim=1)
    return found


def enumerate_levels(
    victim: Victim, index: int, stopped: Callable[[], bool] = lambda: False
) -> Proof:
    """As `single_pixel.prove`, but about the 256 grey levels alone.

    Raises `WrongUse` for colour, where a pixel has 16.7 million values.
    """
    picture = victim.pictures[index]
    channels, height, width = picture.shape
    if channels != 1:
        raise WrongUse(
            "--enumerate",
            f"{channels} channels, so {LEVELS}^{channels} values of one pixel",
            "grey pictures",
            "leave --enumerate out, or try --attack greedy-pixels",
        )
    begun = time.perf_counter()
    answer = victim.answer_to(picture)
    proof = Proof(answer, height * width, method="enumeration")
    for row in range(height):
        if stopped():
            proof.open += [
                (late, column, (0.0,), (1.0,)) for late in range(row, height)
                for column in range(width)
            ]  # fmt: skip
            break
        found = answers(victim, picture, range(row, row + 1))[row]
        for column in range(width):
            proof.flips += _runs(victim, picture, row, column, found[column], answer)
        proof.judged += width * LEVELS
    proof.seconds = time.perf_counter() - begun
    return proof


def _runs(
    victim: Victim, picture: Tensor, row: int, column: int, found: Tensor, answer: int
) -> list[Flip]:
    """Neighbouring levels with one other answer, each asked once more by itself."""
    flips: list[Flip] = []
    values = found.tolist()
    first = 0
    for level in range(1, LEVELS + 1):
        if level < LEVELS and values[level] == values[first]:
            continue
        if values[first] != answer:
            middle = torch.tensor([(first + level - 1) // 2 / (LEVELS - 1)], dtype=torch.float64)
            changed = victim.with_pixel(picture, row, column, middle)
            if victim.answer_to(changed) == values[first]:
                low, high = first / (LEVELS - 1), (level - 1) / (LEVELS - 1)
                own = (float(middle[0]),)
                flips.append(Flip(row, column, (low,), (high,), values[first], own))
        first = level
    return flips
