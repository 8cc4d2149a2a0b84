"""What a step takes: memory by what holds it, and seconds, measured on real steps."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from pellucid.doctor.check.asked import SEED, Lesson, kept
from pellucid.doctor.check.learning import step

WARM_UP = 3
"""Steps before the clock starts: the first ones set up kernels and the optimiser's memory."""
FEWEST = 5
"""Steps that are measured, unless they take longer than `LONGEST` together."""
SECONDS, LONGEST = 1.0, 20.0
BLOCKS = 5
"""The measured steps are cut into so many blocks; the spread is that of the blocks' means."""


@dataclass(frozen=True)
class Cost:
    """Seconds and bytes of training steps with one batch."""

    seconds: float
    """Of a step: forward, loss, backward, optimiser; without loading the batch."""
    low: float
    high: float
    steps: int
    """How many were measured."""
    batch_size: int
    parameters: int
    gradients: int
    optimiser: int
    activations: int
    """What one batch leaves for its backward pass."""

    @property
    def bytes(self) -> int:
        return self.parameters + self.gradients + self.optimiser + self.activations


def ask_costs(lesson: Lesson) -> Cost:
    """Train for about a second, and look at what is held; everything is put back."""
    optimiser = lesson.optimiser()
    weights = list({id(w): w for net in lesson.networks for w in net.parameters()}.values())
    with kept(lesson.networks, optimiser):
        torch.manual_seed(SEED)
        activations = _saved_bytes(lesson)
        durations = _measure(lesson, optimiser)
        states = [value for state in optimiser.state.values() for value in state.values()]
        memory = sum(value.nbytes for value in states if isinstance(value, Tensor))
    means = [sum(block) / len(block) for block in _blocks(durations)]
    return Cost(
        seconds=sum(durations) / len(durations),
        low=min(means),
        high=max(means),
        steps=len(durations),
        batch_size=lesson.examples,
        parameters=sum(weight.nbytes for weight in weights),
        gradients=sum(weight.nbytes for weight in weights if weight.requires_grad),
        optimiser=memory,
        activations=activations,
    )


def _measure(lesson: Lesson, optimiser: torch.optim.Optimizer) -> list[float]:
    begun = time.perf_counter()
    for _ in range(WARM_UP):
        step(lesson, optimiser, None)
        if time.perf_counter() - begun > LONGEST / 4:
            break
    durations: list[float] = []
    while True:
        before = time.perf_counter()
        step(lesson, optimiser, None)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        durations.append(time.perf_counter() - before)
        passed = sum(durations)
        if (passed > SECONDS and len(durations) >= FEWEST) or passed > LONGEST:
            return durations


def _blocks(durations: list[float]) -> list[list[float]]:
    """As many blocks of steps in a row as there can be, five at most."""
    count = min(BLOCKS, len(durations))
    size = len(durations) // count
    return [durations[place * size : (place + 1) * size] for place in range(count)]


def _saved_bytes(lesson: Lesson) -> int:
    """What autograd keeps of one forward pass, each piece of memory once, weights left out."""
    own = {
        _place(tensor)
        for network in lesson.networks
        for tensor in [*network.parameters(), *network.buffers()]
    }
    held: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        if _place(tensor) not in own:
            held[_place(tensor)] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        graded = lesson.grade(None)
    given = {_place(tensor) for tensor in lesson.data}  # may be parts of a memory that holds all
    total = sum(
        tensor.nbytes if place in given else tensor.untyped_storage().nbytes()
        for place, tensor in held.items()
    )
    del graded
    return total


def _place(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
