"""Every value raised by 0.1 to 0.5."""

import torch
from torch import Tensor

SEVERITIES = (0.1, 0.2, 0.3, 0.4, 0.5)
UNIT = "of the range"


def corrupt(pictures: Tensor, size: float, chance: torch.Generator) -> Tensor:
    """(n, c, h, w) in 0…1, brighter, cut to 0…1."""
    return pictures + size
