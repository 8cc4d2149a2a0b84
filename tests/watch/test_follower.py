"""Following a training: what it costs nobody, and what happens when we stumble."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from pellucid.doctor.examination import not_observed
from pellucid.watch.follower import Follower


@pytest.fixture(autouse=True)
def quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PELLUCID_DEBUG", raising=False)


def train(steps: int = 5) -> nn.Module:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3))
    optimiser = torch.optim.Adam(network.parameters())
    for _ in range(steps):
        optimiser.zero_grad()
        inputs, labels = torch.randn(6, 4), torch.randint(3, (6,))
        functional.cross_entropy(network(inputs), labels).backward()
        optimiser.step()
        with torch.inference_mode():
            assert network(inputs).argmax(1).shape == labels.shape
    return network


def test_a_training_that_is_followed_ends_in_the_same_bits() -> None:
    bare, chance = train().state_dict(), torch.get_rng_state()
    follower = Follower()
    with follower.watching():
        followed = train().state_dict()
    assert follower.trace.stumbled == ""
    assert len(follower.trace.steps) == 5
    assert all(torch.equal(bare[name], followed[name]) for name in bare)
    assert torch.equal(torch.get_rng_state(), chance)


def test_each_loss_is_noted_once_although_pytorch_calls_it_twice() -> None:
    follower = Follower()
    with follower.watching():
        train()
    assert [call.step for call in follower.trace.losses] == [0, 1, 2, 3, 4]


def test_after_the_last_step_that_is_asked_for_nothing_is_left_of_us() -> None:
    follower = Follower()
    follower.most_steps = 2
    whole = functional.cross_entropy
    with follower.watching():
        assert functional.cross_entropy is not whole
        train()
        assert functional.cross_entropy is whole
    assert len(follower.trace.steps) == 2


def test_what_someone_else_puts_in_place_of_a_function_stays_there() -> None:
    whole = functional.mse_loss
    follower = Follower()
    try:
        with follower.watching():
            functional.mse_loss = own = lambda a, b: (a - b).abs().mean()
        assert functional.mse_loss is own
    finally:
        functional.mse_loss = whole


def mistake(*_: Any) -> None:
    raise RuntimeError("a mistake of ours")


@pytest.mark.parametrize("method", ["_note_pass", "_first_not_finite", "_listen"])
def test_a_mistake_of_ours_ends_the_watching_and_not_the_training(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Follower, method, mistake)
    bare = train().state_dict()
    follower = Follower()
    with follower.watching():
        followed = train().state_dict()
        broken = torch.zeros(1, requires_grad=True)
        (broken / 0).backward()
    assert all(torch.equal(bare[name], followed[name]) for name in bare)
    assert "the doctor stumbled (RuntimeError: a mistake of ours)" in follower.trace.stumbled
    assert any("stumbled" in entry for entry in not_observed(follower.trace))


def place(warning: Callable[[], Any]) -> tuple[str, int]:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        warning()
    (one,) = told
    return one.filename, one.lineno


def mismatched(network: nn.Module | None = None) -> Tensor:
    prediction = torch.ones(4, 1) if network is None else network(torch.ones(4, 3))
    return functional.mse_loss(prediction, torch.zeros(4))


@pytest.mark.parametrize("network", [None, nn.Linear(3, 1)])
def test_a_warning_names_the_line_that_it_names_without_us(network: nn.Module | None) -> None:
    expected = place(lambda: mismatched(network))
    assert expected[0] == __file__
    with Follower().watching():
        assert place(lambda: mismatched(network)) == expected


def test_a_warning_of_a_deeper_level_names_its_line_too() -> None:
    def warn() -> None:
        warnings.warn("two levels up", stacklevel=2)

    expected = place(warn)
    with Follower().watching():
        assert place(warn) == expected
