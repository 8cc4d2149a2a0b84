"""A network with a batch that it takes: what the questions before a run are put to."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from pellucid.base.errors import WrongUse

SEED = 0
"""Every question begins with the same random numbers, so that two answers can be compared."""
LIKELY = ("logits", "scores", "output", "prediction", "last_hidden_state")
"""Names under which networks that answer a dict keep what is learnt from, the likeliest first."""


@dataclass(frozen=True)
class Asked:
    """A network, and a batch that it takes."""

    title: str
    network: nn.Module
    given: tuple[Any, ...]
    named: dict[str, Any]
    examples: int
    axis: int = 0
    """Along which axis of every input the examples stand."""
    part: str = ""
    """Which part of its answer is meant, where it answers several tensors."""

    def rows(self, rows: Tensor) -> Asked:
        """The same network with these examples of the batch."""
        given, named = taken((self.given, self.named), rows, self.examples, self.axis)
        return replace(self, given=given, named=named, examples=len(rows))

    def with_examples(self, count: int) -> Asked:
        """As many examples as wanted: the batch's own, over again where it has fewer."""
        return self.rows(torch.arange(count) % self.examples)

    def forward(self) -> Tensor:
        """The network's answer as it stands: in its mode, with or without gradients."""
        return part_of(self.network(*self.given, **self.named), self.part, self.title)

    def answer(self, seed: int = SEED) -> Tensor:
        """The answer in eval mode without gradients; nothing of the network is changed."""
        with calm(self.network), torch.no_grad():
            torch.manual_seed(seed)
            return self.forward()

    @property
    def inputs(self) -> list[Tensor]:
        """The tensors that it is given."""
        return tensors((self.given, self.named))

    def replaced(self, made: list[Tensor]) -> Asked:
        """The same with other tensors in the places of `inputs`."""
        following = iter(made)

        def other(value: Any) -> Any:
            return next(following) if isinstance(value, Tensor) else value

        given, named = mapped(other, (self.given, self.named))
        return replace(self, given=given, named=named)


class Graded(NamedTuple):
    """A loss, and where it is one of classes, the scores (n, classes) and the labels (n)."""

    loss: Tensor
    scores: Tensor | None = None
    labels: Tensor | None = None


@dataclass
class Lesson:
    """What the networks learn: how a loss comes about, and which optimiser follows it."""

    networks: list[nn.Module]
    grade: Callable[[Tensor | None], Graded]
    """The loss of the batch; with rows, of these examples in the places of all."""
    examples: int
    optimiser: Callable[[], Optimizer]
    optimiser_said: str
    loss_said: str
    classes: int | None = None
    tiled: bool = False
    """Whether fewer examples stand in a batch of the old size, over and over."""
    data: list[Tensor] = field(default_factory=list)
    """What the networks and the loss are given."""

    def rows(self, count: int) -> Tensor:
        """Which examples are learnt if there are to be `count` different ones."""
        return torch.arange(self.examples if self.tiled else count) % count


def tensors(value: Any) -> list[Tensor]:
    """Every tensor in nested tuples, lists, dicts and dataclasses."""
    found: list[Tensor] = []
    mapped(lambda one: found.append(one) if isinstance(one, Tensor) else one, value)
    return found


def mapped(change: Callable[[Any], Any], value: Any) -> Any:
    """`value` with `change` of everything in it that holds nothing else."""
    if isinstance(value, dict):
        return {name: mapped(change, entry) for name, entry in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(mapped(change, entry) for entry in value))
    if isinstance(value, list | tuple) and not isinstance(value, torch.Size):
        return type(value)(mapped(change, entry) for entry in value)
    if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        entries = {name: getattr(value, name) for name in value.__dataclass_fields__}
        return mapped(change, entries)
    return change(value)


def taken(value: Any, rows: Tensor, examples: int, axis: int = 0) -> Any:
    """`value` with these rows of every tensor that has `examples` along `axis`."""

    def some(entry: Any) -> Any:
        if isinstance(entry, nn.Parameter) or not isinstance(entry, Tensor):
            return entry
        if entry.ndim <= axis or entry.shape[axis] != examples:
            return entry
        return entry.detach().index_select(axis, rows.to(entry.device))

    return mapped(some, value)


def part_of(answer: Any, part: str, title: str) -> Tensor:
    """The tensor of an answer that is meant: the only one, the one named, else the likeliest."""
    answer = vars(answer) if hasattr(answer, "__dataclass_fields__") else answer
    if part:
        return _named_part(answer, part, title)
    if isinstance(answer, dict):
        for name in LIKELY:
            if isinstance(answer.get(name), Tensor):
                found: Tensor = answer[name]
                return found
    every = tensors(answer)
    floats = [one for one in every if one.dtype.is_floating_point] or every
    if not floats:
        raise WrongUse(
            f"network {title}",
            f"an answer of kind {type(answer).__name__} without a tensor in it",
            "a tensor, or a tuple or dict of tensors",
            "return the tensor from forward",
        )
    return floats[0]


def _named_part(answer: Any, part: str, title: str) -> Tensor:
    known: dict[str, Any] = {}
    if isinstance(answer, dict):
        known = {str(name): entry for name, entry in answer.items()}
    elif isinstance(answer, list | tuple):
        known = {str(place): entry for place, entry in enumerate(answer)}
    found = tensors(known.get(part))
    if not found:
        names = [name for name, entry in known.items() if tensors(entry)]
        raise WrongUse(
            "--answer",
            repr(part),
            f"a part of what {title} answers: {', '.join(names) or 'one tensor, so no part'}",
            f"--answer {names[0]}" if names else "leave it out",
        )
    return found[0]


@contextmanager
def calm(network: nn.Module) -> Iterator[None]:
    """Eval mode inside the block; modes, buffers and chance are put back, weights not touched."""
    buffers = [(one, one.detach().clone()) for one in network.buffers()]
    modes = [(part, part.training) for part in network.modules()]
    with torch.random.fork_rng(devices=_devices()):
        network.eval()
        try:
            yield
        finally:
            for part, mode in modes:
                part.training = mode
            with torch.no_grad():
                for buffer, value in buffers:
                    buffer.copy_(value)


def _devices() -> list[int]:
    return list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []


@contextmanager
def kept(modules: list[nn.Module], optimiser: Optimizer | None = None) -> Iterator[None]:
    """Put everything back afterwards: weights, buffers, gradients, modes, memory, chance."""
    weights = {id(one): one for module in modules for one in module.parameters()}
    if optimiser is not None:
        weights |= {id(one): one for group in optimiser.param_groups for one in group["params"]}
    buffers = {id(one): one for module in modules for one in module.buffers()}
    values = [(one, one.detach().clone()) for one in [*weights.values(), *buffers.values()]]
    slopes = [(one, one.grad) for one in weights.values()]
    modes = [(part, part.training) for module in modules for part in module.modules()]
    memory = copy.deepcopy(optimiser.state_dict()) if optimiser is not None else None
    with torch.random.fork_rng(devices=_devices()):
        try:
            yield
        finally:
            with torch.no_grad():
                for tensor, value in values:
                    tensor.copy_(value)
            for weight, slope in slopes:
                weight.grad = slope
            for part, mode in modes:
                part.training = mode
            if optimiser is not None and memory is not None:
                optimiser.load_state_dict(memory)
