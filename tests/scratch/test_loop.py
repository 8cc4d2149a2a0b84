"""The loop of scratch: every example once an epoch, a rate that falls, a network that learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pellucid.scratch.batches import batches
from pellucid.scratch.layer import Layer
from pellucid.scratch.layers.activation import Tanh
from pellucid.scratch.layers.dropout import Dropout
from pellucid.scratch.layers.linear import Linear
from pellucid.scratch.layers.norms import BatchNorm1d
from pellucid.scratch.layers.sequential import Sequential
from pellucid.scratch.loop import Step, scores_of, train
from pellucid.scratch.losses import cross_entropy
from pellucid.scratch.optimisers import SGD, Adam

INPUTS = np.random.default_rng(0).standard_normal((30, 2))
LABELS = (INPUTS[:, 0] * INPUTS[:, 1] > 0).astype(np.int64)


def a_network() -> Layer:
    chance = np.random.default_rng(0)
    return Sequential(Linear(2, 16, chance), Tanh(), Linear(16, 2, chance)).astype(np.float64)


def a_training(network: Layer, optimiser: SGD | Adam, epochs: int) -> list[Step]:
    chance = np.random.default_rng(0)
    return list(train(network, cross_entropy, optimiser, INPUTS, LABELS, epochs, 8, chance))


def test_batches_hold_every_example_once_with_its_label() -> None:
    numbers = np.arange(10)
    parts = list(batches(numbers, numbers * 2, 4, np.random.default_rng(0)))
    assert [len(inputs) for inputs, _ in parts] == [4, 4, 2]
    seen = np.concatenate([inputs for inputs, _ in parts])
    assert sorted(seen) == list(range(10))
    assert list(seen) != list(range(10))
    for inputs, labels in parts:
        np.testing.assert_array_equal(labels, inputs * 2)


def test_the_order_is_new_in_each_epoch() -> None:
    chance, numbers = np.random.default_rng(0), np.arange(10)
    first, second = (next(batches(numbers, numbers, 10, chance))[0] for _ in range(2))
    assert list(first) != list(second)


def test_a_network_learns_what_no_line_can_separate() -> None:
    network = a_network()
    steps = a_training(network, Adam(network.parameters(), 0.05), epochs=60)
    assert [step.epoch for step in steps] == [1 + place // 4 for place in range(240)]
    assert steps[-1].loss < 0.1 < steps[0].loss
    assert (scores_of(network, INPUTS).argmax(axis=1) == LABELS).all()


def test_the_whole_training_equals_the_same_one_in_pytorch() -> None:
    network = a_network()
    twin = torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.Tanh(), torch.nn.Linear(16, 2))
    twin = twin.double()
    twin.load_state_dict({k: torch.tensor(v) for k, v in network.state_dict().items()})
    optimiser = torch.optim.SGD(twin.parameters(), 0.5)
    chance, done = np.random.default_rng(0), 0
    for _ in range(3):
        order = chance.permutation(30)
        for start in range(0, 30, 8):
            chosen = order[start : start + 8]
            optimiser.param_groups[0]["lr"] = 0.5 * (1 - done / 12)
            optimiser.zero_grad()
            scores = twin(torch.tensor(INPUTS[chosen]))
            torch.nn.functional.cross_entropy(scores, torch.tensor(LABELS[chosen])).backward()
            optimiser.step()
            done += 1
    a_training(network, SGD(network.parameters(), 0.5), epochs=3)
    for name, weight in twin.state_dict().items():
        np.testing.assert_allclose(network.state_dict()[name], weight.numpy(), rtol=1e-10)


def test_weights_keep_their_precision_whatever_the_datas() -> None:
    network = a_network().astype(np.float32)
    a_training(network, Adam(network.parameters()), epochs=1)
    assert INPUTS.dtype == np.float64
    assert {array.dtype for array in network.state_dict().values()} == {np.dtype(np.float32)}


def test_the_rate_falls_in_a_line_from_its_height() -> None:
    network = a_network()
    optimiser = SGD(network.parameters(), 0.8)
    chance = np.random.default_rng(0)
    steps = train(network, cross_entropy, optimiser, INPUTS, LABELS, 2, 15, chance)
    rates = [optimiser.learning_rate for _ in steps]
    assert rates == pytest.approx([0.8, 0.6, 0.4, 0.2])


def test_judging_moves_nothing_and_keeps_the_mode() -> None:
    chance = np.random.default_rng(0)
    network = Sequential(BatchNorm1d(2), Dropout(0.5, chance), Linear(2, 2, chance))
    before = {name: array.copy() for name, array in network.state_dict().items()}
    first, second = scores_of(network, INPUTS), scores_of(network, INPUTS, at_once=7)
    np.testing.assert_allclose(first, second, rtol=1e-6)
    assert len(first) == 30
    assert network.training
    for name, array in network.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
