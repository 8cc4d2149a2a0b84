"""Recurrent: reads a picture row by row from the top, and answers after the last."""

from __future__ import annotations

import numpy as np

from pellucid.scratch.arrays import Index
from pellucid.scratch.initialisers import xavier
from pellucid.scratch.layer import Layer
from pellucid.scratch.layers.linear import Linear
from pellucid.scratch.layers.recurrent import LSTM
from pellucid.scratch.tensor import Tensor

EPOCHS = 4
BATCH_SIZE = 64
LEARNING_RATE = 0.004
WEIGHT_DECAY = 0.1
HIDDEN = 64


class RowReader(Layer):
    """An LSTM over the rows; its last answer is scored."""

    def __init__(self, row: int, classes: int, chance: np.random.Generator) -> None:
        self.read = LSTM(row, HIDDEN, chance)
        self.score = Linear(HIDDEN, classes, chance, initial=xavier)

    def forward(self, x: Tensor) -> Tensor:
        n, channels, height, width = x.shape
        rows = x.transpose(0, 2, 1, 3).reshape(n, height, channels * width)
        _, (last, _) = self.read(rows)
        scores: Tensor = self.score(last)
        return scores


def build(shape: Index, classes: int, chance: np.random.Generator) -> Layer:
    """x (n, *shape) → scores (n, classes)."""
    channels, _, width = shape
    return RowReader(channels * width, classes, chance)
