"""Changes to training pictures that leave their meaning as it is.

Each takes uint8 pictures (n, c, h, w) and a generator, and returns pictures of the same shape.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.train.recipe import parse_augmentation


def augment(pictures: Tensor, words: Sequence[str], chance: torch.Generator) -> Tensor:
    """All changes that `words` name (`shift:2`, `flip`, …), in that order."""
    for word in words:
        name, size = parse_augmentation(word)
        pictures = _CHANGES[name](pictures, size, chance)
    return pictures


def shift(pictures: Tensor, size: float, chance: torch.Generator) -> Tensor:
    """Move each picture by up to `size` pixels each way; what comes in from outside is 0."""
    reach = int(size)
    return _windows(functional.pad(pictures, (reach,) * 4), pictures.shape, chance)


def crop(pictures: Tensor, size: float, chance: torch.Generator) -> Tensor:
    """As `shift`, but what comes in from outside mirrors the inside: for photographs."""
    reach = min(int(size), pictures.shape[2] - 1, pictures.shape[3] - 1)
    return _windows(_mirror(pictures, reach), pictures.shape, chance)


def _mirror(pictures: Tensor, reach: int) -> Tensor:
    rows, columns = pictures.shape[2:]
    row = _bounce(torch.arange(-reach, rows + reach, device=pictures.device), rows)
    column = _bounce(torch.arange(-reach, columns + reach, device=pictures.device), columns)
    return pictures[:, :, row][:, :, :, column]


def _bounce(place: Tensor, size: int) -> Tensor:
    """Places outside 0 … size−1 thrown back inside: −1 → 1, size → size−2."""
    return (size - 1) - (place.abs() - (size - 1)).abs()


def _windows(padded: Tensor, shape: Sequence[int], chance: torch.Generator) -> Tensor:
    """A window of `shape` at a random place of each padded picture.

    Pictures with the same offset are copied together: whole rows instead of single pixels.
    """
    count, _, height, width = shape
    across = padded.shape[3] - width + 1
    places = (padded.shape[2] - height + 1) * across
    chosen = torch.randint(places, (count,), generator=chance, device=padded.device)
    result = padded.new_empty(shape)
    for place in torch.unique(chosen).tolist():
        row, column = divmod(place, across)
        members = (chosen == place).nonzero().squeeze(1)
        result[members] = padded[members, :, row : row + height, column : column + width]
    return result


def flip(pictures: Tensor, size: float, chance: torch.Generator) -> Tensor:
    """Swap left and right in a share `size` of the pictures."""
    drawn = torch.rand(len(pictures), generator=chance, device=pictures.device)
    members = (drawn < size).nonzero().squeeze(1)
    result = pictures.clone()
    result[members] = pictures[members].flip(3)
    return result


def cutout(pictures: Tensor, size: float, chance: torch.Generator) -> Tensor:
    """Blank a square of `size` pixels around a random centre (DeVries and Taylor 2017)."""
    count, _, height, width = pictures.shape
    row = torch.randint(height, (count, 1), generator=chance, device=pictures.device)
    column = torch.randint(width, (count, 1), generator=chance, device=pictures.device)
    half = size / 2
    rows = (torch.arange(height, device=pictures.device) + 0.5 - row).abs() <= half
    columns = (torch.arange(width, device=pictures.device) + 0.5 - column).abs() <= half
    hidden = rows[:, None, :, None] & columns[:, None, None, :]
    return pictures.masked_fill(hidden, 0)


def warp(pictures: Tensor, size: float, chance: torch.Generator) -> Tensor:
    """Turn, stretch, shear and move at random, as handwriting varies.

    Turned by up to `size` degrees; stretched and sheared by up to `size` % of the side, moved by
    up to 0.7 · `size` % (2 of 28 pixels at size 10). What comes in from outside is 0.
    """
    count, device = len(pictures), pictures.device
    drawn = torch.rand(6, count, generator=chance, device=device) * 2 - 1
    angle = drawn[0] * size * math.pi / 180
    shear, wide, high = drawn[1:4] * size / 100
    right, down = drawn[4:] * 2 * 0.7 * size / 100  # the grid runs from −1 to 1
    cosine, sine = torch.cos(angle), torch.sin(angle)
    rows = [cosine * (1 + wide), shear - sine, right, sine, cosine * (1 + high), down]
    maps = torch.stack(rows, dim=1).view(count, 2, 3)
    grid = functional.affine_grid(maps, list(pictures.shape), align_corners=False)
    moved = functional.grid_sample(pictures.float(), grid, align_corners=False)
    return moved.round_().clamp_(0, 255).to(torch.uint8)


_CHANGES = {"shift": shift, "crop": crop, "flip": flip, "cutout": cutout, "warp": warp}
