"""What denoising and in-painting share: a damaged picture in, the whole one out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pellucid.base.errors import WrongUse
from pellucid.base.records import Record
from pellucid.train.metrics import decibels, psnr
from pellucid.train.task import Arrays, Task, as_unit


class Restore(Task):
    """Pictures as pixels in 0…1; judged by the peak signal-to-noise ratio in decibels.

    A target is (n, c + 1, h, w): the true picture and, as its last channel, 1 where the answer
    counts (everywhere for noise, inside the hole for in-painting).
    """

    metric = "psnr_db"

    def output_shape(self) -> tuple[int, ...]:
        return self.shape

    def prepare(self, examples: Tensor) -> Tensor:
        return as_unit(examples)

    def truth(self, target: Tensor) -> Tensor:
        return target[:, :-1]

    def counts(self, target: Tensor) -> Tensor:
        """(n, 1, h, w): 1 where the answer is judged."""
        return target[:, -1:]

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return functional.mse_loss(output, self.truth(target))

    def answer(self, output: Tensor, target: Tensor, inputs: Tensor) -> Tensor:
        """The restored picture: the network's where it counts, the given pixels elsewhere."""
        where = self.counts(target)
        return output.clamp(0, 1) * where + inputs * (1 - where)

    def judge(self, output: Tensor, target: Tensor, inputs: Tensor) -> dict[str, Tensor]:
        output = output.float()
        restored = self.answer(output, target, inputs)
        return {
            "loss": (output - self.truth(target)).square().mean(dim=(1, 2, 3)),
            "squared_error": self._squared_error(restored, target),
            "given_squared_error": self._squared_error(inputs, target),
        }

    def _squared_error(self, picture: Tensor, target: Tensor) -> Tensor:
        """Mean over the pixels that count, for each example."""
        where = self.counts(target)
        error = ((picture - self.truth(target)).square() * where).sum(dim=(1, 2, 3))
        return error / (where.sum(dim=(1, 2, 3)) * self.shape[0])

    def summary(self, judged: Arrays, labels: NDArray[np.int64]) -> Record:
        return {
            **psnr(judged["squared_error"]),
            "given_psnr_db": decibels(float(judged["given_squared_error"].mean())),
            "loss": float(judged["loss"].mean(dtype=np.float64)),
        }

    def keepsakes(self, judged: Arrays, labels: NDArray[np.int64], summary: Record) -> list[int]:
        """For each of the first 24 classes the example of median error: neither best nor worst."""
        places = []
        for label in np.unique(labels)[:24]:
            members = np.flatnonzero(labels == label)
            order = np.argsort(judged["squared_error"][members], kind="stable")
            places.append(int(members[order[len(order) // 2]]))
        return places


def in_range(name: str, value: float, low: float, high: float, unit: str) -> None:
    """Refuse a setting outside low … high."""
    if not low <= value <= high:
        raise WrongUse(
            f"setting {name}",
            f"{value:g}",
            f"{low:g} to {high:g} {unit}",
            f"--set {name}={min(max(value, low), high):g}",
        )
