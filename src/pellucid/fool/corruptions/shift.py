"""The picture moved by 1 to 5 pixels, to a random side; black comes in."""

import torch
from torch import Tensor

SEVERITIES = (1, 2, 3, 4, 5)
UNIT = "pixels"


def corrupt(pictures: Tensor, size: float, chance: torch.Generator) -> Tensor:
    """(n, c, h, w) in 0…1, each moved up, down, left or right."""
    by = int(size)
    padded = torch.nn.functional.pad(pictures, (by, by, by, by))
    height, width = pictures.shape[-2:]
    sides = torch.randint(4, (len(pictures),), generator=chance).tolist()
    corner = {0: (0, by), 1: (2 * by, by), 2: (by, 0), 3: (by, 2 * by)}
    return torch.stack(
        [
            one[:, corner[side][0] : corner[side][0] + height, corner[side][1] :][:, :, :width]
            for one, side in zip(padded, sides, strict=True)
        ]
    )
