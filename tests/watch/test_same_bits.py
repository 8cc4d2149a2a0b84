"""Recording changes not a bit: the answer, the loss, gradients, weights, memories and chance."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as f
from torch.optim import SGD, Adam, AdamW, Optimizer

from pellucid.watch.record import record


class First(nn.Module):
    """The first of a layer's answers."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.layer(x)[0]
        return answer


class Attending(nn.Module):
    """Attention as a user writes it, with chance in it."""

    def __init__(self) -> None:
        super().__init__()
        self.three = nn.Linear(8, 24)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (part.unflatten(-1, (2, 4)).transpose(1, 2) for part in self.three(x).chunk(3, 2))
        return f.scaled_dot_product_attention(q, k, v, dropout_p=0.2 if self.training else 0.0)


def pictures() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Dropout(0.3),
        nn.MaxPool2d(2), nn.Conv2d(4, 3, 3, padding=1), nn.Hardswish(inplace=True),
        nn.Dropout2d(0.2), nn.Flatten(), nn.Linear(27, 5, bias=False), nn.BatchNorm1d(5),
    )  # fmt: skip


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "pictures": (pictures, (4, 2, 6, 6)),
    "lstm": (lambda: First(nn.LSTM(3, 5, 2, dropout=0.3, bidirectional=True)), (4, 2, 3)),
    "gru": (lambda: First(nn.GRU(3, 5, 2, dropout=0.3)), (4, 2, 3)),
    "attention": (Attending, (2, 5, 8)),
    "encoder": (lambda: nn.TransformerEncoderLayer(8, 2, 6, batch_first=True), (2, 5, 8)),
}
OPTIMISERS: dict[str, Callable[[Any], Optimizer]] = {
    "sgd": lambda w: SGD(w, 0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "sgd, fused": lambda w: SGD(w, 0.1, momentum=0.9, fused=True),
    "adam": lambda w: Adam(w, amsgrad=True),
    "adam, foreach": lambda w: Adam(w, foreach=True),
    "adamw": AdamW,
    "adamw, fused": lambda w: AdamW(w, fused=True),
}


def numbers(network: nn.Module, optimiser: Optimizer | None, *more: Tensor) -> list[Tensor]:
    """Everything that a step could change, chance included."""
    found = [*network.state_dict().values(), *more, torch.get_rng_state()]
    found += [weight.grad for weight in network.parameters() if weight.grad is not None]
    for memory in optimiser.state.values() if optimiser else ():
        found += [torch.as_tensor(value) for value in memory.values() if value is not None]
    return [tensor.detach().clone() for tensor in found]


def assert_same_bits(ours: list[Tensor], theirs: list[Tensor]) -> None:
    assert len(ours) == len(theirs) > 3
    for one, other in zip(ours, theirs, strict=True):
        assert one.dtype == other.dtype
        assert one.numpy().tobytes() == other.numpy().tobytes()


def step(network: nn.Module, x: Tensor, optimiser: Optimizer) -> tuple[Tensor, Tensor]:
    """A training step as everyone writes it."""
    network.zero_grad()
    answer = network(x)
    loss = answer.square().mean()
    loss.backward()
    optimiser.step()
    return answer, loss


def compared(name: str, make: Callable[[Any], Optimizer], prepare: Callable[[nn.Module], Any]
             ) -> None:  # fmt: skip
    torch.manual_seed(0)
    build, shape = NETWORKS[name]
    plain, x = build(), torch.randn(shape)
    prepare(plain)
    watched = copy.deepcopy(plain)
    theirs, ours = make(plain.parameters()), make(watched.parameters())
    for number in range(3):  # the first step of an optimiser is a special one
        torch.manual_seed(number)
        expected = numbers(plain, theirs, *step(plain, x, theirs))
        torch.manual_seed(number)
        answers: list[Tensor] = []

        def loss(answer: Tensor, answers: list[Tensor] = answers) -> Tensor:
            answers.append(answer)
            return answer.square().mean()

        recording = record(watched, x, loss=loss, optimiser=ours)
        assert recording.loss is not None
        found = numbers(watched, ours, *answers, recording.loss.tensor())
        assert_same_bits(found, expected)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_recorded_training_step_ends_in_the_same_bits(name: str) -> None:
    compared(name, OPTIMISERS["adamw"], nn.Module.train)


@pytest.mark.parametrize("kind", OPTIMISERS)
def test_every_kind_of_optimiser_ends_in_the_same_bits(kind: str) -> None:
    compared("pictures", OPTIMISERS[kind], nn.Module.train)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_that_judges_answers_in_the_same_bits(name: str) -> None:
    compared(name, OPTIMISERS["sgd"], nn.Module.eval)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_without_gradients_too(name: str, mode: Callable[[], Any]) -> None:
    torch.manual_seed(0)
    build, shape = NETWORKS[name]
    network, x = build().eval(), torch.randn(shape)
    with mode():
        expected = network(x)
        state = torch.get_rng_state()
        recording = record(network, x)
    assert torch.equal(recording.answers["network"][0][0].tensor(), expected)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_recording_that_writes_over_a_number_is_told_from_one_that_does_not() -> None:
    torch.manual_seed(0)
    network, x = pictures(), torch.randn(4, 2, 6, 6)
    before = numbers(network, None)
    record(network, x)  # a batch norm that learns remembers what it saw
    with pytest.raises(AssertionError):
        assert_same_bits(numbers(network, None), before)


def test_the_mode_and_the_hooks_are_as_before() -> None:
    network = pictures().eval()
    network[0].train()
    modes = [part.training for part in network.modules()]
    record(network, torch.randn(2, 2, 6, 6), loss=lambda answer: answer.sum())
    assert [part.training for part in network.modules()] == modes
    from torch.nn.modules import module as hooks

    assert not hooks._global_forward_hooks
    assert not hooks._global_forward_pre_hooks
    assert not any(weight._backward_hooks for weight in network.parameters())


def test_recorded_numbers_stay_what_they_were_when_training_goes_on() -> None:
    torch.manual_seed(0)
    network, x = pictures(), torch.randn(4, 2, 6, 6)
    optimiser = SGD(network.parameters(), 0.5)
    old = network[0].weight.detach().clone()
    recording = record(network, x, loss=lambda answer: answer.square().mean(), optimiser=optimiser)
    new = network[0].weight.detach().clone()
    gradient = network[0].weight.grad.clone()
    for _ in range(2):
        step(network, x, optimiser)
    assert torch.equal(recording.weights["0.weight"].tensor(), old)
    assert torch.equal(recording.updated["0.weight"].tensor(), new)
    assert torch.equal(recording.weight_gradients["0.weight"].tensor(), gradient)
    assert not torch.equal(old, new)
