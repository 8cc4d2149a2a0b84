from __future__ import annotations

import pytest
import torch

from pellucid.base.errors import WrongUse
from pellucid.data.dataset import Dataset
from pellucid.train import batches
from pellucid.train.batches import Feed
from pellucid.train.recipe import Recipe
from pellucid.train.task import make_task

CPU = torch.device("cpu")


def feed(dataset: Dataset, rank: int = 0, world: int = 1, **choices: object) -> Feed:
    recipe = Recipe(batch_size=10, augment=("shift:1",)).with_changes(choices)
    task = make_task(recipe, dataset.as_record())
    return Feed(dataset.train, task, recipe, CPU, rank, world)


def test_an_epoch_shows_each_example_at_most_once_in_an_order_of_its_own(dataset: Dataset) -> None:
    plain = feed(dataset, augment=())
    first = torch.cat([inputs for inputs, _ in plain.epoch(0)])
    second = torch.cat([inputs for inputs, _ in plain.epoch(1)])
    assert len(first) == 90  # 9 whole batches of 96 examples
    assert len(first.flatten(1).unique(dim=0)) == 90
    assert not torch.equal(first, second)
    again = torch.cat([inputs for inputs, _ in feed(dataset, augment=()).epoch(0)])
    assert torch.equal(first, again)


@pytest.mark.parametrize("start", [1, 4, 8])
def test_starting_later_gives_the_same_batches(
    dataset: Dataset, start: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "CHUNK", 3 * 10 * 64)  # three batches are prepared together
    whole = list(feed(dataset).epoch(2))
    rest = list(feed(dataset).epoch(2, start=start))
    assert len(rest) == len(whole) - start
    for (inputs, targets), (other, others) in zip(rest, whole[start:], strict=True):
        assert torch.equal(inputs, other)
        assert torch.equal(targets, others)


def test_several_processes_share_every_batch(dataset: Dataset) -> None:
    whole = list(feed(dataset).epoch(0))
    shares = [list(feed(dataset, rank, 3).epoch(0)) for rank in range(3)]
    for step, (inputs, _) in enumerate(whole):
        together = torch.cat([share[step][0] for share in shares])
        assert sorted(map(hash_of, together)) == sorted(map(hash_of, inputs))


def hash_of(example: torch.Tensor) -> bytes:
    return example.numpy().tobytes()


def test_inputs_have_mean_zero_and_spread_one_over_the_train_split(dataset: Dataset) -> None:
    whole = feed(dataset, augment=(), batch_size=96)
    ((inputs, _),) = whole.epoch(0)
    assert float(inputs.mean()) == pytest.approx(0, abs=1e-4)
    assert float(inputs.std(correction=0)) == pytest.approx(1, abs=1e-4)


def test_a_batch_larger_than_the_data_is_refused_with_both_numbers(dataset: Dataset) -> None:
    with pytest.raises(WrongUse, match="97 with 96 training examples"):
        feed(dataset, batch_size=97)
