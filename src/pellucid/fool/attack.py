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
from pellucid.train import perturb
from pellucid.train.masking import Masking
from pellucid.train.masking import masking as look_for_masking
from pellucid.train.recipe import BUDGETS

ATTACKS = Catalog("attack", "fool.attacks")
CORRUPTIONS = Catalog("corruption", "fool.corruptions")


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
            if not loss.requires_grad:  # as under no_grad: there is no slope, which is told
                return torch.zeros_like(pictures)
            (slope,) = torch.autograd.grad(loss, given, allow_unused=True)
        return torch.zeros_like(pictures) if slope is None else slope

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


def settings_for(name: str, steps: int | None, restarts: int | None) -> dict[str, Any]:
    """What was asked for of an attack's own settings.

    Raises `WrongUse` for a number below 1, and for a setting that the attack has not.
    """
    attack, asked = ATTACKS.load(name), {"steps": steps, "restarts": restarts}
    chosen = {key: value for key, value in asked.items() if value is not None}
    for key, value in chosen.items():
        if not hasattr(attack, key.upper()):
            knowing = [one for one in ATTACKS.names() if hasattr(ATTACKS.load(one), key.upper())]
            raise WrongUse(
                f"attack {name}, --{key}",
                str(value),
                f"no --{key}: it has none",
                f"leave --{key} out, or take one that has {key}: {', '.join(knowing)}",
            )
        if value < 1:
            usual = getattr(attack, key.upper())
            raise WrongUse(f"attack {name}, --{key}", str(value), "1 or more", f"--{key} {usual}")
    return chosen


def check_budget(name: str, budget: float) -> None:
    """Refuse a budget that is no number above 0, or no whole number of pixels."""
    attack = ATTACKS.load(name)
    too_much = (attack.NORM == "linf" and budget > 1) or (attack.NORM == "pixels" and budget % 1)
    if not 0 < budget < math.inf or too_much:
        raise WrongUse(
            f"attack {name}, --budget",
            f"{budget:g}",
            BUDGETS[attack.NORM],
            f"--budget {attack.BUDGET:g}",
        )


def confirmed(found: Tensor, task: Task) -> Outcome:
    """What a fresh forward of the user's module says, one picture at a time."""
    answers = torch.tensor([task.victim.answer_to(one) for one in found])
    fooled = answers != task.answers
    return Outcome(found, fooled, answers)


def within(found: Tensor, task: Task, norm: str) -> Tensor:
    """Changed pictures cut to the budget and to 0…1."""
    return perturb.within(found, task.pictures, task.budget, norm)


def climbed(task: Task, norm: str, step: float, steps: int, restarts: int) -> Tensor:
    """Projected gradient descent (PGD), tried `restarts` times where it failed before.

    The first changed picture of each that is answered otherwise, else the last one tried.
    """
    best = task.pictures.clone()
    is_open = torch.ones(len(best), dtype=torch.bool)
    steps = int(task.settings.get("steps", steps))
    step = float(task.settings.get("step", step))
    for restart in range(int(task.settings.get("restarts", restarts))):
        start = perturb.random_change(
            best.shape, task.budget, norm, task.chance("pgd", str(restart))
        )
        found = perturb.climb(
            task.pictures,
            task.pictures + start,
            task.slope,
            task.budget,
            norm,
            step,
            steps,
        )
        best[is_open] = found[is_open]
        is_open &= task.lead(best) >= 0
    return best


def masking(task: Task) -> Masking:
    """Is the slope there, the same each time, and does the loss rise along it?"""

    def loss(pictures: Tensor) -> Tensor:
        return functional.cross_entropy(task.scores(pictures), task.answers, reduction="none")

    return look_for_masking(task.pictures, task.slope, loss)
