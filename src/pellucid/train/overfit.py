"""Can it learn a few examples by heart? The best single debugging switch.

A network, loss and optimiser that are wired rightly learn eight examples perfectly within a few
hundred steps. If they cannot, look for a mistake before you look for better settings.
"""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
from torch import nn

from pellucid.base.errors import WrongUse
from pellucid.base.records import Record
from pellucid.data.dataset import Split
from pellucid.train.batches import Feed
from pellucid.train.optimiser import make_optimiser
from pellucid.train.recipe import Recipe
from pellucid.train.task import Task, make_task

STEPS = 500
"""Steps to try before it is said that the examples cannot be learned."""
SMALL = 0.05
"""Where nothing is right or wrong: the loss must fall to this share of its first value."""


@dataclass(frozen=True)
class ByHeart:
    """How the attempt went."""

    examples: int
    learned: bool
    steps: int
    first_loss: float
    last_loss: float
    right: int | None
    """Examples answered rightly at the end; None where nothing is right or wrong."""

    def as_record(self) -> Record:
        """As plain JSON values."""
        return asdict(self)


def by_heart(
    network: nn.Module, task: Task, split: Split, recipe: Recipe, count: int, device: torch.device
) -> ByHeart:
    """Train a copy of the network on `count` examples, one batch, with the recipe's optimiser.

    The rate is constant; dropout, augmentation, attacks, weight decay and label smoothing are off.
    """
    if not 1 <= count <= len(split):
        raise WrongUse(
            "--overfit", f"{count} examples", f"1 to {len(split)} examples", "--overfit 8"
        )
    plain = _plain(recipe, count)
    task = make_task(plain, task.data)
    network = copy.deepcopy(network).train()
    for module in network.modules():
        if isinstance(module, nn.Dropout | nn.Dropout1d | nn.Dropout2d | nn.Dropout3d):
            module.p = 0.0
    feed = Feed(split.take(_different(split, count)), task, plain, device)
    optimiser = make_optimiser(network, plain)
    (inputs, targets), *_ = feed.epoch(0)
    losses, right, step = [], None, 0
    for step in range(1, STEPS + 1):
        network.zero_grad()
        output = network(inputs)
        loss = task.loss(output, targets)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(float(loss.detach()))
        answers = task.right(output.detach(), targets)
        right = None if answers is None else int(answers)
        if losses[-1] <= SMALL * losses[0] and right in (None, count):
            return ByHeart(count, True, step, losses[0], losses[-1], right)
    return ByHeart(count, False, step, losses[0], losses[-1], right)


def _plain(recipe: Recipe, count: int) -> Recipe:
    """The recipe without all that keeps a network from learning by heart."""
    return replace(
        recipe,
        batch_size=count,
        augment=(),
        adversarial="none",
        weight_decay=0.0,
        label_smoothing=0.0,
        schedule="constant",
        warmup=0.0,
    )


def _different(split: Split, count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Places of `count` examples that take turns among the classes."""
    if split.labels.ndim > 1:
        return np.arange(count)
    turn = np.zeros(len(split), np.int64)
    for label in np.unique(split.labels):
        members = np.flatnonzero(split.labels == label)
        turn[members] = np.arange(len(members))
    return np.argsort(turn, kind="stable")[:count]
