"""What a page shows of a picture: the changed picture, and the worst pixel's curve."""

from __future__ import annotations

import torch
from torch import Tensor

from pellucid.base.records import Record
from pellucid.fool.certificate import picture_of
from pellucid.fool.victim import Victim

STEPS = 64
"""Parts of the range 0…1 on a curve of probabilities."""


def shown(victim: Victim, record: Record) -> Record:
    """A certificate with what a page draws besides: levels, the worst pixel, its curve."""
    picture = picture_of(record)
    row, column, value = _worst(victim, record, picture)
    changed = victim.with_pixel(picture, row, column, value)
    return {
        **{key: record[key] for key in SHOWN},
        "shape": list(picture.shape),
        "levels": levels(picture),
        "changed": levels(changed),
        "smallest": _smallest(record, picture),
        "open": [[entry[0], entry[1]] for entry in record["open"]],
        "worst": {
            "row": row,
            "column": column,
            "own": picture[:, row, column].tolist(),
            "value": value.tolist(),
            "becomes": victim.name_of(victim.answer_to(changed)),
        },
        "curve": _curve(victim, picture, row, column, value),
    }


SHOWN = ("index", "label", "answer", "claim", "method", "proved", "flipped", "undecided", "flips")


def levels(picture: Tensor) -> list[int]:
    """A picture's values as whole levels 0 to 255."""
    return [int(one) for one in (picture * 255).round().flatten().tolist()]


def _many(value: float | list[float]) -> list[float]:
    return value if isinstance(value, list) else [value]


def _smallest(record: Record, picture: Tensor) -> list[Record]:
    """For each pixel that flips the smallest change that may do it, and the class it leads to.

    In colour the change that was asked for: a box encloses values that do not flip, too.
    """
    found: dict[tuple[int, int], Record] = {}
    for flip in record["flips"]:
        at = flip["row"], flip["column"]
        own = picture[:, at[0], at[1]].tolist()
        low, high = _many(flip["low"]), _many(flip["high"])
        if len(own) == 1:
            change = max(low[0] - own[0], own[0] - high[0], 0.0)
        else:
            change = max(abs(a - b) for a, b in zip(_many(flip["value"]), own, strict=True))
        if at not in found or change < found[at]["change"]:
            becomes = flip["becomes"]
            found[at] = {"row": at[0], "column": at[1], "change": change, "becomes": becomes}
    return list(found.values())


def _worst(victim: Victim, record: Record, picture: Tensor) -> tuple[int, int, Tensor]:
    """The pixel that flips with the smallest change, else the one that brings the answer lowest."""
    smallest = sorted(_smallest(record, picture), key=lambda one: float(one["change"]))
    if smallest:
        at = smallest[0]["row"], smallest[0]["column"]
        flip = next(
            one
            for one in record["flips"]
            if (one["row"], one["column"], one["becomes"]) == (*at, smallest[0]["becomes"])
        )
        return *at, torch.tensor(_many(flip["value"]), dtype=torch.float64)
    channels, height, width = picture.shape
    best: tuple[float, int, int, float] | None = None
    answer = int(record["answer_number"])
    for value in (0.0, 1.0):
        for row in range(height):
            line = picture.repeat(width, 1, 1, 1)
            line[torch.arange(width), :, row, torch.arange(width)] = value
            scores = victim.scores(line)
            ahead = scores[:, answer].clone()
            scores[:, answer] = -torch.inf
            lead = ahead - scores.amax(dim=1)
            column = int(lead.argmin())
            if best is None or float(lead[column]) < best[0]:
                best = float(lead[column]), row, column, value
    assert best is not None
    return best[1], best[2], torch.full((channels,), best[3], dtype=torch.float64)


def _curve(victim: Victim, picture: Tensor, row: int, column: int, value: Tensor) -> Record:
    """Probabilities along the pixel's value: grey from 0 to 1, colour from its own to the other."""
    share = torch.linspace(0, 1, STEPS + 1, dtype=torch.float64)
    own = picture[:, row, column]
    start, end = (own, value) if len(own) > 1 else (torch.zeros(1), torch.ones(1))
    path = start + share[:, None] * (end - start)
    batch = picture.repeat(len(path), 1, 1, 1)
    batch[:, :, row, column] = path
    beliefs = torch.softmax(victim.scores(batch), dim=1)
    top = beliefs.amax(dim=0).topk(min(4, beliefs.shape[1])).indices.tolist()
    return {
        "values": share.tolist(),
        "classes": [victim.name_of(one) for one in top],
        "probabilities": [beliefs[:, one].tolist() for one in top],
    }
