"""Batches by index from arrays in memory.

No DataLoader: for data that fit into memory it costs more than the training step of a small
network. Examples are gathered, changed and prepared a few thousand at once, and batches are cut
from that.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from pellucid.base.errors import WrongUse
from pellucid.base.seeds import named_seed
from pellucid.data.dataset import Split
from pellucid.train.augment import augment
from pellucid.train.recipe import Recipe
from pellucid.train.task import Task

CHUNK = 1 << 21
"""Numbers prepared at once: 8 MB of float32, which stay in the processor's cache."""


class Feed:
    """The training examples on their device, in an order that seed and epoch alone decide.

    With several processes each takes every `world`-th example of every batch, from `rank` on.
    """

    def __init__(
        self,
        split: Split,
        task: Task,
        recipe: Recipe,
        device: torch.device,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        if recipe.batch_size > len(split):
            raise WrongUse(
                "batch size",
                f"{recipe.batch_size} with {len(split)} training examples",
                "a batch no larger than the data",
                f"--batch-size {max(1, len(split) // 2)}",
            )
        if recipe.batch_size < world:
            raise WrongUse(
                "batch size",
                f"{recipe.batch_size} for {world} processes",
                "an example or more for each of them",
                f"--batch-size {world}",
            )
        self.inputs = torch.from_numpy(split.inputs).to(device)
        self.labels = torch.from_numpy(split.labels).to(device)
        self.task, self.recipe, self.device = task, recipe, device
        self.rank, self.world = rank, world
        self.steps = len(split) // recipe.batch_size
        """Steps an epoch: the few examples that fill no batch wait for another epoch's order."""

    def epoch(
        self, epoch: int, start: int = 0, stop: int | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """(inputs, targets) for each step of `epoch` from `start` up to `stop`, or to its end."""
        size, seed = self.recipe.batch_size, self.recipe.seed
        chance = torch.Generator().manual_seed(named_seed(seed, "order", epoch))
        order = torch.randperm(len(self.inputs), generator=chance).to(self.device)
        numbers = self.inputs[0].numel() * size
        together = max(1, CHUNK // numbers)
        last = self.steps if stop is None else min(stop, self.steps)
        for first in range(start - start % together, last, together):
            chosen = order[first * size : min(first + together, self.steps) * size]
            inputs, targets = self._prepare(chosen, named_seed(seed, "change", epoch, first))
            batches = zip(torch.split(inputs, size), torch.split(targets, size), strict=True)
            for step, (question, answer) in enumerate(batches, start=first):
                if start <= step < last:
                    yield self.share(question), self.share(answer)

    def _prepare(self, chosen: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        chance = torch.Generator(self.device).manual_seed(seed)
        examples = self.inputs.index_select(0, chosen)
        if self.recipe.augment:
            examples = augment(examples, self.recipe.augment, chance)
        inputs = self.task.prepare(examples)
        return self.task.pose(inputs, self.labels.index_select(0, chosen), chance)

    def share(self, batch: Tensor) -> Tensor:
        """This process's examples of a whole batch."""
        return batch if self.world == 1 else batch[self.rank :: self.world]
