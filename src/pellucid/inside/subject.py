"""What an instrument looks at, and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pellucid.base.records import Record
from pellucid.base.seeds import named_seed
from pellucid.data.dataset import Dataset, Split
from pellucid.train.runs import Run
from pellucid.train.task import Task

EXAMPLES = 256
"""Validation examples for statistics: their error is about 1/√256 of the spread, 6 %."""
SHOWN = 10
"""Classes of which one picture is shown."""
TRIED = 32
"""Examples of a class among which a rightly answered one is looked for."""


@dataclass(frozen=True)
class Gallery:
    """Many examples with what is known of them.

    Shapes: inputs (n, …) as the network is given them, stored (n, …) as the data set holds them,
    labels (n,), targets (n, …) as the loss takes them.
    """

    inputs: Tensor
    stored: Tensor
    labels: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True)
class Frame:
    """The weights and buffers that a network had after an epoch, by name."""

    epoch: int
    weights: dict[str, Tensor]


@dataclass(frozen=True)
class Subject:
    """A network and what it is shown; never anything of the sealed test set.

    Shapes: examples (n, …) and shown (k, …) as the network is given them; stored (k, …) as the
    data set holds them; labels (k,); shape is one example's, (channel, row, column) for pictures.
    """

    network: nn.Module
    examples: Tensor
    shape: tuple[int, ...]
    shown: Tensor
    stored: Tensor
    labels: Tensor
    pictures: list[Record] = field(default_factory=list)
    """For each shown example: `class`, `index` in the validation split, `correct` or null."""
    seed: int = 0
    classes: tuple[str, ...] = ()
    """The names of the answers, or of the symbols; empty where they have none."""
    gallery: Gallery | None = None
    """Many examples; None leaves the shown ones."""
    layers: tuple[str, ...] = ()
    """The layers that were asked for; empty means all."""
    black: Tensor | None = None
    """What the network is given for a black picture, of one example's shape."""
    white: Tensor | None = None
    target: int | None = None
    """The class that was asked about; None means the network's own answer."""
    against: int | None = None
    """The class that it is held against."""
    film: tuple[Frame, ...] = ()
    """The run's checkpoints in their order."""
    relabelled: dict[str, Tensor] | None = None
    """The weights of the same network after the same training on shuffled labels, where asked."""
    loss: Callable[[Tensor, Tensor], Tensor] | None = None
    """What training made small, of an output and its targets."""

    @property
    def many(self) -> Gallery:
        """The gallery, or the shown examples where there is none."""
        return self.gallery or Gallery(self.shown, self.stored, self.labels, self.labels)

    @property
    def is_pictures(self) -> bool:
        """Are the examples pictures, (channel, row, column)?"""
        return len(self.shape) == 3


@dataclass(frozen=True)
class Reading:
    """What an instrument found: plain facts, and arrays by name.

    `facts` always holds `limits` (sentences: what the numbers do not cover), `error` (the largest
    error of a kept number, in its own unit) and `skipped` (sentences: what did not apply, and why).
    """

    facts: Record
    tensors: dict[str, Tensor] = field(default_factory=dict)


def subject_of(run: Run, dataset: Dataset) -> Subject:
    """The run's network with validation examples, the same ones at every call."""
    network, task, split = run.network, run.task, dataset.validation
    seed = run.recipe.seed
    places = np.unique(np.linspace(0, len(split) - 1, EXAMPLES).round().astype(np.int64))
    with undisturbed(network, seed):
        examples = posed(task, split, places, seed)
        chosen = _one_a_class(network, task, split, seed)
        index = np.array([entry["index"] for entry in chosen], dtype=np.int64)
        shown = posed(task, split, index, seed)
    return Subject(
        network=network,
        examples=examples,
        shape=dataset.shape,
        shown=shown,
        stored=torch.from_numpy(np.ascontiguousarray(split.inputs[index])),
        labels=torch.from_numpy(np.ascontiguousarray(split.labels[index])),
        pictures=chosen,
        seed=seed,
    )


def posed(task: Task, split: Split, places: np.ndarray[Any, Any], seed: int) -> Tensor:
    """The examples at `places` as the task poses them to the network."""
    chance = torch.Generator().manual_seed(named_seed(seed, "inside", "pose"))
    stored = torch.from_numpy(np.ascontiguousarray(split.inputs[places]))
    labels = torch.from_numpy(np.ascontiguousarray(split.labels[places]))
    return task.pose(task.prepare(stored), labels, chance)[0]


def _one_a_class(network: nn.Module, task: Task, split: Split, seed: int) -> list[Record]:
    """For each of the first classes the first rightly answered example, else the first one."""
    if task.kind != "pictures":
        return [{"class": "", "index": 0, "correct": None}]
    chosen: list[Record] = []
    for label in np.unique(split.labels)[:SHOWN]:
        places = np.flatnonzero(split.labels == label)[:TRIED]
        place, correct = int(places[0]), None
        if task.metric == "accuracy":
            answers = network(posed(task, split, places, seed)).argmax(dim=1).numpy()
            right = places[answers == label]
            correct = bool(len(right))
            place = int(right[0]) if correct else place
        chosen.append({"class": task.classes[int(label)], "index": place, "correct": correct})
    return chosen


@contextmanager
def undisturbed(network: nn.Module, seed: int) -> Iterator[None]:
    """In eval mode, without gradients, with chance of its own; all put back afterwards."""
    modes = [(module, module.training) for module in network.modules()]
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(named_seed(seed, "inside"))
        network.eval()
        try:
            yield
        finally:
            for module, training in modes:
                module.training = training
