"""A training in a process of its own, which the tests of survival start and kill."""

from __future__ import annotations

from pathlib import Path

import torch

from made import bars
from pellucid.train import keep
from pellucid.train.fit import Sitting, resume
from pellucid.train.recipe import Recipe
from pellucid.train.runs import Run

RECIPE = Recipe(
    dataset="bars",
    net="dense",
    batch_size=4,
    epochs=6,
    augment=("shift:1",),
    average=0.9,
)


def sit(folder: str) -> None:
    """One sitting in a process of its own: a new run, or one that is resumed."""
    torch.set_num_threads(1)
    keep.EVERY = 0.1  # checkpoints within an epoch, too
    path = Path(folder) / "run"
    if path.is_dir():
        resume(Run(path), dataset=bars())
    else:  # killed before there was a run
        Sitting(RECIPE, bars()).start(Path(folder), "run", [], look_at_test=True)
