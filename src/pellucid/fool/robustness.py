"""Accuracy under attacks over budgets, and under corruptions over severities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from pellucid.base.errors import WrongUse
from pellucid.base.records import Record
from pellucid.base.seeds import named_seed
from pellucid.fool.attack import ATTACKS, CORRUPTIONS, Task, check_budget, confirmed, masking, run
from pellucid.fool.showing import levels
from pellucid.fool.victim import Victim
from pellucid.train.metrics import wilson

SHARES = (0.25, 0.5, 1.0, 1.5, 2.0)
"""The budgets of a curve, as shares of the one asked for."""
AT_ONCE = {"linf": 50, "l2": 50, "pixels": 1}
"""Pictures that are attacked together: what is done is kept if the rest is stopped."""
LOOKED_AT = 200
"""Pictures whose slopes are looked at before any accuracy is told."""

Tell = Callable[[int, int], None]


def _silent(done: int, total: int) -> None:
    """Tell nobody."""


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
        """Whether each picture is read rightly before any change."""
        return self.truth == self.answers


@dataclass
class Tried:
    """What came of an attack or a corruption: for each size of it, which pictures stood it.

    `held` has a row a picture of the first `done`; where it was stopped, that is not all of them.
    """

    title: str
    sizes: list[float]
    right: Tensor
    held: Tensor
    answers: Tensor
    """What each of the pictures was read as at each size: (picture, size)."""
    at: int
    """The place of the size that `changed` is about."""
    changed: Tensor
    """The pictures that were done, as they were changed at that size."""
    stopped: bool = False

    @property
    def done(self) -> int:
        """Pictures that were asked about at every size in `sizes`."""
        return len(self.held)

    def rows(self, name: str) -> list[Record]:
        """The accuracy at each size."""
        held = self.held.sum(dim=0).tolist()
        return [
            {name: size, **_accuracy(right, self.done)}
            for size, right in zip(self.sizes, held, strict=True)
        ]

    @property
    def clean(self) -> Record:
        """The accuracy without any change."""
        return _accuracy(int(self.right[: self.done].sum()), self.done)


@dataclass(frozen=True)
class Attacking:
    """One attack, as it was asked for."""

    name: str
    budget: float | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    curve: bool = True
    seed: int = 0

    @property
    def chosen(self) -> float:
        """The budget that was asked for, or the attack's usual one."""
        return float(ATTACKS.load(self.name).BUDGET if self.budget is None else self.budget)

    @property
    def norm(self) -> str:
        """The unit of its budget."""
        norm: str = ATTACKS.load(self.name).NORM
        return norm

    @property
    def budgets(self) -> list[float]:
        """The one asked for, and what lies around it on the curve."""
        if not self.curve:
            return [self.chosen]
        if self.norm == "pixels" and self.chosen <= len(SHARES):
            return [float(one) for one in range(1, int(self.chosen) + 1)]
        around = {self.chosen * share for share in SHARES}
        if self.norm == "pixels":
            around = {float(round(one)) for one in around if one <= self.chosen}
        most = 1.0 if self.norm == "linf" else float("inf")  # values are 0 to 1
        return sorted({min(one, most) for one in around})

    def on(self, victim: Victim, tell: Tell = _silent) -> Tried:
        """Attack a few pictures after the other, each at every budget.

        Ctrl-C ends it: the pictures that were done by then are kept, if there are any.
        """
        check_budget(self.name, self.chosen)
        self._check_pixels(victim)
        known, total = Labelled.of(victim), len(victim.pictures)
        if not bool(known.right.any()):
            raise _nothing_to_spoil(self.name)
        parts: list[tuple[Tensor, Tensor, Tensor]] = []
        stopped, size = False, AT_ONCE[self.norm]
        try:
            for first in range(0, total, size):
                parts.append(self._part(known, slice(first, first + size)))
                tell(min(first + size, total), total)
        except KeyboardInterrupt:
            if not parts:
                raise
            stopped = True
        held, answers, changed = (torch.cat(many) for many in zip(*parts, strict=True))
        at = self.budgets.index(self.chosen)
        return Tried(self.name, self.budgets, known.right, held, answers, at, changed, stopped)

    def _check_pixels(self, victim: Victim) -> None:
        """Refuse to change more pixels than there are."""
        _, _, height, width = victim.pictures.shape
        if self.norm == "pixels" and self.chosen > height * width:
            raise WrongUse(
                f"attack {self.name}, --budget",
                f"{self.chosen:g} pixels",
                f"at most {height * width}, which is all of a picture",
                "--budget 2",
            )

    def _part(self, known: Labelled, part: slice) -> tuple[Tensor, Tensor, Tensor]:
        """For some pictures: which hold and what they are read as, (picture, budget) each; and
        what became of them within the budget that was asked for."""
        changed = known.victim.pictures[part].clone()
        own = known.answers[part]
        right = known.right[part].nonzero().flatten()
        answers = own[:, None].repeat(1, len(self.budgets))
        if len(right):
            pictures, truth = known.victim.pictures[part][right], known.truth[part][right]
            seed = named_seed(self.seed, "part", part.start)
            for column, budget in enumerate(self.budgets):
                task = Task(known.victim, pictures, truth, budget, seed, self.settings)
                outcome = run(self.name, task)
                answers[right, column] = outcome.answers
                if budget == self.chosen:
                    changed[right] = outcome.pictures
        return answers == known.truth[part][:, None], answers, changed

    def record(self, victim: Victim, tried: Tried) -> Record:
        """Accuracy over budgets, the pictures that gave in, and what is to be said of slopes."""
        known = Labelled.of(victim)
        some = known.right[: tried.done].nonzero().flatten()[:LOOKED_AT]
        told: list[str] = []
        if len(some):
            task = Task(victim, victim.pictures[some], known.truth[some], self.chosen, self.seed)
            told = masking(task).sentences
        return {
            "attack": self.name,
            "norm": self.norm,
            "budget": self.chosen,
            "settings": self.settings,
            "stopped": tried.stopped,
            "clean": tried.clean,
            "curve": tried.rows("budget"),
            "examples": examples(known, tried),
            "masking": told,
        }


