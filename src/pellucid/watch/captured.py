"""Batches as a training met them, kept so that its steps can be done again on copies."""

from __future__ import annotations

import copy
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from pellucid.watch.program import Program, version_of
from pellucid.watch.recorder import tensors_in
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
    """One loss that was learnt from: what the network got, and how the loss came about."""

    step: int
    given: tuple[Any, ...]
    named: dict[str, Any]
    versions: tuple[int, ...]
    chance: Tensor | None
    """The state of PyTorch's random numbers before the pass."""
    tail: Program | None
    """From the network's answer to the loss; None if that needs more than one pass."""
    loss: float
    training: bool
    program: Program | None = None
    """From data to the loss, with every pass."""
    gathered: frozenset[int] = frozenset()
    """Parameters, by identity, whose gradients this loss's were added to."""
    answers: frozenset[int] = frozenset()
    """Constants of the program, by identity, that a network answered without a graph."""

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

    def settle(self, met: Tensor | None) -> None:
        """What came beside the inputs is the target, or else what the answer itself met. Numbers
        are only if it did: beside standardised inputs there may be raw ones, and an answer that is
        turned back into these."""
        if self.target is None:
            self.target = met
        if met is None and self.target is not None and self.target.dtype.is_floating_point:
            is_yes_or_no = bool(((self.target == 0) | (self.target == 1)).all())
            self.target = self.target if is_yes_or_no else None

    def is_the_same_as(self, batch: Batch) -> bool:
        mine, other = (next(iter(tensors_in((b.given, b.named))), None) for b in (self, batch))
        return mine is not None and other is not None and mine.data_ptr() == other.data_ptr()


@dataclass
class Captured:
    """What can be put back on the bench after a training."""

    beginning: list[Batch] = field(default_factory=list)
    later: deque[Batch] = field(default_factory=lambda: deque(maxlen=LATER))
    held: deque[Held] = field(default_factory=lambda: deque(maxlen=LATER))
    networks: list[nn.Module] = field(default_factory=list)
    """Those that losses depend on, as they are now."""
    trained: dict[int, Tensor] = field(default_factory=dict)
    """By identity, what optimisers hold."""
    model: int = 0
    """The first one's number among the networks of the trace."""
    optimisers: list[Optimizer] = field(default_factory=list)
    """Copies, each from before its first step."""
    copies: dict[int, Any] = field(default_factory=dict)
    """By identity, copies of networks, parameters and optimisers from before their first steps."""
    buffers: dict[int, dict[str, Tensor]] = field(default_factory=dict)
    """By network, its buffers before its first pass."""
    rates: dict[int, tuple[float, ...]] = field(default_factory=dict)
    """By step, the learning rates of the optimiser's groups."""
    steppers: dict[int, int] = field(default_factory=dict)
    """By step, which optimiser made it."""
    clipped: float | None = None
    """The norm to which the script clips gradients."""
    why_not: str = ""
    """Why steps cannot be done again, if they cannot."""
    kept: int = 0

    def loose(self) -> list[Tensor]:
        """What is learnt, and belongs to none of the networks."""
        own = {id(weight) for network in self.networks for weight in network.parameters()}
        programs = (batch.program for batch in self.batches() if batch.program is not None)
        used = {id(c.tensor): c.tensor for program in programs for c in program.constants()}
        return [used[k] for k in used if k in self.trained and k not in own]

    @property
    def is_plain(self) -> bool:
        """Whether there is one network, which each loss depends on by one pass."""
        alone = len(self.networks) == 1 and not self.loose()
        return alone and all(batch.tail is not None for batch in self.batches())

    def wants(self, step: int) -> bool:
        """Whether the next batch is to be kept."""
        if self.why_not:
            return False
        each = EACH << (step // 1000).bit_length()  # 50, from 1,000 on 100, from 2,000 on 200 …
        return (step < BEGINNING or step % each == 0) and self.kept < MOST

    def note_pass(self, network: nn.Module) -> None:
        """Before a pass that may be the network's first."""
        if id(network) not in self.buffers:
            found = network.named_buffers()
            self.buffers[id(network)] = {name: value.clone() for name, value in found}

    def keep(self, batch: Batch, shape: tuple[int, ...]) -> None:
        """Keep a batch whose program is known, and whose answer has this shape."""
        program = batch.program
        assert program is not None
        self.kept += sum(constant.tensor.numel() for constant in program.constants())
        networks = program.networks()
        for network in networks:
            if not any(network is known for known in self.networks):
                self.networks.append(network)
        tail = program.tail(shape)
        if tail is not None:
            names = {id(weight): name for name, weight in networks[0].named_parameters()}
            tail = tail.on(names, {})
        batch.tail = tail if tail is not None and tail.is_closed() else None
        every = (weight for network in self.networks for weight in network.parameters())
        gradients = ((id(weight), weight.grad) for weight in every)
        batch.gathered = frozenset(k for k, g in gradients if g is not None and bool(g.any()))
        (self.beginning if batch.step < BEGINNING else self.later).append(batch)

    def batches(self) -> list[Batch]:
        return [*self.beginning, *self.later]

    def note_step(self, number: int, optimiser: Optimizer, which: int) -> None:
        """Copy what makes its first step now."""
        if self.why_not or not self.networks:
            return
        if type(optimiser).__name__ == "LBFGS":
            self.why_not = "the optimiser asks for several passes a step"
        elif which >= len(self.optimisers) and number >= BEGINNING:
            self.why_not = f"another optimiser came after the first {BEGINNING} steps"
        else:
            self.steppers[number] = which
            self._copy(optimiser, which)

    def _copy(self, optimiser: Optimizer, which: int) -> None:
        try:
            for network in self.networks:
                self._copy_network(network)
            if which < len(self.optimisers):
                return
            every = [weight for group in optimiser.param_groups for weight in group["params"]]
            self.trained |= {id(weight): weight for weight in every}
            self.optimisers.append(copy.deepcopy(optimiser, self.copies))
        except Exception:
            self.why_not = "the network cannot be copied"
        else:
            forget_gradients(self.optimisers[-1])

    def _copy_network(self, network: nn.Module) -> None:
        if id(network) in self.copies:
            return
        twin = copy.deepcopy(network, self.copies)
        known = self.buffers.get(id(network), {})
        for name, value in twin.named_buffers():
            if name in known:
                value.copy_(known[name])


def forget_gradients(optimiser: Optimizer) -> None:
    """As `zero_grad`, whose first call would import PyTorch's compiler: 2 s and more."""
    for group in optimiser.param_groups:
        for weight in group["params"]:
            weight.grad = None


def chance() -> Tensor:
    return torch.get_rng_state()
