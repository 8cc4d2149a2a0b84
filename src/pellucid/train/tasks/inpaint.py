"""Restore a square that was hidden: judged inside the hole, and by what can be read again."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pellucid.base.errors import WrongUse
from pellucid.base.records import Record
from pellucid.data.dataset import Dataset, Split
from pellucid.train.closed_form import hole_lines
from pellucid.train.evaluate import batches
from pellucid.train.metrics import accuracy, per_class
from pellucid.train.reader import read, train_reader
from pellucid.train.restore import Restore, in_range
from pellucid.train.task import Arrays

PLACES = ("random", "centre")


class Inpaint(Restore):
    """A square of `hole` × `hole` pixels is set to 0, at a random place or in the centre.

    `emphasis` is how many times more an error inside the hole counts in the loss than the same
    error outside it.
    """

    def __init__(
        self,
        data: Record,
        label_smoothing: float = 0.0,
        hole: int = 10,
        place: str = "random",
        emphasis: float = 6.0,
    ) -> None:
        super().__init__(data)
        in_range("hole", hole, 1, min(self.shape[1:]) - 1, "pixels")
        if place not in PLACES:
            raise WrongUse("setting place", repr(place), " or ".join(PLACES), "--set place=centre")
        self.hole, self.place, self.emphasis = hole, place, emphasis

    def pose(
        self, inputs: Tensor, labels: Tensor, chance: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        hidden = self._hidden(len(inputs), chance, inputs.device)
        return inputs.masked_fill(hidden, 0), torch.cat([inputs, hidden.to(inputs.dtype)], dim=1)

    def _hidden(self, count: int, chance: torch.Generator, device: torch.device) -> Tensor:
        """(n, 1, h, w), true inside the hole."""
        sides = []
        for size in self.shape[1:]:
            if self.place == "centre":
                first = torch.full((count, 1), (size - self.hole) // 2, device=device)
            else:
                first = torch.randint(
                    size - self.hole + 1, (count, 1), generator=chance, device=device
                )
            place = torch.arange(size, device=device)
            sides.append((place >= first) & (place < first + self.hole))
        rows, columns = sides
        return rows[:, None, :, None] & columns[:, None, None, :]

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        weight = 1 + (self.emphasis - 1) * self.counts(target)
        return ((output - self.truth(target)).square() * weight).mean()

    def summary(self, judged: Arrays, labels: NDArray[np.int64]) -> Record:
        return {**super().summary(judged, labels), "inside_hole": True}

    def beside(
        self, network: nn.Module, data: Dataset, split: Split, device: torch.device
    ) -> Record:
        """The closed-form lines, and how many digits can be read before and after."""
        reader = train_reader(data, device)
        answers: dict[str, list[Tensor]] = {"clean": [], "damaged": [], "restored": []}
        holes = []
        for inputs, target in batches(self, split, device, seed=0):
            restored = self.answer(network(inputs).float(), target, inputs)
            answers["clean"].append(read(reader, self.truth(target), data))
            answers["damaged"].append(read(reader, inputs, data))
            answers["restored"].append(read(reader, restored, data))
            holes.append(self.counts(target)[:, 0].bool().cpu())
        read_as = {name: torch.cat(parts).numpy() for name, parts in answers.items()}
        rows = per_class(read_as["restored"], split.labels, len(self.classes))
        return {
            "hole": self.hole,
            "place": self.place,
            "beside": hole_lines(data.train, split, torch.cat(holes).numpy()),
            "read": {
                **accuracy(read_as["restored"], split.labels),
                "damaged": accuracy(read_as["damaged"], split.labels)["accuracy"],
                "clean": accuracy(read_as["clean"], split.labels)["accuracy"],
                "per_class": [
                    {"class": name, **row} for name, row in zip(self.classes, rows, strict=True)
                ],
            },
        }


TASK = Inpaint