def gave_in(known: Labelled, tried: Tried) -> list[int]:
    """Places of the pictures that were read rightly and no more at the size of `changed`."""
    fell = known.right[: tried.done] & ~tried.held[:, tried.at]
    places: list[int] = fell.nonzero().flatten().tolist()
    return places


def examples(known: Labelled, tried: Tried) -> list[Record]:
    """The pictures that are read otherwise: at the budget asked for, or the worst severity."""
    victim = known.victim
    return [
        {
            "index": victim.numbers[place],
            "label": victim.name_of(int(known.truth[place])),
            "becomes": victim.name_of(int(tried.answers[place, tried.at])),
        }
        for place in gave_in(known, tried)
    ]


def drawable(victim: Victim, tried: Tried, most: int) -> list[Record]:
    """The first of `examples` with their levels before and after, row after row."""
    known = Labelled.of(victim)
    places = gave_in(known, tried)[:most]
    return [
        {**one, "before": levels(victim.pictures[place]), "after": levels(tried.changed[place])}
        for one, place in zip(examples(known, tried), places, strict=False)
    ]


def _nothing_to_spoil(name: str) -> WrongUse:
    return WrongUse(
        f"attack {name}",
        "no picture that is read rightly",
        "some that an attack could spoil",
        "ask about more pictures: --count 100",
    )


def attacked(
    victim: Victim, name: str, budget: float | None = None, curve: bool = True, seed: int = 0
) -> Record:
    """The robust accuracy of one attack at its budget, and along a curve of budgets."""
    attacking = Attacking(name, budget, {}, curve, seed)
    return attacking.record(victim, attacking.on(victim))


def _accuracy(right: int, total: int) -> Record:
    low, high = wilson(right, total)
    return {"accuracy": right / max(1, total), "low": low, "high": high, "examples": total}


@dataclass(frozen=True)
class Corrupting:
    """One corruption, in all its severities."""

    name: str
    seed: int = 0

    def on(self, victim: Victim, tell: Tell = _silent) -> Tried:
        """One severity after the other; Ctrl-C ends it, and those that were done are kept."""
        module, known = CORRUPTIONS.load(self.name), Labelled.of(victim)
        answers: list[Tensor] = []
        last, stopped = victim.pictures, False
        try:
            for severity, size in enumerate(module.SEVERITIES, start=1):
                chance = torch.Generator().manual_seed(
                    named_seed(self.seed, "corruption", self.name, severity)
                )
                changed = module.corrupt(victim.pictures, size, chance).clamp(0, 1)
                task = Task(victim, victim.pictures, known.truth, 1.0)
                answers.append(confirmed(changed, task).answers)
                last = changed
                tell(severity, len(module.SEVERITIES))
        except KeyboardInterrupt:
            if not answers:
                raise
            stopped = True
        read = torch.stack(answers, dim=1)
        sizes = [float(one) for one in module.SEVERITIES[: len(answers)]]
        held = read == known.truth[:, None]
        at = len(sizes) - 1
        return Tried(self.name, sizes, known.right, held, read, at, last, stopped)

    def record(self, victim: Victim, tried: Tried) -> Record:
        """Accuracy over severities."""
        rows = [{"severity": place, **row} for place, row in enumerate(tried.rows("size"), start=1)]
        return {
            "corruption": self.name,
            "unit": CORRUPTIONS.load(self.name).UNIT,
            "stopped": tried.stopped,
            "clean": tried.clean,
            "severities": rows,
            "examples": examples(Labelled.of(victim), tried),
        }


def corrupted(victim: Victim, name: str, seed: int = 0) -> Record:
    """The accuracy under one corruption, severity by severity."""
    corrupting = Corrupting(name, seed)
    return corrupting.record(victim, corrupting.on(victim))
