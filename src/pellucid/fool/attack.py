"""What an attack is: a search for a changed picture that is answered otherwise.

An attack finds; it does not prove. That it finds nothing says nothing about what it did not try.
Whatever it returns is cut to its budget and to 0…1, and counts only if a fresh forward of the
user's own module, with each picture alone, answers otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.base.catalog import Catalog
from pellucid.base.errors import WrongUse
from pellucid.base.seeds import named_seed
from pellucid.fool.victim import Victim

ATTACKS = Catalog("attack", "fool.attacks")
CORRUPTIONS = Catalog("corruption", "fool.corruptions")

NORMS = ("linf", "l2", "pixels")


@dataclass(frozen=True)
class Task:
    """What an attack is given: pictures (n, c, h, w) in 0…1, and the answers it must change.

    `budget` is in the attack's own unit: the largest change of a value (`linf`), the length of the
    whole change (`l2`), or how many pixels may change (`pixels`).
    """

    victim: Victim
    pictures: Tensor
    answers: Tensor
    budget: float
    seed: int = 0
    settings: dict[str, Any] = field(default_factory=dict)

    def chance(self, *purpose: str) -> torch.Generator:
        """The attack's own source of chance."""
        return torch.Generator().manual_seed(named_seed(self.seed, "attack", *purpose))

    def scores(self, pictures: Tensor) -> Tensor:
        """The network's scores, without slopes."""
        return self.victim.scores(pictures)

    def slope(self, pictures: Tensor) -> Tensor:
        """The slope of the cross entropy against the answers, by each value of the pictures."""
        with torch.enable_grad():
            given = pictures.detach().clone().requires_grad_(True)
            scores = self.victim.network(self.victim.given(given))
            loss = functional.cross_entropy(scores.double(), self.answers, reduction="sum")
            (slope,) = torch.autograd.grad(loss, given)
        return slope

    def lead(self, pictures: Tensor) -> Tensor:
        """By how much the answer's score is ahead of the best other one: below 0 is success."""
        scores = self.scores(pictures)
        rows = torch.arange(len(scores))
        own = scores[rows, self.answers]
        scores[rows, self.answers] = -torch.inf
        return own - scores.amax(dim=1)


Attack = Callable[[Task], Tensor]


@dataclass(frozen=True)
class Outcome:
    """Pictures as an attack left them, and which of them are answered otherwise."""

    pictures: Tensor
    fooled: Tensor
    answers: Tensor


def run(name: str, task: Task) -> Outcome:
    """Attack, cut to budget and range, and ask the module once more about each picture alone.

    Raises `WrongUse` for an unknown name or a budget that is no number above 0.
    """
    attack = ATTACKS.load(name)
    check_budget(name, task.budget)
    found = within(attack.attack(task), task, attack.NORM)
    return confirmed(found, task)


def check_budget(name: str, budget: float) -> None:
    """Refuse a budget that is no number above 0."""
    attack = ATTACKS.load(name)
    if not 0 < budget < math.inf:
        raise WrongUse(
            f"attack {name}, --budget",
            f"{budget:g}",
            f"a budget above 0, in its unit ({attack.NORM})",
            f"--budget {attack.BUDGET:g}",
        )


def confirmed(found: Tensor, task: Task) -> Outcome:
    """What a fresh forward of the user's module says, one picture at a time."""
    answers = torch.tensor([task.victim.answer_to(one) for one in found])
    fooled = answers != task.answers
    return Outcome(found, fooled, answers)


def within(found: Tensor, task: Task, norm: str) -> Tensor:
    """Changed pictures cut to the budget and to 0…1."""
    change = found.detach() - task.pictures
    if norm == "linf":
        change = change.clamp(-task.budget, task.budget)
    elif norm == "l2":
        length = change.flatten(1).norm(dim=1).clamp(min=1e-30).view(-1, 1, 1, 1)
        change = change * (task.budget / length).clamp(max=1)
    else:
        change = _fewest(change, int(task.budget))
    return (task.pictures + change).clamp(0, 1)


def _fewest(change: Tensor, pixels: int) -> Tensor:
    """The changes of the `pixels` pixels that changed most; the others are taken back."""
    sizes = change.abs().sum(dim=1).flatten(1)
    kept = torch.zeros_like(sizes).scatter_(1, sizes.topk(min(pixels, sizes.shape[1])).indices, 1.0)
    return change * kept.view(len(change), 1, *change.shape[2:])


@dataclass(frozen=True)
class Masking:
    """Whether slopes can be trusted: attacks by slope are blind where there are none."""

    flat: float
    """The share of pictures whose slope is exactly 0."""
    is_random: bool
    differs: float
    """The share of pictures where a step along the slope does not raise the loss."""

    @property
    def sentences(self) -> list[str]:
        """What must be said beside any robust accuracy."""
        told = []
        if self.flat > 0.02:
            told.append(
                f"The slope is exactly 0 for {100 * self.flat:.0f} % of the pictures: attacks by "
                "slope see nothing there, so their robust accuracy says nothing."
            )
        if self.is_random:
            told.append("The slope is another one each time: the forward is random.")
        if self.differs > 0.25:
            told.append(
                f"A small step along the slope does not raise the loss for "
                f"{100 * self.differs:.0f} % of the pictures: the slope is not the network's own."
            )
        return told


def masking(task: Task) -> Masking:
    """Is the slope there, the same each time, and does the loss rise along it?"""
    first, second = task.slope(task.pictures), task.slope(task.pictures)
    sizes = first.flatten(1).abs().amax(dim=1)
    step = 1e-3 * first.sign()
    before, after = (
        functional.cross_entropy(task.scores(one), task.answers, reduction="none")
        for one in (task.pictures, (task.pictures + step).clamp(0, 1))
    )
    moves = sizes > 0
    falls = (after <= before) & moves & (before > 1e-9)
    share = float(falls.sum()) / max(1, int(moves.sum()))
    return Masking(float((sizes == 0).double().mean()), not torch.equal(first, second), share)
