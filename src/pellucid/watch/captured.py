"""Batches as a training met them, kept so that its steps can be done again on a copy."""

from __future__ import annotations

import copy
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from pellucid.watch.recorder import tensors_in
from pellucid.watch.tail import Tail, version_of
from pellucid.watch.trace import Pass

BEGINNING = 60
"""Steps that are kept from the first on."""
LATER = 40
"""Steps of those after them that are kept, the newest; one in `EACH`, and more and more rarely."""
EACH = 50
MOST = 64_000_000
"""Numbers in all that are kept; larger batches are kept less often."""


@dataclass
class Batch:
    """One pass that was learnt from: what the network got, and how its loss came about."""

    step: int
    given: tuple[Any, ...]
    named: dict[str, Any]
    versions: tuple[int, ...]
    chance: Tensor
    """The state of PyTorch's random numbers before the pass."""
    tail: Tail | None
    loss: float
    training: bool

    @property
    def size(self) -> int:
        first = next(iter(tensors_in((self.given, self.named))), None)
        return len(first) if first is not None and first.ndim else 0

    def is_fresh(self) -> bool:
        """Whether the batch is still as it was."""
        now = tuple(version_of(tensor) for tensor in tensors_in((self.given, self.named)))
        return now == self.versions and self.tail is not None and self.tail.is_fresh()


@dataclass
class Held:
    """A batch of an evaluation."""

    step: int
    given: tuple[Any, ...]
    named: dict[str, Any]
    target: Tensor | None
    training: bool
    facts: Pass | None = None
    """What was noted of the pass."""

    def is_the_same_as(self, batch: Batch) -> bool:
        mine, other = (next(iter(tensors_in((b.given, b.named))), None) for b in (self, batch))
        return mine is not None and other is not None and mine.data_ptr() == other.data_ptr()


@dataclass
class Captured:
    """What can be put back on the bench after a training."""

    beginning: list[Batch] = field(default_factory=list)
    later: deque[Batch] = field(default_factory=lambda: deque(maxlen=LATER))
    held: deque[Held] = field(default_factory=lambda: deque(maxlen=LATER))
    network: nn.Module | None = None
    """The network as it is now."""
    model: int = 0
    """Its number among the networks of the trace."""
    first: tuple[nn.Module, Optimizer] | None = None
    """A copy of the network before its first step, with an optimiser of its own."""
    rates: dict[int, tuple[float, ...]] = field(default_factory=dict)
    """By step, the learning rates of the optimiser's groups."""
    clipped: float | None = None
    """The norm to which the script clips gradients."""
    why_not: str = ""
    """Why steps cannot be done again, if they cannot."""
    kept: int = 0

    def wants(self, step: int) -> bool:
        """Whether the next batch is to be kept."""
        if self.why_not:
            return False
        each = EACH << (step // 1000).bit_length()  # 50, from 1,000 on 100, from 2,000 on 200 …
        return (step < BEGINNING or step % each == 0) and self.kept < MOST

    def keep(self, batch: Batch) -> None:
        self.kept += sum(tensor.numel() for tensor in tensors_in((batch.given, batch.named)))
        (self.beginning if batch.step < BEGINNING else self.later).append(batch)

    def batches(self) -> list[Batch]:
        return [*self.beginning, *self.later]


def copy_of(network: nn.Module, optimiser: Optimizer) -> tuple[nn.Module, Optimizer] | None:
    """Both together, so that the copied optimiser holds the copied parameters; None if it fails."""
    try:
        twin, stepper = copy.deepcopy((network, optimiser))
    except Exception:
        return None
    forget_gradients(stepper)
    return twin, stepper


def forget_gradients(optimiser: Optimizer) -> None:
    """As `zero_grad`, whose first call would import PyTorch's compiler: 2 s and more."""
    for group in optimiser.param_groups:
        for weight in group["params"]:
            weight.grad = None


def chance() -> Tensor:
    return torch.get_rng_state()
