"""A grey square over a random place, with a side of 10 to 50 % of the picture."""

import torch
from torch import Tensor

SEVERITIES = (0.1, 0.2, 0.3, 0.4, 0.5)
UNIT = "of the side"


def corrupt(pictures: Tensor, size: float, chance: torch.Generator) -> Tensor:
    """(n, c, h, w) in 0…1 with a square of 0.5 in each."""
    changed = pictures.clone()
    height, width = pictures.shape[-2:]
    rows, columns = max(1, round(size * height)), max(1, round(size * width))
    for one in changed:
        top = int(torch.randint(height - rows + 1, (1,), generator=chance))
        left = int(torch.randint(width - columns + 1, (1,), generator=chance))
        one[:, top : top + rows, left : left + columns] = 0.5
    return changed
