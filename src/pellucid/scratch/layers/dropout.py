"""Numbers left out by chance while learning."""

from __future__ import annotations

import numpy as np

from pellucid.base.errors import WrongUse
from pellucid.scratch.layer import Layer
from pellucid.scratch.ops import dropout
from pellucid.scratch.tensor import Tensor, apply


class Dropout(Layer):
    """Each number is left out with the chance `p`, so that no unit can lean on a single other.

    Formula:     the operation `Dropout`
    Shapes:      x any shape → the same
    Parameters:  none
    Modes:       training leaves out and makes up for it by 1 / (1 − p); judging changes nothing
    Like:        torch.nn.Dropout, which draws from a generator that all share
    Source:      Srivastava et al. 2014, Dropout, section 4
    """

    def __init__(self, p: float, chance: np.random.Generator) -> None:
        if not 0 <= p < 1:
            raise WrongUse(
                "Dropout", f"p = {p:g}", "0 up to, but not, 1", "use a share such as 0.5"
            )
        self.p = p
        self.chance = chance

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        return apply(dropout.Dropout(self.p, self.chance), x)
