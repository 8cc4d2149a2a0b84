"""Which class is a picture of: one score a class, judged by the share of right answers."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pellucid.base.records import Record
from pellucid.train.metrics import (
    accuracy,
    calibration,
    confusion,
    mean_with_interval,
    most_confident_mistakes,
    per_class,
)
from pellucid.train.task import Arrays, Task, channel_constants, standardise


class Classify(Task):
    """Pictures in, one score a class out; judged by the share of right answers."""

    metric = "accuracy"

    def __init__(self, data: Record, label_smoothing: float = 0.0) -> None:
        super().__init__(data)
        self.label_smoothing = label_smoothing
        self.mean, self.std = channel_constants(data)

    def prepare(self, examples: Tensor) -> Tensor:
        device = examples.device
        return standardise(examples, self.mean.to(device), self.std.to(device))

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return functional.cross_entropy(output, target, label_smoothing=self.label_smoothing)

    def right(self, output: Tensor, target: Tensor) -> Tensor:
        return (output.argmax(1) == target).sum()

    def judge(self, output: Tensor, target: Tensor, inputs: Tensor) -> dict[str, Tensor]:
        output = output.float()
        return {
            "loss": functional.cross_entropy(output, target, reduction="none"),
            "probabilities": torch.softmax(output, dim=1),
        }

    def summary(self, judged: Arrays, labels: NDArray[np.int64]) -> Record:
        probabilities = judged["probabilities"]
        answers, classes = probabilities.argmax(axis=1), len(self.classes)
        return {
            **accuracy(answers, labels),
            "loss": mean_with_interval(judged["loss"], "loss")["loss"],
            "confusion": confusion(answers, labels, classes),
            "per_class": per_class(answers, labels, classes),
            "calibration": calibration(probabilities, labels),
        }

    def keepsakes(self, judged: Arrays, labels: NDArray[np.int64], summary: Record) -> list[int]:
        return most_confident_mistakes(judged["probabilities"], labels, count=24)


TASK = Classify
