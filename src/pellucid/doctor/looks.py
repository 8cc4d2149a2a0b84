"""What goes on inside a copy of a network on one batch: activations, and gradients by layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from pellucid.doctor.bench import Bench
from pellucid.doctor.judged import calm
from pellucid.watch.captured import Batch
from pellucid.watch.recorder import tensors_in

RELUS: tuple[Callable[..., Any], ...] = (
    functional.relu, functional.relu_, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_,
)  # fmt: skip
SIGMOIDS: tuple[Callable[..., Any], ...] = (torch.sigmoid, functional.sigmoid, Tensor.sigmoid)
TANHS: tuple[Callable[..., Any], ...] = (torch.tanh, functional.tanh, Tensor.tanh)
WEIGHTED = (nn.Linear, nn.modules.conv._ConvNd)


@dataclass(frozen=True, eq=False)
class Activation:
    """One call of an activation function, in the order of the pass."""

    kind: str
    """`relu`, `sigmoid` or `tanh`."""
    answer: Tensor
    """Examples × units × anything, or examples × units."""

    def by_unit(self) -> Tensor:
        """Units × everything that they answered: channels of pictures, the last axis else."""
        axis = 1 if self.answer.ndim > 3 else -1
        return self.answer.movedim(axis, 0).flatten(1)


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer with weights, in the order of the pass."""

    name: str
    module: nn.Module
    answer: Tensor
    gradient: float
    """The root of the mean square of the weight's gradient."""


class _Heard(TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Activation] = []

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        value = function(*args, **(kwargs or {}))
        for kind, functions in (("relu", RELUS), ("sigmoid", SIGMOIDS), ("tanh", TANHS)):
            if function in functions and value.ndim > 1:
                self.found.append(Activation(kind, value.detach().clone()))
        return value


def hidden(found: list[Activation], network: nn.Module, batch: Batch) -> list[Activation]:
    """Those that are not the network's own answer."""
    with torch.no_grad():
        answer = next(iter(tensors_in(network(*batch.given, **batch.named))))
    last = found[-1].answer[: len(answer)] if found else None
    is_answer = last is not None and last.shape == answer.shape and bool((last == answer).all())
    return found[:-1] if is_answer else found


def activations(network: nn.Module, batches: list[Batch]) -> list[Activation]:
    """Every activation of a network, over all examples of some batches, dropout off."""
    calm(network, batches[0].training)
    passes = []
    for batch in batches:
        with torch.no_grad(), _Heard() as heard:
            network(*batch.given, **batch.named)
        passes.append(heard.found)
    if len({tuple(entry.kind for entry in found) for found in passes}) != 1:
        return []  # the way through the network depends on the input
    return [
        Activation(calls[0].kind, torch.cat([call.answer for call in calls]))
        for calls in zip(*passes, strict=True)
        if len({call.answer.shape[1:] for call in calls}) == 1
    ]


def layers(network: nn.Module, bench: Bench, batch: Batch) -> list[Layer]:
    """Every layer with weights that took part once, with the gradient of the script's loss."""
    calm(network, batch.training)
    heard: list[tuple[str, nn.Module, Tensor]] = []
    handles = [
        part.register_forward_hook(
            lambda module, given, answer, name=name: heard.append((name, module, answer.detach()))
        )
        for name, part in network.named_modules()
        if isinstance(part, WEIGHTED)
    ]
    network.zero_grad()
    answers = list(tensors_in(network(*batch.given, **batch.named)))
    for handle in handles:
        handle.remove()
    bench.judge.loss_of(network, batch, answers).sum().backward()  # type: ignore[no-untyped-call]
    found = [Layer(name, part, answer, _size(part)) for name, part, answer in heard]
    network.zero_grad()
    return found


def begin_anew(network: nn.Module) -> None:
    """Weights as PyTorch draws them, always the same ones; norms begin at 1 and 0."""
    torch.manual_seed(0)
    for part in network.modules():
        reset = getattr(part, "reset_parameters", None)
        if callable(reset) and (isinstance(part, WEIGHTED) or not any(part.children())):
            reset()


def _size(part: nn.Module) -> float:
    slope = getattr(part, "weight", torch.empty(0)).grad
    return 0.0 if slope is None else float(slope.pow(2).mean().sqrt())
