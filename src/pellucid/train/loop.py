"""The training loop: forward, loss, backward, step. All that learning is happens here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pellucid.base.errors import WrongUse
from pellucid.train.batches import Feed
from pellucid.train.hardening import Hardening
from pellucid.train.optimiser import WeightAverage, set_rate
from pellucid.train.recipe import Recipe
from pellucid.train.schedule import rate_at
from pellucid.train.task import Task
from pellucid.train.watcher import Training, Watcher

LOOK_EVERY = 20
"""Steps between two checks that the loss is still a number: each check waits for the device."""


@dataclass
class Loop:
    """All that one training needs at hand."""

    recipe: Recipe
    network: nn.Module
    """The network that is called: with several processes, the wrapped one."""
    task: Task
    feed: Feed
    optimiser: torch.optim.Optimizer
    average: WeightAverage | None
    watchers: Watcher
    training: Training
    autocast: torch.dtype | None
    after_step: Callable[[], bool]
    """Called after every step, for checkpoints; True asks to stop."""
    hardening: Hardening | None = None
    """Changes each batch to what the network reads worst, where the recipe asks for it."""

    def __post_init__(self) -> None:
        self.tally = Tally(self.training)

    def epoch(self) -> bool:
        """Train to the end of the epoch under way; False if it was asked to stop before."""
        recipe, task, network, now = self.recipe, self.task, self.network, self.training.progress
        steps = recipe.steps(self.feed.steps)
        stop = steps - now.epoch * self.feed.steps
        parameters = [weight for weight in network.parameters() if weight.requires_grad]
        tally = self.tally
        network.train()
        for inputs, targets in self.feed.epoch(now.epoch, now.done, stop):
            if self.hardening:
                inputs = self.hardening.harder(inputs, targets, now.step, steps)
            self.watchers.on_batch(self.training, inputs, targets)
            set_rate(self.optimiser, rate_at(now.step, steps, recipe))
            output, loss = self.forward(inputs, targets)
            self.watchers.on_loss(self.training, output, loss)
            loss.backward()  # type: ignore[no-untyped-call]
            if recipe.clip:
                torch.nn.utils.clip_grad_norm_(parameters, recipe.clip)
            self.watchers.on_backward(self.training)
            self.optimiser.step()
            if self.average:
                self.average.update(now.step)
            now.step += 1
            now.done += 1
            tally.add(loss.detach(), task.right(output.detach(), targets), len(inputs))
            self.watchers.on_step(self.training)
            for weight in parameters:
                weight.grad = None
            if self.after_step():
                return False
        tally.settle()
        return True

    def forward(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """The network's answer and its loss, in the recipe's precision."""
        if self.autocast is None:
            output = self.network(inputs)
            return output, self.task.loss(output, targets)
        with torch.autocast(inputs.device.type, dtype=self.autocast):
            output = self.network(inputs)
        output = output.float()
        return output, self.task.loss(output, targets)


class Tally:
    """The losses and right answers of an epoch, fetched from the device now and then.

    They are added one by one in their order, so that the sums have the same bits however often
    they are fetched in between.
    """

    def __init__(self, training: Training) -> None:
        self.training = training
        self.losses: list[Tensor] = []
        self.right: list[Tensor] = []

    def add(self, loss: Tensor, right: Tensor | None, count: int) -> None:
        """Take in one batch of `count` examples."""
        self.losses.append(loss)
        if right is not None:
            self.right.append(right)
        self.training.progress.seen += count
        if len(self.losses) >= LOOK_EVERY:
            self.settle()

    def settle(self) -> None:
        """Move the sums into the progress; raises `WrongUse` if the loss is no number."""
        now = self.training.progress
        if self.losses:
            for loss in torch.stack(self.losses).tolist():
                now.loss_sum += loss
        if self.right:
            now.right += sum(torch.stack(self.right).tolist())
        self.losses.clear()
        self.right.clear()
        if now.loss_sum - now.loss_sum != 0:
            raise diverged(self.training)


def diverged(training: Training) -> WrongUse:
    """The error for a loss that is not a number any more."""
    recipe, now = training.recipe, training.progress
    return WrongUse(
        f"training, epoch {now.epoch + 1}, step {now.step}",
        f"a loss that is not a finite number, at learning rate {recipe.learning_rate:g}",
        "a finite loss",
        f"lower the rate (--learning-rate {recipe.learning_rate / 10:g}), "
        "or clip the gradients (--set clip=1)",
    )
