"""A Gaussian blur with a spread of 0.5 to 2.5 pixels."""

import math

import torch
from torch import Tensor
from torch.nn import functional

SEVERITIES = (0.5, 1.0, 1.5, 2.0, 2.5)
UNIT = "pixels"


def corrupt(pictures: Tensor, size: float, chance: torch.Generator) -> Tensor:
    """(n, c, h, w) in 0…1, blurred along rows, then along columns; the edge goes on outside."""
    reach = math.ceil(3 * size)
    place = torch.arange(-reach, reach + 1).double()
    kernel = torch.exp(-(place**2) / (2 * size**2))
    kernel = kernel / kernel.sum()
    channels = pictures.shape[1]
    across = kernel.view(1, 1, 1, -1).expand(channels, 1, 1, -1)
    padded = functional.pad(pictures, (reach, reach, reach, reach), mode="replicate")
    once = functional.conv2d(padded, across, groups=channels)
    return functional.conv2d(once, across.transpose(2, 3), groups=channels)
