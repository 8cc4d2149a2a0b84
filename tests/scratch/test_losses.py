"""Losses against PyTorch's, their gradients included, and against numbers worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from pellucid.base.errors import WrongUse
from pellucid.scratch import losses
from pellucid.scratch.losses import (
    absolute_error,
    binary_cross_entropy,
    binary_cross_entropy_from_logits,
    cross_entropy,
    huber,
    negative_log_likelihood,
    squared_error,
)
from pellucid.scratch.tensor import Tensor

CHANCE = np.random.default_rng(0)
ANSWERS = 2 * CHANCE.standard_normal((5, 3))
TARGETS = CHANCE.standard_normal((5, 3))
SHARES = CHANCE.uniform(0.01, 0.99, (5, 3))
YES = CHANCE.integers(2, size=(5, 3)).astype(np.float64)
LABELS = CHANCE.integers(3, size=5)

CASES: dict[str, tuple[Callable[..., Tensor], Callable[..., torch.Tensor], Any, Any]] = {
    "squared_error": (squared_error, functional.mse_loss, ANSWERS, TARGETS),
    "absolute_error": (absolute_error, functional.l1_loss, ANSWERS, TARGETS),
    "huber": (huber, functional.huber_loss, ANSWERS, TARGETS),
    "huber, delta 0.3": (
        lambda p, a: huber(p, a, delta=0.3),
        lambda p, a: functional.huber_loss(p, a, delta=0.3),
        ANSWERS,
        TARGETS,
    ),
    "cross_entropy": (cross_entropy, functional.cross_entropy, ANSWERS, LABELS),
    "cross_entropy, smoothed": (
        lambda p, a: cross_entropy(p, a, smoothing=0.2),
        lambda p, a: functional.cross_entropy(p, a, label_smoothing=0.2),
        ANSWERS,
        LABELS,
    ),
    "negative_log_likelihood": (
        negative_log_likelihood,
        functional.nll_loss,
        np.log(SHARES),
        LABELS,
    ),
    "binary_cross_entropy": (
        binary_cross_entropy,
        functional.binary_cross_entropy,
        SHARES,
        YES,
    ),
    "binary_cross_entropy_from_logits": (
        binary_cross_entropy_from_logits,
        functional.binary_cross_entropy_with_logits,
        ANSWERS,
        YES,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_loss_and_its_gradient_equal_pytorchs(name: str) -> None:
    ours, theirs, answers, targets = CASES[name]
    mine = Tensor(answers, requires_grad=True)
    other = torch.tensor(answers, requires_grad=True)
    loss, expected = ours(mine, targets), theirs(other, torch.tensor(targets))
    loss.backward()
    expected.backward()
    assert loss.shape == ()
    np.testing.assert_allclose(loss.data, expected.item(), rtol=1e-12)
    np.testing.assert_allclose(mine.grad, other.grad.numpy(), rtol=1e-10, atol=1e-14)


def test_every_loss_has_a_case() -> None:
    found = {
        name
        for name, one in vars(losses).items()
        if callable(one) and getattr(one, "__module__", "") == losses.__name__
    }
    public = {name for name in found if not name.startswith("_")}
    assert public == {name.split(",")[0] for name in CASES}


def test_labels_may_stand_at_every_place_of_a_text() -> None:
    scores, labels = CHANCE.standard_normal((2, 4, 3)), CHANCE.integers(3, size=(2, 4))
    expected = functional.cross_entropy(
        torch.tensor(scores).flatten(0, 1), torch.tensor(labels).flatten()
    )
    found = cross_entropy(Tensor(scores), labels).item()
    assert found == pytest.approx(expected.item(), rel=1e-12)


def test_equal_scores_for_ten_classes_cost_the_logarithm_of_ten() -> None:
    assert cross_entropy(Tensor(np.zeros((4, 10))), [0, 3, 5, 9]).item() == pytest.approx(
        math.log(10), rel=1e-12
    )


def test_a_certain_mistake_costs_a_hundred_and_not_infinity() -> None:
    sure = Tensor(np.array([1.0, 0.0]), requires_grad=True)
    loss = binary_cross_entropy(sure, [0.0, 1.0])
    loss.backward()
    assert loss.item() == pytest.approx(100, rel=1e-9)
    assert np.isfinite(sure.grad).all()


def test_from_logits_stays_exact_where_the_sigmoid_is_one() -> None:
    loss = binary_cross_entropy_from_logits(Tensor(np.array([800.0])), [0.0])
    assert loss.item() == 800.0


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: squared_error(Tensor(np.zeros((3, 1))), np.zeros(3)), r"\(3, 1\).*\(3,\)"),
        (lambda: huber(Tensor(np.zeros(3)), np.zeros(2)), "same shape"),
        (lambda: cross_entropy(Tensor(np.zeros((2, 3))), [0.0, 1.0]), "whole numbers"),
        (lambda: cross_entropy(Tensor(np.zeros((2, 3))), [0, 1, 2]), r"\(3,\) for scores \(2, 3\)"),
        (lambda: cross_entropy(Tensor(np.zeros((2, 3))), [0, 3]), "0 to 2, as there are 3"),
        (lambda: cross_entropy(Tensor(np.zeros((2, 3))), [-1, 2]), "numbers from -1 to 2"),
        (lambda: binary_cross_entropy(Tensor(np.array([1.5])), [1.0]), "Sigmoid"),
    ],
)
def test_what_does_not_fit_is_told(call: Callable[[], Tensor], told: str) -> None:
    with pytest.raises(WrongUse, match=told):
        call()
