"""Gaussian noise on every value, with a spread of 0.05 to 0.5."""

import torch
from torch import Tensor

SEVERITIES = (0.05, 0.1, 0.2, 0.35, 0.5)
UNIT = "spread"


def corrupt(pictures: Tensor, size: float, chance: torch.Generator) -> Tensor:
    """(n, c, h, w) in 0…1 with noise, cut to 0…1."""
    return pictures + size * torch.randn(pictures.shape, generator=chance).double()
