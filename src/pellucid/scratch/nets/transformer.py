"""Transformer: cuts a picture into patches, each of which may look at every other.

Source:  Dosovitskiy et al. 2021, An image is worth 16x16 words, with the mean over all patches in
         place of the class symbol
"""

from __future__ import annotations

import math

import numpy as np

from pellucid.scratch.arrays import Index
from pellucid.scratch.initialisers import normal, xavier
from pellucid.scratch.layer import Layer
from pellucid.scratch.layers.attention import TransformerEncoderLayer
from pellucid.scratch.layers.convolution import Conv2d
from pellucid.scratch.layers.linear import Linear
from pellucid.scratch.layers.norms import LayerNorm
from pellucid.scratch.layers.sequential import Sequential
from pellucid.scratch.pictures import Framed
from pellucid.scratch.tensor import Tensor

EPOCHS = 6
BATCH_SIZE = 64
LEARNING_RATE = 0.003
WEIGHT_DECAY = 0.1
WIDTH = 48
BLOCKS = 2


class PatchReader(Layer):
    """Patches become rows of numbers, know their place, look around, and are scored together."""

    def __init__(self, shape: Index, classes: int, chance: np.random.Generator) -> None:
        channels, height, width = shape
        patch = max(1, math.ceil(max(height, width) / 4))  # about 4 × 4 patches
        places = math.ceil(height / patch) * math.ceil(width / patch)
        self.frame = Framed(patch)
        self.cut = Conv2d(channels, WIDTH, patch, chance, stride=patch, initial=xavier)
        self.place = Tensor(normal((places, WIDTH), chance, 0.02), requires_grad=True)
        self.blocks = Sequential(
            *(
                TransformerEncoderLayer(WIDTH, 4, 4 * WIDTH, chance, norm_first=True)
                for _ in range(BLOCKS)
            )
        )
        self.norm = LayerNorm(WIDTH)
        self.score = Linear(WIDTH, classes, chance, initial=xavier)

    def forward(self, x: Tensor) -> Tensor:
        cut = self.cut(self.frame(x))  # (n, WIDTH, rows, columns)
        n, width, rows, columns = cut.shape
        patches = cut.reshape(n, width, rows * columns).transpose(0, 2, 1) + self.place
        seen = self.norm(self.blocks(patches))  # (n, places, WIDTH)
        scores: Tensor = self.score(seen.mean(1))
        return scores


def build(shape: Index, classes: int, chance: np.random.Generator) -> Layer:
    """x (n, *shape) → scores (n, classes)."""
    return PatchReader(shape, classes, chance)
