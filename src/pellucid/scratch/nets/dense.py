"""Dense: two hidden layers between the pixels and the classes."""

from __future__ import annotations

import math

import numpy as np

from pellucid.scratch.arrays import Index
from pellucid.scratch.layer import Layer
from pellucid.scratch.layers.activation import ReLU
from pellucid.scratch.layers.linear import Linear
from pellucid.scratch.layers.sequential import Flatten, Sequential

EPOCHS = 8
BATCH_SIZE = 64
LEARNING_RATE = 0.002
WEIGHT_DECAY = 0.1


def build(shape: Index, classes: int, chance: np.random.Generator) -> Layer:
    """x (n, *shape) → scores (n, classes)."""
    return Sequential(
        Flatten(),
        Linear(math.prod(shape), 128, chance),
        ReLU(),
        Linear(128, 64, chance),
        ReLU(),
        Linear(64, classes, chance),
    )
