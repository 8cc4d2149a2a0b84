"""The loss around the trained weights: the plane through the checkpoints, and a random plane."""

from __future__ import annotations

import torch
from torch import Tensor

from pellucid.base.records import Record
from pellucid.base.seeds import named_seed
from pellucid.inside.landscape import (
    Ground,
    Weights,
    filter_normalised,
    row,
    through,
    unrolled,
)
from pellucid.inside.subject import Gallery, Reading, Subject

PLACES = 9
"""Places along each side of a plane."""
EXAMPLES = 256
MARGIN = 0.25


def measure(subject: Subject) -> Reading:
    """`checkpoints` and `random`: the loss (second direction, first direction) on a plane."""
    if subject.loss is None:
        reason = "What training made small is not known, so there is no loss to look at."
        return Reading({"planes": [], **_told(0.0, [reason])})
    many = subject.many
    places = torch.linspace(0, len(many) - 1, min(EXAMPLES, len(many))).round().long()
    some = Gallery(many.inputs[places], many.stored[places], many.labels[places],
                   many.targets[places])  # fmt: skip
    ground = Ground(subject.network, some, subject.loss)
    own = dict(subject.network.state_dict())
    if not any(value.is_floating_point() for value in own.values()):
        return Reading({"planes": [], **_told(0.0, ["The network has no weights."])})
    skipped, planes, tensors = [], [], {}
    if len(subject.film) >= 2:
        plane, values = _through_checkpoints(subject, ground)
        planes.append(plane)
        tensors["checkpoints"] = values
    else:
        skipped.append("Fewer than two checkpoints are known: no plane through them.")
    plane, values = _random(subject, ground, own)
    planes.append(plane)
    tensors["random"] = values
    facts = {"planes": planes, "examples": len(some), **_told(ground.error(own), skipped)}
    return Reading(facts, tensors)


def _through_checkpoints(subject: Subject, ground: Ground) -> tuple[Record, Tensor]:
    film = subject.film
    directions, spots, explained = through(film)
    last, like = row(film[-1].weights), film[-1].weights
    while len(directions) < 2:  # two checkpoints span a line: the plane's other side is empty
        directions = torch.cat([directions, torch.zeros_like(directions[:1])])
        spots = torch.cat([spots, torch.zeros_like(spots[:, :1])], dim=1)
    first, second = (_range(spots[:, side]) for side in (0, 1))

    def loss(x: float, y: float) -> float:
        return ground.at(unrolled(last + x * directions[0] + y * directions[1], like))

    marks = [
        {
            "epoch": frame.epoch,
            "x": float(x),
            "y": float(y),
            "plane": loss(float(x), float(y)),
            "true": ground.at(frame.weights),
        }
        for frame, (x, y) in zip(film, spots, strict=True)
    ]
    values = torch.tensor([[loss(x, y) for x in first] for y in second], dtype=torch.float64)
    return {
        "name": "checkpoints",
        "x": first,
        "y": second,
        "explained": explained,
        "marks": marks,
        "missed": max(abs(mark["plane"] - mark["true"]) for mark in marks),
    }, values


def _range(values: Tensor) -> list[float]:
    """Places from a little below the smallest to a little above the largest."""
    low, high = float(values.min()), float(values.max())
    room = MARGIN * (high - low) or 1e-3
    return [float(at) for at in torch.linspace(low - room, high + room, PLACES)]


def _random(subject: Subject, ground: Ground, own: Weights) -> tuple[Record, Tensor]:
    chance = torch.Generator().manual_seed(named_seed(subject.seed, "loss-landscape"))
    one, two = (filter_normalised(subject.network, chance) for _ in range(2))
    steps = [float(at) for at in torch.linspace(-1, 1, PLACES)]

    def loss(x: float, y: float) -> float:
        moved = {
            name: value + x * one[name] + y * two[name] if value.is_floating_point() else value
            for name, value in own.items()
        }
        return ground.at(moved)

    values = torch.tensor([[loss(x, y) for x in steps] for y in steps], dtype=torch.float64)
    return {"name": "random", "x": steps, "y": steps, "marks": [], "middle": ground.at(own)}, values


def _told(error: float, skipped: list[str]) -> Record:
    return {
        "error": error,
        "limits": [
            f"The loss is the mean over at most {EXAMPLES} validation examples; the error is its "
            "standard error at the trained weights.",
            "Two directions out of as many as there are weights: what lies beside the plane is not "
            "seen. Running means and variances of norms move along with the checkpoints, and stay "
            "on the random plane.",
        ],
        "skipped": skipped,
    }
