"""A recipe: every choice of a training by name."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from pellucid.base.errors import WrongUse, unknown_name
from pellucid.base.records import Record, to_json

Setting = str | int | float | bool

OPTIMISERS = ("sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw")
SCHEDULES = ("constant", "step", "cosine", "one-cycle")
AUGMENTATIONS = ("shift", "flip", "crop", "cutout", "warp")
PRECISIONS = ("auto", "float32", "bf16")
ADVERSARIES = {"pgd": ("linf", 0.1), "pgd-l2": ("l2", 1.0), "pixels": ("pixels", 1.0)}
"""What a network can be hardened against → norm and usual budget, in pictures of 0…1."""
BUDGETS = {
    "linf": "a budget above 0, at most 1 (values are 0 to 1; 8 of 255 levels are 0.031)",
    "l2": "a length above 0",
    "pixels": "a whole number of pixels, 1 or more",
}


@dataclass(frozen=True)
class Recipe:
    """Every choice of a training: hashable, printable, and two of them can be told apart.

    Two runs differ by `a.diff(b)`. Impossible values raise `WrongUse` at once.
    """

    dataset: str = "digits"
    net: str = "convnet"
    task: str = "classify"
    settings: tuple[tuple[str, Setting], ...] = ()
    """Choices that belong to the data set, the network or the task, e.g. `("noise", 0.5)`."""

    optimiser: str = "adamw"
    learning_rate: float = 0.003
    momentum: float = 0.9
    """Of SGD's velocity, or of Adam's first moment (β₁)."""
    second_moment: float = 0.99
    """Decay of the squared gradients' average in RMSprop and Adam (β₂)."""
    weight_decay: float = 0.01
    """On weights alone: norms and biases have none."""
    schedule: str = "one-cycle"
    warmup: float = 0.2
    """Share of all steps in which the rate rises from 1/25 of `learning_rate`."""
    step_every: int = 1
    """Epochs between two cuts of the `step` schedule."""
    step_factor: float = 0.7
    """What each cut of the `step` schedule multiplies the rate by."""
    batch_size: int = 128
    epochs: float = 10
    """Passes over the training data; a share of one is allowed (0.75)."""
    augment: tuple[str, ...] = ()
    """Changes to training pictures, with their size in pixels: `shift:2`, `flip`, `crop:4`, …"""
    adversarial: str = "none"
    """The attack on every training batch, with its budget: `pgd:0.1`, `pgd-l2:1`, `pixels:1`."""
    adversarial_steps: int = 7
    """Steps of that attack; of `pixels` the places that are tried for each pixel."""
    label_smoothing: float = 0.0
    clip: float = 0.0
    """Largest norm of all gradients together; 0 is no limit."""
    average: float = 0.0
    """Decay a step of the moving average of the weights; 0 is none."""
    patience: int = 0
    """Epochs without a better validation value until training stops; 0 is never."""
    until: float = 0.0
    """Validation value at which training stops; 0 is never."""
    seed: int = 0
    device: str = "auto"
    threads: int = 0
    """Of the processor; 0 is one for small networks and PyTorch's own choice for others."""
    precision: str = "auto"

    def __post_init__(self) -> None:
        _check_names(self)
        _check_numbers(self)
        if self.epochs == int(self.epochs):
            object.__setattr__(self, "epochs", int(self.epochs))
        for word in self.augment:
            parse_augmentation(word)
        parse_adversarial(self.adversarial)

    def steps(self, per_epoch: int) -> int:
        """Steps in all, where an epoch has `per_epoch`."""
        return math.ceil(self.epochs * per_epoch)

    @property
    def options(self) -> dict[str, Setting]:
        """`settings` as a dictionary."""
        return dict(self.settings)

    def with_changes(self, changes: Mapping[str, Any]) -> Recipe:
        """This recipe with fields or settings of other values."""
        names = {field.name for field in fields(self)}
        own = {name: value for name, value in changes.items() if name in names}
        extra = {name: value for name, value in changes.items() if name not in names}
        options = {**self.options, **dict(own.pop("settings", ())), **extra}
        return replace(self, settings=tuple(sorted(options.items())), **own)

    def diff(self, other: Recipe) -> dict[str, tuple[Any, Any]]:
        """What differs: name → (value here, value there); settings count one by one."""
        here, there = self._flat(), other._flat()
        return {
            name: (here.get(name), there.get(name))
            for name in {**here, **there}
            if here.get(name) != there.get(name)
        }

    def fingerprint(self) -> str:
        """Twelve hexadecimal digits that are the same for equal recipes, on every machine."""
        return hashlib.sha256(to_json(self.as_record()).encode()).hexdigest()[:12]

    def as_record(self) -> Record:
        """The recipe as plain JSON values."""
        return {**asdict(self), "settings": self.options, "augment": list(self.augment)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Recipe:
        """The recipe that `as_record` wrote."""
        names = {field.name for field in fields(cls)}
        known = {name: value for name, value in record.items() if name in names}
        known["settings"] = tuple(sorted(dict(known.get("settings", {})).items()))
        known["augment"] = tuple(known.get("augment", ()))
        return cls(**known)

    def _flat(self) -> dict[str, Any]:
        record = self.as_record()
        return {**record.pop("settings"), **record}


def of_task(task: str) -> str:
    """`, denoise`: what follows network and data where the task is not the usual one."""
    return "" if task == "classify" else f", {task}"


def parse_augmentation(word: str) -> tuple[str, float]:
    """`shift:2` → ("shift", 2.0); a word without a size gets the usual one."""
    name, _, size = word.partition(":")
    usual = {"shift": 2.0, "flip": 0.5, "crop": 4.0, "cutout": 8.0, "warp": 10.0}
    if name not in usual:
        raise unknown_name("augmentation", name, AUGMENTATIONS)
    try:
        value = float(size) if size else usual[name]
    except ValueError as error:
        raise WrongUse(
            f"augmentation {name}", f"size {size!r}", "a number", f"write {name}:{usual[name]:g}"
        ) from error
    return name, value


def parse_adversarial(word: str) -> tuple[str, float] | None:
    """`pgd:0.1` → ("pgd", 0.1); a word without a budget gets the usual one; None for `none`."""
    name, _, size = word.partition(":")
    if word == "none":
        return None
    if name not in ADVERSARIES:
        raise _no_budget(word, "none, or an attack with its budget: pgd, pgd-l2 or pixels", "pgd")
    norm, usual = ADVERSARIES[name]
    try:
        budget = float(size) if size else usual
    except ValueError:
        budget = math.nan
    too_much = (norm == "linf" and budget > 1) or (norm == "pixels" and bool(budget % 1))
    if not 0 < budget < math.inf or too_much:
        raise _no_budget(word, BUDGETS[norm], name)
    return name, budget


def _no_budget(word: str, expected: str, name: str) -> WrongUse:
    usual = f"for example adversarial={name}:{ADVERSARIES[name][1]:g}"
    return WrongUse("recipe, adversarial", repr(word), expected, usual)


def _check_names(recipe: Recipe) -> None:
    for kind, name, names in (
        ("optimiser", recipe.optimiser, OPTIMISERS),
        ("schedule", recipe.schedule, SCHEDULES),
        ("precision", recipe.precision, PRECISIONS),
    ):
        if name not in names:
            raise unknown_name(kind, name, names)


_RANGES: dict[str, tuple[float, float, str]] = {
    "learning_rate": (1e-12, 1e6, "a rate above 0, e.g. 0.003"),
    "momentum": (0, 0.9999999, "a share from 0 to below 1"),
    "second_moment": (0, 0.9999999, "a share from 0 to below 1"),
    "weight_decay": (0, 1e6, "0 or more"),
    "warmup": (0, 1, "a share of the steps, 0 to 1"),
    "step_every": (1, 10**9, "1 epoch or more"),
    "step_factor": (1e-9, 1, "a factor above 0, at most 1"),
    "batch_size": (1, 10**9, "1 example or more"),
    "epochs": (1e-6, 10**9, "more than 0, e.g. 10"),
    "adversarial_steps": (1, 10**6, "1 step or more"),
    "label_smoothing": (0, 0.999, "a share from 0 to below 1"),
    "clip": (0, 1e12, "0 (no limit) or a norm above 0"),
    "average": (0, 0.9999999, "a share from 0 to below 1"),
    "patience": (0, 10**9, "0 (never stop early) or a number of epochs"),
    "until": (-1e9, 1e9, "a validation value, e.g. 0.99, or 0 (never)"),
    "threads": (0, 4096, "0 (as suits the network) or a number of threads"),
    "seed": (0, 2**63 - 1, "a whole number, 0 or more"),
}


def _check_numbers(recipe: Recipe) -> None:
    for name, (low, high, expected) in _RANGES.items():
        value = getattr(recipe, name)
        whole = isinstance(getattr(Recipe, name), int) and name != "epochs"
        right = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        if not right or not math.isfinite(value) or not low <= value <= high:
            found = f"{value:g}" if isinstance(value, float) else repr(value)
            usual = f"{getattr(Recipe, name):g}"
            raise WrongUse(f"recipe, {name}", found, expected, f"for example {name}={usual}")
