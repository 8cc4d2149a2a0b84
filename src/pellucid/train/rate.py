"""The learning-rate range test: raise the rate step by step until the loss goes up.

Source: Smith 2017, Cyclical Learning Rates for Training Neural Networks. The suggestion is the
rate at which the loss falls most steeply, divided by √10 to keep a distance from the edge.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import torch
from torch import nn

from pellucid.base.errors import WrongUse
from pellucid.base.records import Record
from pellucid.train.batches import Feed
from pellucid.train.hardening import Hardening, adversary_of
from pellucid.train.optimiser import make_optimiser, set_rate
from pellucid.train.recipe import Recipe
from pellucid.train.task import Task

LOWEST, HIGHEST, STEPS = 1e-6, 10.0, 120
SMOOTH = 0.9
"""Share of the past in the running mean of the loss."""
TOO_HIGH = 4.0
"""The test ends when the loss is this many times the best seen."""


@dataclass(frozen=True)
class RangeTest:
    """The loss over the rate, and the rate to take."""

    rates: list[float]
    losses: list[float]
    suggestion: float

    def as_record(self) -> Record:
        """As `--json` tells it."""
        pairs = zip(self.rates, self.losses, strict=True)
        points = [{"rate": rate, "loss": loss} for rate, loss in pairs]
        return {"points": points, "suggestion": self.suggestion}


def range_test(network: nn.Module, task: Task, feed: Feed, recipe: Recipe) -> RangeTest:
    """Train a copy of the network for at most 120 steps with rates from 1e-6 to 10.

    Raises `WrongUse` if the loss never falls.
    """
    network = copy.deepcopy(network).train()
    optimiser = make_optimiser(network, recipe)
    adversary = adversary_of(recipe, network, task)
    hardening = Hardening(adversary, recipe, feed.share) if adversary else None
    rates: list[float] = []
    losses: list[float] = []
    mean = 0.0
    step = 0
    for epoch in range(math.ceil(STEPS / feed.steps)):
        for inputs, targets in feed.epoch(epoch):
            rate = LOWEST * (HIGHEST / LOWEST) ** (step / (STEPS - 1))
            set_rate(optimiser, rate)
            if hardening:  # with the whole budget, as after the warm-up
                inputs = hardening.harder(inputs, targets, step, steps=0)
            network.zero_grad()
            loss = task.loss(network(inputs), targets)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            mean = SMOOTH * mean + (1 - SMOOTH) * float(loss.detach())
            smoothed = mean / (1 - SMOOTH ** (step + 1))
            if not math.isfinite(smoothed) or (losses and smoothed > TOO_HIGH * min(losses)):
                return _suggest(rates, losses)
            rates.append(rate)
            losses.append(smoothed)
            step += 1
            if step == STEPS:
                break
    return _suggest(rates, losses)


def _suggest(rates: list[float], losses: list[float]) -> RangeTest:
    """1/√10 of the rate where the smoothed loss falls most steeply over the rate's logarithm."""
    lowest = losses.index(min(losses)) if losses else 0
    if lowest < 4:
        raise WrongUse(
            "learning-rate range test",
            "a loss that does not fall at any rate from 1e-6 to 10",
            "a loss that falls over some range of rates",
            "see whether it can learn at all: pellucid train … --overfit 8",
        )
    window = 4
    slopes = torch.tensor(
        [losses[place + window] - losses[place] for place in range(lowest - window + 1)]
    )
    steepest = int(slopes.argmin()) + window // 2
    return RangeTest(rates, losses, float(f"{rates[steepest] / 10**0.5:.2g}"))
