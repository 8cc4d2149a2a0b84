"""Hardening: every training batch is changed, within a budget, to what the network reads worst.

Formula:  min over weights of E[ max over |change| ≤ budget of loss(network(x + change), y) ]
Source:   Madry et al. 2018, Towards deep learning models resistant to adversarial attacks; with
          one step: Wong, Rice, Kolter 2020, Fast is better than free

The batch is attacked in eval mode: dropout and batch norm draw and keep nothing of it. What is
told of a network's robustness is always measured on pictures that it was not trained on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from pellucid.base.errors import WrongUse
from pellucid.base.records import Record
from pellucid.base.seeds import named_seed
from pellucid.data.dataset import Split
from pellucid.train.evaluate import BATCH, question
from pellucid.train.masking import masking
from pellucid.train.metrics import wilson
from pellucid.train.perturb import climb, random_change, within, worse_pixel
from pellucid.train.recipe import ADVERSARIES, Recipe, parse_adversarial
from pellucid.train.task import Task, channel_constants

JUDGED = 1000
"""Pictures of a split, from its first on, on which robustness is judged."""
JUDGING_STEPS = 20
"""Steps of the attack there: more than in training, so that it is not what was trained against."""


@dataclass
class Adversary:
    """The recipe's attack on one network, for inputs as the task `classify` prepares them."""

    network: nn.Module
    task: Task
    name: str
    norm: str
    budget: float
    autocast: torch.dtype | None = None

    def __post_init__(self) -> None:
        self.mean, self.std = channel_constants(self.task.data)

    def unit(self, inputs: Tensor) -> Tensor:
        """Prepared inputs as pictures in 0…1."""
        return inputs * self.std.to(inputs) + self.mean.to(inputs)

    def prepared(self, pictures: Tensor) -> Tensor:
        """Pictures in 0…1 as the task prepares them."""
        return (pictures - self.mean.to(pictures)) / self.std.to(pictures)

    def against(
        self, inputs: Tensor, targets: Tensor, start: Tensor, budget: float, steps: int
    ) -> Tensor:
        """Inputs changed within `budget`, in as many steps, from inputs + `start` on."""
        pictures = self.unit(inputs)
        with judged_alone(self.network):
            if self.norm == "pixels":
                found = self._pixels(pictures, targets, int(budget), steps)
            else:
                step = budget * min(1.25, 2.5 / steps)
                found = climb(
                    pictures,
                    pictures + start.to(pictures),
                    self.slope_for(targets),
                    budget,
                    self.norm,
                    step,
                    steps,
                )
        return self.prepared(found).to(inputs.dtype)

    def _pixels(self, pictures: Tensor, targets: Tensor, pixels: int, candidates: int) -> Tensor:
        found = pictures
        for _ in range(pixels):
            found = worse_pixel(found, self.slope_for(targets), self.loss_for(targets), candidates)
        return within(found, pictures, pixels, self.norm)

    def slope_for(self, targets: Tensor) -> Callable[[Tensor], Tensor]:
        """Pictures in 0…1 → the slope of the cross entropy of each; no weight gets a gradient."""

        def slope(pictures: Tensor) -> Tensor:
            with torch.enable_grad():
                given = pictures.detach().requires_grad_(True)
                loss = functional.cross_entropy(self._scores(given), targets, reduction="sum")
                (found,) = torch.autograd.grad(loss, given)
            return found

        return slope

    def loss_for(self, targets: Tensor) -> Callable[[Tensor], Tensor]:
        """Pictures in 0…1 → the cross entropy of each."""

        @torch.no_grad()
        def loss(pictures: Tensor) -> Tensor:
            return functional.cross_entropy(self._scores(pictures), targets, reduction="none")

        return loss

    def _scores(self, pictures: Tensor) -> Tensor:
        inputs = self.prepared(pictures)
        if self.autocast is None:
            scores: Tensor = self.network(inputs)
            return scores.double()  # in float32 the slope of a sure answer is exactly 0
        with torch.autocast(inputs.device.type, dtype=self.autocast):
            scores = self.network(inputs)
        return scores.double()


