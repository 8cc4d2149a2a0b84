"""Pictures in which it is known what decides: one small tag, among shapes that mean nothing.

Each picture is 16 × 16, black, with four 3 × 3 shapes of different brightness in places of a grid.
One is the tag: an upright cross is class 0, a slanted one class 1. The three others are drawn from
shapes that say nothing about the class. A small network learns it, half of its lessons being
pictures without a tag to which it must answer "undecided", so that it has a reason to ignore the
other shapes. How much of a map lies on the tag then tells how well a method points.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from pellucid.base.records import Record
from pellucid.base.seeds import named_seed
from pellucid.inside.attribution import (
    DoesNotApply,
    Question,
    attribute,
    within_reach,
)

SIDE, CELL, PATTERN = 16, 4, 3
OTHERS = 3
"""Shapes beside the tag."""
TAGS = (((0, 1, 0), (1, 1, 1), (0, 1, 0)), ((1, 0, 1), (0, 1, 0), (1, 0, 1)))
IDLE = (
    ((1, 1, 1), (0, 0, 0), (0, 0, 0)),
    ((1, 0, 0), (1, 0, 0), (1, 0, 0)),
    ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    ((1, 1, 0), (1, 1, 0), (0, 0, 0)),
    ((0, 0, 1), (0, 1, 0), (1, 0, 0)),
)
STEPS, BATCH, RATE, DECAY = 600, 64, 0.03, 0.05
DIM = 0.2
"""The least brightness of a shape while it learns; pictures that are judged have 0.6 and more."""
TRIALS = 50


def draw(count: int, chance: torch.Generator, least: float = 0.6) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures (n, 1, 16, 16), classes (n,), and where the tag is (n, 16, 16)."""
    labels = torch.randint(2, (count,), generator=chance)
    kinds = torch.randint(2, 2 + len(IDLE), (count, OTHERS + 1), generator=chance)
    kinds[:, 0] = labels
    grid = (SIDE // CELL) ** 2
    cells = torch.rand(count, grid, generator=chance).argsort(dim=1)[:, : OTHERS + 1]
    bright = least + (1 - least) * torch.rand(count, OTHERS + 1, 1, 1, generator=chance)
    shapes = torch.zeros(count, OTHERS + 1, CELL, CELL)
    shapes[:, :, :PATTERN, :PATTERN] = torch.tensor([*TAGS, *IDLE]).float()[kinds] * bright
    tag = torch.zeros(count, OTHERS + 1, CELL, CELL)
    tag[:, 0, :PATTERN, :PATTERN] = 1
    return _placed(shapes, cells)[:, None], labels, _placed(tag, cells) > 0


def _placed(shapes: Tensor, cells: Tensor) -> Tensor:
    """Shapes (n, shape, 4, 4) in their cells (n, shape) of the grid, (n, 16, 16)."""
    across = SIDE // CELL
    grid = torch.zeros(len(shapes), across**2, CELL, CELL)
    grid.scatter_(1, cells[:, :, None, None].expand(-1, -1, CELL, CELL), shapes)
    square = grid.view(-1, across, across, CELL, CELL)
    return square.permute(0, 1, 3, 2, 4).reshape(-1, SIDE, SIDE)


@lru_cache(maxsize=4)
def trained(seed: int = 0) -> nn.Module:
    """The network that has learned to read the tag; takes about three seconds."""
    chance = torch.Generator().manual_seed(named_seed(seed, "planted", "lessons"))
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(named_seed(seed, "planted", "weights"))
        network = nn.Sequential(
            nn.Conv2d(1, 12, PATTERN), nn.ReLU(), nn.Conv2d(12, 8, 1), nn.ReLU(),
            nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(8, 2),
        )  # fmt: skip
        optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
        rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=STEPS)
        for _ in range(STEPS):
            pictures, beliefs = _lesson(chance)
            loss = functional.cross_entropy(network(pictures), beliefs)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            rate.step()
    return network.eval().requires_grad_(False)


def _lesson(chance: torch.Generator) -> tuple[Tensor, Tensor]:
    """Half of the batch has no tag and is to be answered half and half."""
    pictures, labels, tag = draw(BATCH, chance, DIM)
    half = BATCH // 2
    pictures[:half] *= ~tag[:half, None]
    beliefs = functional.one_hot(labels, 2).float()
    beliefs[:half] = 0.5
    return pictures, beliefs


@lru_cache(maxsize=4)
def masses(seed: int = 0, trials: int = TRIALS) -> dict[str, Record]:
    """Each method's share of its map that lies on the tag: `mass`, and `error`, its standard error.

    The share of the absolute values, meant over pictures that were not learned from.
    """
    network = trained(seed)
    chance = torch.Generator().manual_seed(named_seed(seed, "planted", "trials"))
    pictures, labels, tag = draw(trials, chance)
    asked = [
        Question(network, pictures[place : place + 1], torch.zeros(1, SIDE, SIDE), label, 1 - label,
                 point="3", seed=place)
        for place, label in enumerate(labels.tolist())
    ]  # fmt: skip
    found: dict[str, Record] = {}
    for name in within_reach():
        try:
            shares = [
                _share(attribute(name, question).values, where)
                for question, where in zip(asked, tag, strict=True)
            ]
        except DoesNotApply:
            continue
        each = torch.tensor(shares, dtype=torch.float64)
        found[name] = {"mass": float(each.mean()), "error": float(each.std() / len(each) ** 0.5)}
    return found


def _share(values: Tensor, where: Tensor) -> float:
    sizes = values.double().abs().sum(dim=0)
    total = float(sizes.sum())
    return float(sizes[where].sum()) / total if total else 0.0
