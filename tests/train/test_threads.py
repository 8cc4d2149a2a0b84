from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from pellucid.data.dataset import Dataset
from pellucid.train.fit import Sitting
from pellucid.train.recipe import Recipe
from pellucid.train.threads import rough_multiply_adds, threads_for, using


def test_multiply_adds_by_hand() -> None:
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3),  # 6 × 6 positions × 36 weights
        nn.Flatten(),
        nn.Linear(144, 10),  # 1,440 weights
    )
    assert rough_multiply_adds(network, torch.zeros(1, 1, 8, 8)) == 36 * 36 + 1440
    lstm = nn.LSTM(5, 7, batch_first=True)  # 3 steps × 4 · 7 · (5 + 7) weights
    assert rough_multiply_adds(lstm, torch.zeros(1, 3, 5)) == 3 * 4 * 7 * 12


def test_a_small_network_gets_one_thread_and_a_large_one_what_is_usual() -> None:
    with using(2):
        small, large = nn.Linear(100, 100), nn.Linear(2000, 2000)
        assert threads_for(0, small, torch.zeros(1, 100), 256) == 1
        assert threads_for(0, large, torch.zeros(1, 2000), 256) == 2
        assert threads_for(3, small, torch.zeros(1, 100), 256) == 3


def test_training_leaves_the_number_of_threads_as_it_was(dataset: Dataset, tmp_path: Path) -> None:
    recipe = Recipe(dataset="bars", net="linear", batch_size=16, epochs=1)
    with using(2):
        run = Sitting(recipe, dataset).start(tmp_path, None, [], look_at_test=False)
        assert torch.get_num_threads() == 2
    assert run.environment["threads"] == 1
