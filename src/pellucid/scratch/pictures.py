"""Pictures as networks like them, whatever their size."""

from __future__ import annotations

import numpy as np

from pellucid.scratch.arrays import Index
from pellucid.scratch.initialisers import PRECISION
from pellucid.scratch.layer import Layer
from pellucid.scratch.ops.interpolation import Bilinear
from pellucid.scratch.ops.movement import Pad
from pellucid.scratch.tensor import Tensor, apply


class Standardised(Layer):
    """Pixels of 0 … 255 become numbers around 0, about as many below as above it.

    Formula:  out = (x / 255 − mean) / std, by channel
    Shapes:   x uint8 (n, channels, h, w) → out float32, the same
    Source:   LeCun et al. 1998, Efficient backprop, section 4.3
    """

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        self.mean = np.array(mean, PRECISION).reshape(-1, 1, 1)
        self.std = np.array(std, PRECISION).reshape(-1, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return Tensor((x.data.astype(PRECISION) / 255 - self.mean) / self.std)


class Square(Layer):
    """Pictures of any size brought to `side` × `side`: framed if they nearly fit, else resized.

    Shapes:   x (n, channels, h, w) → out (n, channels, side, side)
    """

    def __init__(self, side: int) -> None:
        self.side = side

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        if not all(self.side - 4 <= size <= self.side for size in (height, width)):
            return apply(Bilinear((self.side, self.side)), x)
        return framed(x, (self.side, self.side))


class Framed(Layer):
    """Pictures with a frame at the right and below, so that whole patches fit.

    Shapes:   x (n, channels, h, w) → out (n, channels, h', w'), h' and w' divisible by `patch`
    """

    def __init__(self, patch: int) -> None:
        self.patch = patch

    def forward(self, x: Tensor) -> Tensor:
        more = [-size % self.patch for size in x.shape[-2:]]
        return apply(Pad([(0, 0), (0, 0), *((0, size) for size in more)]), x) if any(more) else x


def framed(x: Tensor, size: Index) -> Tensor:
    """`x` in the middle of a frame of zeros, which is about the mean grey."""
    widths = [(0, 0), (0, 0)]
    for own, wanted in zip(x.shape[-2:], size, strict=True):
        before = (wanted - own) // 2
        widths.append((before, wanted - own - before))
    return apply(Pad(widths), x)
