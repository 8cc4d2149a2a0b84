from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import nn

from pellucid.train.optimiser import WeightAverage, make_optimiser, set_rate
from pellucid.train.recipe import OPTIMISERS, Recipe


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


@pytest.mark.parametrize("name", OPTIMISERS)
def test_decay_is_on_weights_and_not_on_norms_and_biases(name: str) -> None:
    optimiser = make_optimiser(network(), Recipe(optimiser=name, weight_decay=0.1))
    decays = {
        tuple(parameter.shape): group["weight_decay"]
        for group in optimiser.param_groups
        for parameter in group["params"]
    }
    assert decays == {(4, 3): 0.1, (2, 4): 0.1, (4,): 0.0, (2,): 0.0}


def test_each_name_gives_its_update_by_hand() -> None:
    # one weight 1.0, gradients 2.0 then 4.0, rate 0.1
    after = {
        "sgd": 1 - 0.1 * 2 - 0.1 * 4,
        "momentum": 1 - 0.1 * 2 - 0.1 * (0.9 * 2 + 4),
        "nesterov": 1 - 0.1 * (2 + 0.9 * 2) - 0.1 * (4 + 0.9 * (0.9 * 2 + 4)),
    }
    for name, expected in after.items():
        layer = nn.Linear(1, 1, bias=False)
        nn.init.ones_(layer.weight)
        recipe = Recipe(optimiser=name, learning_rate=0.1, weight_decay=0.0, momentum=0.9)
        optimiser = make_optimiser(layer, recipe)
        for gradient in (2.0, 4.0):
            layer.weight.grad = torch.full((1, 1), gradient)
            optimiser.step()
        assert layer.weight.item() == pytest.approx(expected), name


def test_adam_moves_by_the_rate_at_first_whatever_the_gradient() -> None:
    for gradient in (1e-3, 1e3):
        layer = nn.Linear(1, 1, bias=False)
        nn.init.ones_(layer.weight)
        optimiser = make_optimiser(layer, Recipe(optimiser="adam", weight_decay=0.0))
        set_rate(optimiser, 0.05)
        layer.weight.grad = torch.full((1, 1), gradient)
        optimiser.step()
        assert layer.weight.item() == pytest.approx(0.95, abs=1e-5)


def test_the_average_follows_its_formula_and_copies_counters() -> None:
    net = network()
    average = WeightAverage(net, decay=0.5)
    weight = net[0].weight  # type: ignore[index]
    start = weight.detach().clone()
    with torch.no_grad():
        weight += 1.0
        net[1].num_batches_tracked += 3  # type: ignore[index,operator]
    average.update(step=0)  # decay is at most (1 + 0) / (10 + 0) = 0.1
    assert torch.allclose(average.network[0].weight, start + 0.9)  # type: ignore[index]
    assert int(average.network[1].num_batches_tracked) == 3  # type: ignore[index,arg-type]
    average.update(step=1000)  # now 0.5: 0.5 · (start + 0.9) + 0.5 · (start + 1)
    assert torch.allclose(average.network[0].weight, start + 0.95)  # type: ignore[index]


def test_making_an_optimiser_does_not_import_the_compiler() -> None:
    code = (
        "import sys, torch; from pellucid.train.optimiser import make_optimiser;"
        "from pellucid.train.recipe import Recipe;"
        "net = torch.nn.Linear(2, 2); made = make_optimiser(net, Recipe());"
        "net(torch.ones(1, 2)).sum().backward(); made.step();"
        "assert 'torch._dynamo' not in sys.modules and 'sympy' not in sys.modules;"
        "make_optimiser(torch.nn.Linear(2, 2), Recipe(optimiser='sgd'));"
        "torch.optim.SGD([torch.zeros(1)]); assert 'torch._dynamo' in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == 0


@pytest.mark.parametrize("name", OPTIMISERS)
def test_each_optimiser_steps_as_pytorchs_own_and_calls_its_hooks(name: str) -> None:
    recipe = Recipe(optimiser=name, learning_rate=0.01, weight_decay=0.0)
    ours, theirs = network(), network()
    optimiser = make_optimiser(ours, recipe)
    kind = type(optimiser).__mro__[1]
    assert kind.__module__.startswith("torch.optim")
    known = inspect.signature(kind).parameters
    settings = {key: value for key, value in optimiser.defaults.items() if key in known}
    reference: Any = kind(theirs.parameters(), **{**settings, "weight_decay": 0.0})
    called: list[str] = []
    optimiser.register_step_post_hook(lambda *_: called.append("after"))
    for step in range(3):
        inputs = torch.full((4, 3), float(step)) + torch.eye(4, 3)
        for net, each in ((ours, optimiser), (theirs, reference)):
            each.zero_grad()
            net(inputs).square().sum().backward()
            each.step()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, other)
    assert called == ["after"] * 3
