"""What is asked of a network, and how its answers are judged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pellucid.base.catalog import Catalog
from pellucid.base.errors import WrongUse
from pellucid.base.records import Record
from pellucid.data.dataset import Dataset, Split
from pellucid.train.recipe import Recipe
from pellucid.train.settings import parameters, typed

TASKS = Catalog("task", "train.tasks")
Arrays = dict[str, NDArray[Any]]


class Task(ABC):
    """One kind of question, for the data that `data` (a `Dataset.as_record()`) describes."""

    metric: ClassVar[str]
    """The name of the number that training is judged by, as it stands in JSON."""
    higher_is_better: ClassVar[bool] = True
    kind: ClassVar[str] = "pictures"

    def __init__(self, data: Record) -> None:
        self.data = data
        self.classes: list[str] = list(data["classes"])
        self.shape: tuple[int, ...] = tuple(data["shape"])
        if data["kind"] != self.kind:
            fitting = "next-symbol" if data["kind"] == "symbols" else "classify"
            raise WrongUse(
                f"task {self.name}",
                f"{data['card']['name']}, which holds {data['kind']}",
                f"data of {self.kind}",
                f"choose --task {fitting}, or other data",
            )

    @property
    def name(self) -> str:
        """What it is called in the catalog: its file's name, with dashes."""
        return type(self).__module__.rpartition(".")[2].replace("_", "-")

    def build_arguments(self) -> dict[str, Any]:
        """What a network's `build` needs to know: inputs, outputs, symbols."""
        return {"inputs": self.shape, "outputs": len(self.classes), "symbols": 0}

    def output_shape(self) -> tuple[int, ...]:
        """The shape of the network's answer to one example."""
        return (len(self.classes),)

    @abstractmethod
    def prepare(self, examples: Tensor) -> Tensor:
        """Stored examples, as uint8 pictures (n, c, h, w), to what the network is given."""

    def pose(
        self, inputs: Tensor, labels: Tensor, chance: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """The question and the right answer: (inputs, targets)."""
        return inputs, labels

    @abstractmethod
    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """What training makes small: the mean over the batch, a scalar."""

    def answers(self, target: Tensor) -> Tensor:
        """Over how many answers `loss` is a mean."""
        return torch.tensor(len(target), device=target.device)

    def right(self, output: Tensor, target: Tensor) -> Tensor | None:
        """How many answers of the batch are right, where right and wrong exist."""
        return None

    @abstractmethod
    def judge(self, output: Tensor, target: Tensor, inputs: Tensor) -> dict[str, Tensor]:
        """Numbers for each example, kept for the summary; `loss` (n,) is always among them."""

    @abstractmethod
    def summary(self, judged: Arrays, labels: NDArray[np.int64]) -> Record:
        """The metric with its interval, and what else a reader wants to know."""

    def keepsakes(self, judged: Arrays, labels: NDArray[np.int64], summary: Record) -> list[int]:
        """Places of the examples that the report shows as pictures."""
        return []

    def truth(self, target: Tensor) -> Tensor:
        """The right answer alone, where a target holds more than that."""
        return target

    def answer(self, output: Tensor, target: Tensor, inputs: Tensor) -> Tensor:
        """The network's answer as a person is shown it."""
        return output

    def beside(
        self, network: nn.Module, data: Dataset, split: Split, device: torch.device
    ) -> Record:
        """What the result is held against on the same questions, e.g. closed-form baselines."""
        return {}

    def specimens(self, network: nn.Module) -> list[str]:
        """What the network makes by now, where it makes something that can be read."""
        return []

    def better(self, value: float, best: float | None) -> bool:
        """Is `value` at least as good as the best so far? Of equals the later one is kept: it has
        been trained for longer, and in most schedules at a lower rate."""
        if best is None:
            return True
        return value >= best if self.higher_is_better else value <= best


def make_task(recipe: Recipe, data: Record) -> Task:
    """The recipe's task, with those of the recipe's settings that it knows."""
    kind = TASKS.load(recipe.task).TASK
    known = accepted_settings(recipe.task)
    chosen = {name: value for name, value in recipe.options.items() if name in known}
    made: Task = kind(data, label_smoothing=recipe.label_smoothing, **typed(kind, chosen))
    return made


def accepted_settings(name: str) -> list[str]:
    """The settings of a task by name: the keyword arguments of its class."""
    known = parameters(TASKS.load(name).TASK)
    return [key for key in known if key not in ("data", "label_smoothing")]


def standardise(pictures: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """uint8 pictures (n, c, h, w) → float32 with mean 0 and spread 1 over the train split.

    One multiplication and one addition: pixel/255 is standardised by (pixel/255 − mean) / std.
    """
    scale = 1 / (255 * std)
    return torch.addcmul(-mean / std, pictures.to(scale.dtype), scale)


def as_unit(pictures: Tensor) -> Tensor:
    """uint8 pictures → float32 in 0…1."""
    return pictures.to(torch.float32).mul_(1 / 255)


def channel_constants(data: Record) -> tuple[Tensor, Tensor]:
    """Mean and spread of the train split as tensors that broadcast over (n, c, h, w)."""
    mean = torch.tensor(data["mean"], dtype=torch.float32).view(-1, 1, 1)
    std = torch.tensor(data["std"], dtype=torch.float32).view(-1, 1, 1)
    return mean, std


def uses_convolution(network: nn.Module) -> bool:
    """Does the network hold a two-dimensional convolution?"""
    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    return any(isinstance(module, kinds) for module in network.modules())
