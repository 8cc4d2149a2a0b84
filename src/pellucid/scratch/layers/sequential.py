"""Layers put one behind the other."""

from __future__ import annotations

from typing import Any

from pellucid.scratch.layer import Layer
from pellucid.scratch.tensor import Tensor


class Sequential(Layer):
    """Each layer gets what the one before it gives.

    Formula:     out = layerₙ(… layer₁(layer₀(x)))
    Shapes:      what the first layer takes → what the last one gives
    Parameters:  those of the layers, e.g. `0.weight`, `2.weight`
    Like:        torch.nn.Sequential
    """

    def __init__(self, *layers: Layer) -> None:
        self.parts = layers

    def children(self) -> dict[str, Layer]:
        return {str(number): layer for number, layer in enumerate(self.parts)}

    def forward(self, x: Tensor) -> Any:
        for layer in self.parts:
            x = layer(x)
        return x


class Flatten(Layer):
    """Each example's numbers in one row, as a linear layer wants them.

    Formula:     the operation `Reshape`
    Shapes:      x (n, a, b, …) → out (n, a·b·…)
    Parameters:  none
    Like:        torch.nn.Flatten
    """

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], -1)
