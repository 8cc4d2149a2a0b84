"""What every layer can do: name its parameters, change its mode, give and take its state."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid.base.errors import WrongUse
from pellucid.scratch.layer import Layer
from pellucid.scratch.layers.attention import MultiheadAttention
from pellucid.scratch.layers.dropout import Dropout
from pellucid.scratch.layers.linear import Linear
from pellucid.scratch.layers.norms import BatchNorm1d, GroupNorm
from pellucid.scratch.layers.recurrent import LSTM
from pellucid.scratch.layers.sequential import Sequential
from pellucid.scratch.tensor import Tensor


def chance(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


class Tower(Layer):
    """A layer with a list of layers, one of which it holds twice."""

    def __init__(self) -> None:
        self.first = Linear(2, 3, chance())
        self.blocks = [Linear(3, 3, chance(1)), BatchNorm1d(3)]
        self.again = self.first
        self.fixed = Tensor(np.ones(3))

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for block in self.blocks:
            x = block(x)
        return x * self.fixed


def test_parameters_are_found_and_named_wherever_they_are() -> None:
    names = ["first.weight", "first.bias", "blocks.0.weight", "blocks.0.bias"]
    names += ["blocks.1.weight", "blocks.1.bias", "again.weight", "again.bias"]
    tower = Tower()
    assert list(tower.named_parameters()) == names
    assert len(tower.parameters()) == 6  # what has two names comes once
    assert set(tower.state_dict()) == {
        *names,
        "blocks.1.running_mean",
        "blocks.1.running_var",
    }


def test_the_mode_reaches_all_layers_below() -> None:
    tower = Tower().eval()
    assert not any(layer.training for layer in tower.layers())
    assert all(layer.training for layer in tower.train().layers())


def test_a_state_carries_over_to_another_network() -> None:
    x = chance().standard_normal((5, 2))
    one, other = Tower(), Tower()
    for weight in one.parameters():
        weight.data = weight.data + 0.25
    one(x)  # moves the running statistics
    other.load_state_dict(one.state_dict())
    np.testing.assert_array_equal(one.eval()(x).data, other.eval()(x).data)
    other.first.weight.data[:] = 0
    assert one.first.weight.data.any()  # the numbers are the other's own


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda state: state.pop("bias"), r"bias missing.*bias \(3,\)"),
        (lambda state: state.update(extra=np.zeros(1)), r"extra \(1,\).*extra left out"),
        (lambda state: state.update(weight=np.zeros((2, 3))), r"weight \(2, 3\).*weight \(3, 2\)"),
    ],
)
def test_a_state_that_does_not_fit_is_told(change, told: str) -> None:
    layer = Linear(2, 3, chance())
    state = dict(layer.state_dict())
    change(state)
    with pytest.raises(WrongUse, match=told):
        layer.load_state_dict(state)


def test_the_precision_of_all_numbers_can_be_changed() -> None:
    tower = Tower().astype(np.float64)
    assert {array.dtype for array in tower.state_dict().values()} == {np.dtype(np.float64)}


def test_the_same_chance_makes_the_same_layer() -> None:
    one, same, other = (LSTM(3, 2, chance(seed)).weight_ih_l0.data for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_the_forget_gate_begins_open() -> None:
    np.testing.assert_array_equal(LSTM(3, 2, chance()).bias_ih_l0.data, [0, 0, 1, 1, 0, 0, 0, 0])


def test_judging_a_batch_norm_does_not_depend_on_the_other_examples() -> None:
    norm = BatchNorm1d(2)
    batch = chance().standard_normal((4, 2))
    norm(batch)
    norm.eval()
    np.testing.assert_array_equal(norm(batch).data[:1], norm(batch[:1]).data)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Dropout(1.0, chance()), "p = 1"),
        (lambda: GroupNorm(2, 3), "3 channels in 2 groups"),
        (lambda: MultiheadAttention(5, 2, chance()), "embed_dim 5 with 2 heads"),
        (lambda: BatchNorm1d(3)(np.zeros((4, 2))), "3 channels"),
        (lambda: BatchNorm1d(3)(np.zeros((4, 3, 2, 2))), "2 or 3 axes"),
        (lambda: BatchNorm1d(3)(np.zeros((1, 3))), "two or more in training"),
        (
            lambda: Sequential(Linear(2, 3, chance()), Linear(2, 3, chance()))(np.ones((1, 2))),
            "MatMul",
        ),
    ],
)
def test_what_does_not_fit_is_told(make, told: str) -> None:
    with pytest.raises(WrongUse, match=told):
        make()
