"""What a training will take on this machine: measured on a few real steps, not computed."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pellucid.nets._walk import Walk, walk
from pellucid.train.build import example_inputs
from pellucid.train.environment import precision
from pellucid.train.fit import Sitting
from pellucid.train.loop import Loop
from pellucid.train.watcher import Progress, Training, Watcher

WARM_UP = 3
"""Steps before the clock starts: the first ones set up kernels and the optimiser's state."""
FEWEST = 5
"""Steps that are measured, however long they take."""
BLOCKS = 5
"""The measured steps are cut into so many blocks; the spread is that of the blocks' means."""


@dataclass(frozen=True)
class Timing:
    """Seconds of one training step: forward, loss, backward, optimiser, and making the batch."""

    mean: float
    low: float
    """The fastest block's mean."""
    high: float
    """The slowest block's mean."""
    steps: int
    """How many steps were measured."""
    steps_per_epoch: int


@dataclass(frozen=True)
class Memory:
    """Bytes that a training holds at once, besides PyTorch itself and the data."""

    parameters: int
    gradients: int
    optimiser: int
    average: int
    """The moving average of the weights, if the recipe keeps one."""
    activations: int
    """What one batch leaves for its backward pass."""

    @property
    def total(self) -> int:
        """All of it together."""
        return self.parameters + self.gradients + self.optimiser + self.average + self.activations


def walk_through(sitting: Sitting) -> Walk:
    """The sitting's network, layer by layer, walked through on the CPU with two examples."""
    network = copy.deepcopy(sitting.network).cpu().float()
    return walk(network, example_inputs(sitting.task))


def measure(sitting: Sitting, seconds: float = 2.0) -> tuple[Timing, Memory]:
    """Train the sitting's network for about `seconds`, at least five steps, and look at the cost.

    The network is not the same afterwards. Judging on validation after an epoch is not measured.
    """
    loop = _loop(sitting)
    watch = _Stopwatch(WARM_UP, 0.0, sitting.device)
    _run(loop, watch)
    watch = _Stopwatch(FEWEST, seconds, sitting.device)
    _run(loop, watch)
    timing = _timing(watch.durations, sitting.feed.steps)
    return timing, _memory(sitting, loop)


class _Stopwatch:
    """Notes when each step ends; asks to stop after `seconds` and at least `fewest` steps."""

    def __init__(self, fewest: int, seconds: float, device: torch.device) -> None:
        self.fewest, self.seconds, self.device = fewest, seconds, device
        self.stamps = [time.perf_counter()]

    @property
    def durations(self) -> list[float]:
        return [late - early for early, late in zip(self.stamps, self.stamps[1:], strict=False)]

    @property
    def enough(self) -> bool:
        passed = self.stamps[-1] - self.stamps[0]
        return len(self.durations) >= self.fewest and passed >= self.seconds

    def __call__(self) -> bool:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        self.stamps.append(time.perf_counter())
        return self.enough


def _loop(sitting: Sitting) -> Loop:
    training = Training(sitting.recipe, sitting.network, "", sitting.feed.steps, Progress())
    return Loop(
        recipe=sitting.recipe,
        network=sitting.network,
        task=sitting.task,
        feed=sitting.feed,
        optimiser=sitting.optimiser,
        average=sitting.average,
        watchers=Watcher(),
        training=training,
        autocast=precision(sitting.recipe.precision, sitting.device),
        after_step=lambda: False,
    )


def _run(loop: Loop, watch: _Stopwatch) -> None:
    """The first epoch again and again, with its order and rates, until it is enough."""
    now = loop.training.progress
    loop.after_step = watch
    while not watch.enough:
        now.done = now.step = 0
        loop.epoch()


def _timing(durations: list[float], steps_per_epoch: int) -> Timing:
    means = [float(block.mean()) for block in np.array_split(np.array(durations), BLOCKS)]
    mean = float(np.mean(durations))
    return Timing(mean, min(means), max(means), len(durations), steps_per_epoch)


def _memory(sitting: Sitting, loop: Loop) -> Memory:
    weights = list(sitting.network.parameters())
    trained = [weight for weight in weights if weight.requires_grad]
    states = sitting.optimiser.state.values()
    kept = [entry for state in states for entry in state.values() if isinstance(entry, Tensor)]
    average = sitting.average.network.state_dict().values() if sitting.average else ()
    return Memory(
        parameters=sum(weight.nbytes for weight in weights),
        gradients=sum(weight.nbytes for weight in trained),
        optimiser=sum(tensor.nbytes for tensor in kept),
        average=sum(tensor.nbytes for tensor in average),
        activations=_saved_bytes(sitting, loop),
    )


def _saved_bytes(sitting: Sitting, loop: Loop) -> int:
    """What autograd keeps from one forward pass, each piece of memory once, weights left out."""
    own = {_place(tensor) for tensor in sitting.network.state_dict().values()}
    kept: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        if _place(tensor) not in own:
            kept[_place(tensor)] = tensor
        return tensor

    inputs, targets = next(sitting.feed.epoch(0))
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        # clones, as the feed's batches are parts of a memory that holds many
        graph = loop.forward(inputs.clone(), targets.clone())
    saved = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
    del graph
    return saved


def _place(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
