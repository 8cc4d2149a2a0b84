"""The picture turned by 5 to 40 degrees, to a random side."""

import math

import torch
from torch import Tensor
from torch.nn import functional

SEVERITIES = (5.0, 10.0, 20.0, 30.0, 40.0)
UNIT = "degrees"


def corrupt(pictures: Tensor, size: float, chance: torch.Generator) -> Tensor:
    """(n, c, h, w) in 0…1, each turned around its middle; black comes in."""
    sides = torch.randint(2, (len(pictures),), generator=chance).double() * 2 - 1
    angle = sides * math.radians(size)
    height, width = pictures.shape[-2:]
    ratio = height / width
    zero = torch.zeros_like(angle)
    rows = torch.stack([angle.cos(), -angle.sin() * ratio, zero], dim=1)
    other = torch.stack([angle.sin() / ratio, angle.cos(), zero], dim=1)
    grid = functional.affine_grid(
        torch.stack([rows, other], dim=1), list(pictures.shape), align_corners=False
    )
    return functional.grid_sample(pictures, grid, align_corners=False)
