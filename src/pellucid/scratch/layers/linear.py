"""Every output looks at every input."""

from __future__ import annotations

import numpy as np

from pellucid.scratch.initialisers import Initialiser, kaiming, zeros
from pellucid.scratch.layer import Layer
from pellucid.scratch.tensor import Tensor


class Linear(Layer):
    """Each output is a weighted sum of all inputs, plus a bias of its own.

    Formula:     out[…, j] = Σₖ x[…, k] · weight[j, k] + bias[j]
    Shapes:      x (…, in_features) → out (…, out_features)
    Parameters:  weight (out_features, in_features) from `initial`; bias (out_features,) at 0
    Like:        torch.nn.Linear, which starts elsewhere
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        chance: np.random.Generator,
        bias: bool = True,
        initial: Initialiser = kaiming,
    ) -> None:
        self.weight = Tensor(initial((out_features, in_features), chance), requires_grad=True)
        self.bias = Tensor(zeros((out_features,)), requires_grad=True) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        out = x @ self.weight.transpose()
        return out if self.bias is None else out + self.bias
