from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pellucid.base.errors import WrongUse
from pellucid.data.dataset import Dataset, Split
from pellucid.train.fit import Sitting
from pellucid.train.overfit import ByHeart, _different, by_heart
from pellucid.train.recipe import Recipe

RECIPE = Recipe(dataset="bars", net="dense", batch_size=16, learning_rate=0.01)


class Cut(nn.Module):
    """A network whose last layer sees nothing of the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.scores = nn.Linear(64, 32), nn.Linear(32, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.scores(torch.zeros_like(self.hidden(x.flatten(1))).detach())
        return out


def tried(dataset: Dataset, recipe: Recipe, network: nn.Module | None = None) -> ByHeart:
    sitting = Sitting(recipe, dataset, network)
    count, device = 8, sitting.device
    return by_heart(sitting.network, sitting.task, dataset.train, recipe, count, device)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimiser": "momentum", "learning_rate": 0.05},
        {"label_smoothing": 0.2},  # off here: with it the loss could never come near 0
        {"augment": ("warp:20",), "weight_decay": 0.5},
        {"net": "convnet"},
        {"net": "autoencoder-conv", "task": "denoise", "learning_rate": 0.005},
    ],
    ids=str,
)
def test_a_sound_network_learns_eight_examples(dataset: Dataset, changes: dict[str, str]) -> None:
    found = tried(dataset, RECIPE.with_changes(changes))
    assert found.learned
    assert found.right in (8, None)
    assert found.last_loss <= 0.05 * found.first_loss
    assert found.steps < 500


def test_a_network_with_a_cut_graph_does_not(dataset: Dataset) -> None:
    found = tried(dataset, RECIPE, Cut())
    assert not found.learned
    assert found.steps == 500
    assert found.right is not None
    assert found.right < 8


def test_a_rate_of_next_to_nothing_does_not(dataset: Dataset) -> None:
    found = tried(dataset, RECIPE.with_changes({"learning_rate": 1e-12}))
    assert not found.learned
    assert found.last_loss == pytest.approx(found.first_loss, rel=1e-3)


def test_the_network_itself_stays_untouched(dataset: Dataset) -> None:
    sitting = Sitting(RECIPE, dataset)
    before = [value.clone() for value in sitting.network.state_dict().values()]
    by_heart(sitting.network, sitting.task, dataset.train, RECIPE, 8, sitting.device)
    after = sitting.network.state_dict().values()
    assert all(map(torch.equal, before, after))


def test_a_network_that_no_weight_reaches_is_refused_before_training(dataset: Dataset) -> None:
    class Detached(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scores = nn.Linear(64, 3)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.scores(x.flatten(1)).detach()
            return out

    with pytest.raises(WrongUse, match="depends on no weight"):
        Sitting(RECIPE, dataset, Detached())
    frozen = Cut()
    frozen.requires_grad_(False)
    with pytest.raises(WrongUse, match="requires_grad=False"):
        Sitting(RECIPE, dataset, frozen)


@pytest.mark.parametrize("count", [0, -1, 97])
def test_an_impossible_number_of_examples_is_refused(dataset: Dataset, count: int) -> None:
    sitting = Sitting(RECIPE, dataset)
    with pytest.raises(WrongUse, match="expected 1 to 96 examples"):
        by_heart(sitting.network, sitting.task, dataset.train, RECIPE, count, sitting.device)


def test_the_examples_take_turns_among_the_classes() -> None:
    labels = np.array([2, 2, 2, 0, 0, 1])
    split = Split(np.zeros((6, 1, 2, 2), np.uint8), labels)
    assert labels[_different(split, 3)].tolist() == [2, 0, 1]
    assert labels[_different(split, 5)].tolist() == [2, 0, 1, 2, 0]
