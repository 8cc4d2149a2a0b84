"""Linear: one weighted sum of the pixels for each class, the least that can learn."""

from __future__ import annotations

import math

import numpy as np

from pellucid.scratch.arrays import Index
from pellucid.scratch.initialisers import xavier
from pellucid.scratch.layer import Layer
from pellucid.scratch.layers.linear import Linear
from pellucid.scratch.layers.sequential import Flatten, Sequential

EPOCHS = 10
BATCH_SIZE = 64
LEARNING_RATE = 0.006
WEIGHT_DECAY = 0.01


def build(shape: Index, classes: int, chance: np.random.Generator) -> Layer:
    """x (n, *shape) → scores (n, classes)."""
    return Sequential(
        Flatten(),
        Linear(math.prod(shape), classes, chance, initial=xavier),
    )
