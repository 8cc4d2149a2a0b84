"""Accuracy under attacks over budgets, and under corruptions over severities."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pellucid.base.errors import WrongUse
from pellucid.base.records import Record
from pellucid.base.seeds import named_seed
from pellucid.fool.attack import ATTACKS, CORRUPTIONS, Task, check_budget, confirmed, masking, run
from pellucid.fool.victim import Victim
from pellucid.train.metrics import wilson

SHARES = (0.25, 0.5, 1.0, 1.5, 2.0)
"""The budgets of a curve, as shares of the one asked for."""


@dataclass(frozen=True)
class Labelled:
    """A victim's pictures with their right answers."""

    victim: Victim
    truth: Tensor
    answers: Tensor

    @classmethod
    def of(cls, victim: Victim) -> Labelled:
        """Where a label is not known, the network's own answer counts as right."""
        answers = torch.cat([victim.scores(part) for part in torch.split(victim.pictures, 256)])
        own = answers.argmax(dim=1)
        truth = [int(own[place]) if one is None else one for place, one in enumerate(victim.labels)]
        return cls(victim, torch.tensor(truth), own)

    @property
    def right(self) -> Tensor:
        """Places of the pictures that are read rightly before any change."""
        return (self.truth == self.answers).nonzero().flatten()


def attacked(
    victim: Victim, name: str, budget: float | None = None, curve: bool = True, seed: int = 0
) -> Record:
    """The robust accuracy of one attack at its budget, and along a curve of budgets."""
    module, known = ATTACKS.load(name), Labelled.of(victim)
    chosen = float(module.BUDGET if budget is None else budget)
    check_budget(name, chosen)
    places = known.right
    if not len(places):
        raise WrongUse(
            f"attack {name}",
            "no picture that is read rightly",
            "some that an attack could spoil",
            "ask about more pictures: --count 100",
        )
    pictures, truth = victim.pictures[places], known.truth[places]
    rows, examples = [], []
    for one in _budgets(chosen, module.NORM, curve):
        outcome = run(name, Task(victim, pictures, truth, one, seed))
        held = len(places) - int(outcome.fooled.sum())
        rows.append({"budget": one, **_accuracy(held, len(victim.pictures))})
        if one == chosen:
            examples = _examples(victim, places, outcome.fooled, outcome.answers, truth)
    masked = masking(Task(victim, pictures, truth, chosen, seed))
    return {
        "attack": name,
        "norm": module.NORM,
        "budget": chosen,
        "clean": _accuracy(len(places), len(victim.pictures)),
        "curve": rows,
        "examples": examples,
        "masking": masked.sentences,
    }


def _budgets(chosen: float, norm: str, curve: bool) -> list[float]:
    if not curve:
        return [chosen]
    if norm == "pixels":
        return [float(one) for one in range(1, int(chosen) + 1)] or [chosen]
    return sorted({chosen * share for share in SHARES})


def _accuracy(right: int, total: int) -> Record:
    low, high = wilson(right, total)
    return {"accuracy": right / max(1, total), "low": low, "high": high, "examples": total}


def _examples(
    victim: Victim, places: Tensor, fooled: Tensor, answers: Tensor, truth: Tensor
) -> list[Record]:
    rows = zip(places.tolist(), fooled.tolist(), answers.tolist(), truth.tolist(), strict=True)
    return [
        {
            "index": victim.numbers[place],
            "label": victim.name_of(label),
            "becomes": victim.name_of(answer),
        }
        for place, is_fooled, answer, label in rows
        if is_fooled
    ]


def corrupted(victim: Victim, name: str, seed: int = 0) -> Record:
    """The accuracy under one corruption, severity by severity."""
    module, known = CORRUPTIONS.load(name), Labelled.of(victim)
    rows = []
    for severity, size in enumerate(module.SEVERITIES, start=1):
        chance = torch.Generator().manual_seed(named_seed(seed, "corruption", name, severity))
        changed = module.corrupt(victim.pictures, size, chance).clamp(0, 1)
        task = Task(victim, victim.pictures, known.truth, 1.0)
        right = len(changed) - int(confirmed(changed, task).fooled.sum())
        rows.append({"severity": severity, "size": size, **_accuracy(right, len(changed))})
    clean = _accuracy(len(known.right), len(victim.pictures))
    return {"corruption": name, "unit": module.UNIT, "clean": clean, "severities": rows}
