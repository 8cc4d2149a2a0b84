"""Optimisers against PyTorch's over several steps, and against steps worked out by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from pellucid.base.errors import WrongUse
from pellucid.scratch import optimisers
from pellucid.scratch.optimisers import (
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Momentum,
    Nesterov,
    Optimiser,
    RMSprop,
)
from pellucid.scratch.tensor import Tensor

STEPS = 7
CASES: dict[str, tuple[Callable[..., Optimiser], Callable[..., torch.optim.Optimizer]]] = {
    "SGD": (lambda w, d: SGD(w, 0.1, d), lambda w, d: torch.optim.SGD(w, 0.1, weight_decay=d)),
    "Momentum": (
        lambda w, d: Momentum(w, 0.1, 0.8, d),
        lambda w, d: torch.optim.SGD(w, 0.1, 0.8, weight_decay=d),
    ),
    "Nesterov": (
        lambda w, d: Nesterov(w, 0.1, 0.8, d),
        lambda w, d: torch.optim.SGD(w, 0.1, 0.8, weight_decay=d, nesterov=True),
    ),
    "Adagrad": (
        lambda w, d: Adagrad(w, 0.1, weight_decay=d),
        lambda w, d: torch.optim.Adagrad(w, 0.1, weight_decay=d),
    ),
    "RMSprop": (
        lambda w, d: RMSprop(w, 0.01, weight_decay=d),
        lambda w, d: torch.optim.RMSprop(w, 0.01, weight_decay=d),
    ),
    "RMSprop, alpha 0.8": (
        lambda w, d: RMSprop(w, 0.01, 0.8, 1e-3, d),
        lambda w, d: torch.optim.RMSprop(w, 0.01, 0.8, 1e-3, d),
    ),
    "Adam": (
        lambda w, d: Adam(w, 0.05, weight_decay=d),
        lambda w, d: torch.optim.Adam(w, 0.05, weight_decay=d),
    ),
    "Adam, betas 0.5 and 0.7": (
        lambda w, d: Adam(w, 0.05, (0.5, 0.7), 1e-4, d),
        lambda w, d: torch.optim.Adam(w, 0.05, (0.5, 0.7), 1e-4, d),
    ),
    "AdamW": (
        lambda w, d: AdamW(w, 0.05, weight_decay=d),
        lambda w, d: torch.optim.AdamW(w, 0.05, weight_decay=d),
    ),
}


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("name", CASES)
def test_the_steps_are_pytorchs(name: str, decay: float) -> None:
    chance = np.random.default_rng(0)
    shapes = [(3, 4), (4,)]
    starts = [chance.standard_normal(shape) for shape in shapes]
    mine = [Tensor(start.copy(), requires_grad=True) for start in starts]
    theirs = [torch.tensor(start, requires_grad=True) for start in starts]
    make_mine, make_theirs = CASES[name]
    ours, other = make_mine(mine, decay), make_theirs(theirs, decay)
    for _ in range(STEPS):
        for weight, twin in zip(mine, theirs, strict=True):
            weight.grad = chance.standard_normal(weight.shape)
            twin.grad = torch.tensor(weight.grad)
        ours.step()
        other.step()
        for weight, twin in zip(mine, theirs, strict=True):
            np.testing.assert_allclose(weight.data, twin.detach().numpy(), rtol=1e-12, atol=1e-14)


def test_every_optimiser_has_a_case() -> None:
    below = {one.__name__ for one in Optimiser.__subclasses__() if "optimisers" in one.__module__}
    assert below == {name.split(",")[0] for name in CASES}
    assert below <= vars(optimisers).keys()


def test_the_defaults_are_pytorchs() -> None:
    pairs = [(RMSprop, torch.optim.RMSprop), (Adagrad, torch.optim.Adagrad)]
    pairs += [(Adam, torch.optim.Adam), (AdamW, torch.optim.AdamW)]
    start = np.array([1.0, -2.0, 3.0])
    for ours, theirs in pairs:
        weight, twin = Tensor(start, requires_grad=True), torch.tensor(start, requires_grad=True)
        mine, other = ours([weight]), theirs([twin])
        for _ in range(STEPS):
            weight.grad, twin.grad = start.copy(), torch.tensor(start)
            mine.step()
            other.step()
        np.testing.assert_allclose(weight.data, twin.detach().numpy(), rtol=1e-12)


def a_weight(value: float, gradient: float) -> Tensor:
    weight = Tensor(np.array(value), requires_grad=True)
    weight.grad = np.array(gradient)
    return weight


def test_one_step_of_sgd_by_hand() -> None:
    weight = a_weight(1.0, -8.0)  # the loss (w − 5)² at w = 1
    SGD([weight], 0.01).step()
    assert weight.item() == pytest.approx(1.08, rel=1e-15)


def test_two_steps_of_momentum_by_hand() -> None:
    weight = a_weight(1.0, 2.0)
    ball = Momentum([weight], 0.1, 0.5)
    ball.step()
    assert weight.item() == pytest.approx(0.8)  # velocity 2
    ball.step()
    assert weight.item() == pytest.approx(0.5)  # velocity 0.5 · 2 + 2 = 3


def test_the_first_step_of_adam_is_the_rate_whatever_the_gradient() -> None:
    for gradient in (1e-3, 5.0):
        weight = a_weight(1.0, gradient)
        Adam([weight], 0.01).step()
        assert weight.item() == pytest.approx(0.99, rel=1e-6)


def test_a_step_leaves_the_old_array_and_weights_without_gradient_alone() -> None:
    weight, idle = a_weight(1.0, 1.0), Tensor(np.array(2.0), requires_grad=True)
    before = weight.data
    Adam([weight, idle]).step()
    assert before == 1.0
    assert weight.data != 1.0
    assert idle.data == 2.0


def test_float32_stays_float32() -> None:
    for make, _ in CASES.values():
        weight = Tensor(np.ones(3, np.float32), requires_grad=True)
        weight.grad = np.ones(3, np.float32)
        make([weight], 0.1).step()
        assert weight.data.dtype == np.float32


def test_nothing_to_learn_is_told() -> None:
    with pytest.raises(WrongUse, match=r"pass network.parameters\(\)"):
        Adam([])