@contextmanager
def judged_alone(network: nn.Module) -> Iterator[None]:
    """Inside the block the network is in eval mode; afterwards each part is as it was.

    CuDNN has no backward pass of recurrent layers in eval mode, PyTorch's own kernels have.
    """
    modes = [(part, part.training) for part in network.modules()]
    recurs = any(isinstance(part, nn.RNNBase) for part, _ in modes)
    network.eval()
    try:
        with torch.backends.cudnn.flags(enabled=torch.backends.cudnn.enabled and not recurs):
            yield
    finally:
        for part, mode in modes:
            part.training = mode


def adversary_of(
    recipe: Recipe, network: nn.Module, task: Task, autocast: torch.dtype | None = None
) -> Adversary | None:
    """The attack that the recipe names; None if it names none.

    Raises `WrongUse` for a task whose inputs are no pictures with one right answer.
    """
    parsed = parse_adversarial(recipe.adversarial)
    if parsed is None:
        return None
    if recipe.task != "classify":
        raise WrongUse(
            f"recipe, adversarial={recipe.adversarial}",
            f"the task {task.name}",
            "the task classify: an attack changes a picture until it is read wrongly",
            "leave adversarial out, or choose --task classify",
        )
    name, budget = parsed
    return Adversary(network, task, name, ADVERSARIES[name][0], budget, autocast)


@dataclass
class Hardening:
    """Attacks the batches of a training, each from a random start of its own."""

    adversary: Adversary
    recipe: Recipe
    share: Callable[[Tensor], Tensor]
    """This process's examples of a whole batch."""

    def harder(self, inputs: Tensor, targets: Tensor, step: int, steps: int) -> Tensor:
        """The batch of step `step` of `steps`, as the network reads it worst."""
        attack, recipe = self.adversary, self.recipe
        chance = torch.Generator().manual_seed(named_seed(recipe.seed, "adversarial", step))
        budget = self.budget_at(step, steps)
        whole = (recipe.batch_size, *inputs.shape[1:])
        start = self.share(random_change(whole, budget, attack.norm, chance))
        return attack.against(inputs, targets, start, budget, recipe.adversarial_steps)

    def budget_at(self, step: int, steps: int) -> float:
        """It rises along with the learning rate, and then stays; pixels are not shared out.

        From the first step on, the whole of a large budget can keep a network from learning at all.
        """
        rising = round(self.recipe.warmup * steps)
        if self.adversary.norm == "pixels" or step >= rising:
            return self.adversary.budget
        return self.adversary.budget * (step + 1) / rising


def robustness(adversary: Adversary, split: Split, device: torch.device, seed: int = 0) -> Record:
    """The share of the first 1,000 pictures that are read rightly before and after the attack.

    With `masking`: what must be said of the slopes beside it.
    """
    some = split.take(slice(0, JUDGED))
    held, told = 0, []
    for first in range(0, len(some), BATCH):
        inputs, targets = question(adversary.task, some, first, device, seed)
        chance = torch.Generator().manual_seed(named_seed(seed, "robustness", first))
        start = random_change(inputs.shape, adversary.budget, adversary.norm, chance)
        found = adversary.against(inputs, targets, start, adversary.budget, JUDGING_STEPS)
        with judged_alone(adversary.network), torch.no_grad():
            right = [adversary.network(one).argmax(1) == targets for one in (inputs, found)]
            held += int((right[0] & right[1]).sum())
            if not first:
                told = _masked(adversary, inputs, targets)
    low, high = wilson(held, len(some))
    return {
        "attack": adversary.name,
        "norm": adversary.norm,
        "budget": adversary.budget,
        "steps": JUDGING_STEPS,
        "accuracy": held / max(1, len(some)),
        "low": low,
        "high": high,
        "examples": len(some),
        "masking": told,
    }


def _masked(adversary: Adversary, inputs: Tensor, targets: Tensor) -> list[str]:
    pictures = adversary.unit(inputs)
    return masking(pictures, adversary.slope_for(targets), adversary.loss_for(targets)).sentences
