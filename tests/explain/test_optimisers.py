"""Optimisers of PyTorch's common set with their options: each number of a step is explained."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn, optim

from pellucid.base.errors import WrongUse
from pellucid.explain.book import short_name
from pellucid.explain.explained import Explained
from pellucid.explain.record import record
from pellucid.explain.recorded import EMPTY, Recorded

OPTIMISERS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9, "dampening": 0.1}),
    ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01, "maximize": True}),
    ("Adam", {"amsgrad": True, "weight_decay": 0.01}),
    ("Adam", {"betas": (0.8, 0.9), "eps": 1e-6, "maximize": True}),
    ("AdamW", {"amsgrad": True}),
    ("AdamW", {"weight_decay": 0.1, "maximize": True}),
    ("NAdam", {"weight_decay": 0.01, "decoupled_weight_decay": True}),
    ("RAdam", {"weight_decay": 0.01}),
    ("Adamax", {"weight_decay": 0.01}),
    ("Adadelta", {"weight_decay": 0.01}),
    ("Adagrad", {"lr_decay": 0.1, "weight_decay": 0.01, "initial_accumulator_value": 0.1}),
    ("RMSprop", {"centered": True, "momentum": 0.9, "weight_decay": 0.01}),
    ("Rprop", {}),
    ("ASGD", {"weight_decay": 0.01}),
]
FUSED = {"SGD", "Adam", "AdamW", "Adagrad"}
KINDS = [
    (name, {**options, **kind})
    for name, options in OPTIMISERS
    for kind in ({"foreach": False}, {"foreach": True}, {"fused": True})
    if "fused" not in kind or name in FUSED
]


def steps(name: str, options: dict[str, Any], count: int) -> Recorded:
    """The last one of `count` recorded steps of a small network."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 2))
    optimiser = getattr(optim, name)(network.parameters(), lr=0.05, **options)
    x = torch.randn(4, 3)
    for _ in range(count):
        recording = record(network, x, loss=lambda y: y.square().mean(), optimiser=optimiser)
    return recording


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize(("name", "options"), KINDS, ids=str)
def test_every_number_of_a_step_agrees(name: str, options: dict[str, Any], count: int) -> None:
    recording = steps(name, options, count)
    asked = 0
    for call in recording.calls:
        if call.phase != "step" or short_name(call.name) in EMPTY:
            continue
        for _, kept in call.results():
            for place in (
                torch.cartesian_prod(*map(torch.arange, kept.shape)) if kept.shape else [()]
            ):
                at = tuple(map(int, torch.as_tensor(place).reshape(-1)))
                told = recording.explain(kept, at)
                assert isinstance(told, Explained), told
                assert told.agrees, told
                asked += 1
    assert asked > 10


@pytest.mark.parametrize(("name", "options"), KINDS, ids=str)
def test_the_new_weight_is_what_pytorch_left_in_the_weight(
    name: str, options: dict[str, Any]
) -> None:
    torch.manual_seed(0)
    network = nn.Linear(3, 2)
    optimiser = getattr(optim, name)(network.parameters(), lr=0.05, **options)
    recording = record(
        network, torch.randn(4, 3), loss=lambda y: y.square().mean(), optimiser=optimiser
    )
    for row in range(2):
        for column in range(3):
            update = recording.update("weight", (row, column))
            assert update.value == network.weight[row, column].item()
            told = update.explain()
            assert isinstance(told, Explained)
            assert told.agrees
            assert told.recompute() == pytest.approx(network.weight[row, column].item(), rel=1e-5)


def test_a_fused_step_in_float64_has_a_tight_bound() -> None:
    torch.manual_seed(0)
    network = nn.Linear(3, 2).double()
    optimiser = optim.AdamW(network.parameters(), fused=True)
    recording = record(network, torch.randn(4, 3).double(), loss=lambda y: y.square().mean(),
                       optimiser=optimiser)  # fmt: skip
    told = recording.update("weight", (1, 2)).explain()
    assert isinstance(told, Explained)
    assert told.agrees
    assert told.bound < 1e-12


def test_an_optimiser_that_asks_for_the_loss_again_is_refused_with_a_way_out() -> None:
    network = nn.Linear(3, 2)
    optimiser = optim.LBFGS(network.parameters())
    with pytest.raises(WrongUse, match="LBFGS, which asks for the loss several times"):
        record(network, torch.randn(4, 3), loss=lambda y: y.sum(), optimiser=optimiser)
