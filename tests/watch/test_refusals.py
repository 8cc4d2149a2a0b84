"""What cannot be recorded is told in four parts, and what was recorded until then is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as f

from pellucid.base.errors import WrongUse
from pellucid.watch.record import RecordingStopped, record


def line(inside: int = 4, outside: int = 4) -> nn.Module:
    return nn.Linear(inside, outside)


def squares(answer: Tensor) -> Tensor:
    return answer.square().mean()


X = torch.linspace(-1, 1, 12).reshape(3, 4)


@pytest.mark.parametrize(
    ("arguments", "named", "found", "fix"),
    [
        ((X, line()), {}, "a Tensor", "give the network first"),
        ((line(), X), {"loss": 3}, "loss=int", "loss=lambda output"),
        ((line(), X), {"optimiser": torch.optim.SGD(line().parameters())}, "without a loss",
         "give loss= as well"),
        ((line(), X.to("meta")), {}, "an input on meta", "input.to('cpu')"),
        ((nn.LazyLinear(3), X), {}, "weight has no shape yet", "call the network once"),
        ((line(), X), {"loss": lambda y: y}, "a tensor (3, 4)", "the mean or the sum"),
        ((line(), X), {"loss": lambda y: None}, "NoneType", "the mean or the sum"),
        ((line(), X), {"loss": lambda y: y.detach().sum()}, "depends on no weight",
         "compute it from the answer"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_told_in_four_parts(
    arguments: tuple[Any, ...], named: dict[str, Any], found: str, fix: str
) -> None:
    with pytest.raises(WrongUse) as told:
        record(*arguments, **named)
    assert found in told.value.found
    assert told.value.expected
    assert fix in told.value.fix


def test_a_step_that_raises_half_way_keeps_what_was_recorded_and_shows_the_shapes() -> None:
    network = nn.Sequential(line(4, 3), nn.ReLU(), line(4, 2))
    with pytest.raises(RecordingStopped) as told:
        record(network, X, loss=squares)
    message = str(told.value)
    assert "addmm of (2,) and (3, 3) and (4, 2)" in message
    assert "test_refusals.py" in message
    stopped = told.value.recording.stopped
    assert stopped is not None
    assert (stopped.module, stopped.phase) == ("2", "forward")
    recording = told.value.recording
    expected = network[1](network[0](X))
    assert torch.equal(recording.answers["1"][0][0].tensor(), expected)


class NoWayBack(torch.autograd.Function):
    """Raises on the way back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x * 2

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        raise ValueError("no way back")


class HalfAStep(torch.optim.SGD):
    """Makes its step, then raises."""

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        super().step()
        raise ValueError("only half of it")


def raising_loss(answer: Tensor) -> Tensor:
    return f.cross_entropy(answer, torch.tensor([9, 9, 9]))


@pytest.mark.parametrize(
    ("network", "loss", "half", "phase", "words"),
    [
        (line(4, 4), raising_loss, False, "forward", "Target 9 is out of bounds"),
        (nn.Sequential(line()), lambda y: NoWayBack.apply(y).sum(), False, "backward",
         "no way back"),
        (line(), squares, True, "step", "only half of it"),
    ],
)  # fmt: skip
def test_loss_backward_and_step_that_raise_keep_what_came_before(
    network: nn.Module, loss: Callable[[Any], Tensor], half: bool, phase: str, words: str
) -> None:
    optimiser = HalfAStep(network.parameters(), lr=0.1) if half else None
    with pytest.raises(RecordingStopped, match=words) as told:
        record(network, X, loss=loss, optimiser=optimiser)
    recording = told.value.recording
    assert recording.stopped is not None
    assert recording.stopped.phase == phase
    assert "network" in recording.answers
    assert len(recording.calls) > 2


def test_after_a_recording_that_stopped_nothing_is_left_behind() -> None:
    from torch.nn.modules import module as hooks
    from torch.utils._python_dispatch import _get_current_dispatch_mode

    with pytest.raises(RecordingStopped):
        record(nn.Sequential(line(4, 3), line(4, 3)), X)
    assert not hooks._global_forward_hooks
    assert _get_current_dispatch_mode() is None


def test_an_activation_changed_in_place_afterwards_is_told() -> None:
    kept: list[Tensor] = []

    class Leaking(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            kept.append(x * 2)
            return kept[-1] + 1

    recording = record(Leaking(), X)
    number = recording.calls[0].outputs[0]
    assert number is not None
    assert torch.equal(number.tensor(), X * 2)
    kept[0].add_(1)
    with pytest.raises(WrongUse, match="changed in place after it was recorded") as told:
        number.tensor()
    assert "record again" in told.value.fix
