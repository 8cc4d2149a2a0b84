"""LeNet-5: the convolutional network that read the cheques of 1998.

Two convolutions with averaging in between, then three linear layers. It reads 32 × 32: pictures
of 28 and more get a frame, all others are resized. Kept from 1998: sizes, tanh, average pooling.

Source:  LeCun et al. 1998, Gradient-based learning applied to document recognition
"""

from __future__ import annotations

import numpy as np

from pellucid.scratch.arrays import Index
from pellucid.scratch.initialisers import xavier
from pellucid.scratch.layer import Layer
from pellucid.scratch.layers.activation import Tanh
from pellucid.scratch.layers.convolution import Conv2d
from pellucid.scratch.layers.linear import Linear
from pellucid.scratch.layers.pooling import AvgPool2d
from pellucid.scratch.layers.sequential import Flatten, Sequential
from pellucid.scratch.pictures import Square

EPOCHS = 5
BATCH_SIZE = 64
LEARNING_RATE = 0.003
WEIGHT_DECAY = 0.1


def build(shape: Index, classes: int, chance: np.random.Generator) -> Layer:
    """x (n, *shape) → scores (n, classes)."""
    return Sequential(
        Square(32),
        Conv2d(shape[0], 6, 5, chance, initial=xavier),  # → (n, 6, 28, 28)
        Tanh(),
        AvgPool2d(2),  # → (n, 6, 14, 14)
        Conv2d(6, 16, 5, chance, initial=xavier),  # → (n, 16, 10, 10)
        Tanh(),
        AvgPool2d(2),  # → (n, 16, 5, 5)
        Flatten(),  # → (n, 400)
        Linear(400, 120, chance, initial=xavier),
        Tanh(),
        Linear(120, 84, chance, initial=xavier),
        Tanh(),
        Linear(84, classes, chance, initial=xavier),
    )
