"""Values drawn towards their mean: 75 % to 10 % of the contrast are left."""

import torch
from torch import Tensor

SEVERITIES = (0.75, 0.5, 0.3, 0.2, 0.1)
UNIT = "of the contrast"


def corrupt(pictures: Tensor, size: float, chance: torch.Generator) -> Tensor:
    """(n, c, h, w) in 0…1 with each picture's and channel's own mean kept."""
    mean = pictures.mean(dim=(2, 3), keepdim=True)
    return mean + size * (pictures - mean)
