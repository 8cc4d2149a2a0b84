from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from pellucid.base.errors import WrongUse
from pellucid.data.dataset import Dataset
from pellucid.train.batches import Feed
from pellucid.train.fit import Sitting
from pellucid.train.rate import HIGHEST, LOWEST, RangeTest, _suggest, range_test
from pellucid.train.recipe import Recipe
from pellucid.train.task import make_task

CPU = torch.device("cpu")
RECIPE = Recipe(dataset="bars", net="dense", batch_size=16)


def range_of(dataset: Dataset) -> tuple[RangeTest, Sitting]:
    sitting = Sitting(RECIPE, dataset)
    return range_test(sitting.network, sitting.task, sitting.feed, RECIPE), sitting


def test_the_rates_rise_by_the_same_factor_from_the_lowest(dataset: Dataset) -> None:
    found, _ = range_of(dataset)
    assert found.rates[0] == LOWEST
    assert found.rates[17] == pytest.approx(1e-6 * 10 ** (7 * 17 / 119))
    assert len(found.rates) == len(found.losses) <= 120
    assert all(map(math.isfinite, found.losses))


def test_the_network_itself_stays_untouched(dataset: Dataset) -> None:
    sitting = Sitting(RECIPE, dataset)
    before = {name: value.clone() for name, value in sitting.network.state_dict().items()}
    range_test(sitting.network, sitting.task, sitting.feed, RECIPE)
    for name, value in sitting.network.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_the_suggested_rate_lies_where_the_loss_falls_and_trains(dataset: Dataset) -> None:
    found, sitting = range_of(dataset)
    assert LOWEST < found.suggestion < HIGHEST
    lowest = found.rates[found.losses.index(min(found.losses))]
    assert found.suggestion < lowest
    optimiser = torch.optim.AdamW(sitting.network.parameters(), lr=found.suggestion)
    losses = []
    for epoch in range(5):
        for inputs, targets in sitting.feed.epoch(epoch):
            optimiser.zero_grad()
            loss = sitting.task.loss(sitting.network(inputs), targets)
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_the_suggestion_is_the_steepest_place_over_the_root_of_ten() -> None:
    # flat up to place 9, down by 1/4 a place to 13, up again: steepest from 9 to 13, middle 11
    losses = [1.0] * 10 + [0.75, 0.5, 0.25, 0.0, 3.0]
    rates = [10 ** (-5 + place / 4) for place in range(len(losses))]
    assert _suggest(rates, losses).suggestion == pytest.approx(rates[11] / math.sqrt(10), rel=0.05)


def test_a_loss_that_never_falls_is_told_with_what_to_try(dataset: Dataset) -> None:
    class Deaf(nn.Module):
        """Its answer does not change with its weight."""

        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(3))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 0 * self.weight.expand(len(x), 3)

    task = make_task(RECIPE, dataset.as_record())
    with pytest.raises(WrongUse, match="does not fall at any rate") as caught:
        range_test(Deaf(), task, Feed(dataset.train, task, RECIPE, CPU), RECIPE)
    assert "--overfit 8" in caught.value.fix


def test_the_record_pairs_each_rate_with_its_loss() -> None:
    assert RangeTest([0.1, 0.2], [3.0, 2.0], 0.1).as_record() == {
        "points": [{"rate": 0.1, "loss": 3.0}, {"rate": 0.2, "loss": 2.0}],
        "suggestion": 0.1,
    }
