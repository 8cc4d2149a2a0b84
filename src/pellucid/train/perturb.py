"""Small changes of pictures that raise a network's loss: the steps of attacks and of hardening.

Pictures are (n, channel, row, column) in 0…1. A budget is the largest change of a value (`linf`),
the length of the whole change (`l2`), or how many pixels may change (`pixels`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Slope = Callable[[Tensor], Tensor]
"""Pictures → how the loss of each changes with each of its values, in the pictures' shape."""
Loss = Callable[[Tensor], Tensor]
"""Pictures → the loss of each: (n,)."""


def within(found: Tensor, pictures: Tensor, budget: float, norm: str) -> Tensor:
    """Changed pictures cut to the budget around `pictures`, and to 0…1."""
    change = found.detach() - pictures
    if norm == "linf":
        change = change.clamp(-budget, budget)
    elif norm == "l2":
        length = change.flatten(1).norm(dim=1).clamp(min=1e-30).view(-1, 1, 1, 1)
        change = change * (budget / length).clamp(max=1)
    else:
        change = _fewest(change, int(budget))
    return (pictures + change).clamp(0, 1)


def _fewest(change: Tensor, pixels: int) -> Tensor:
    """The changes of the `pixels` pixels that changed most; the others are taken back."""
    sizes = change.abs().sum(dim=1).flatten(1)
    kept = torch.zeros_like(sizes).scatter_(1, sizes.topk(min(pixels, sizes.shape[1])).indices, 1.0)
    return change * kept.view(len(change), 1, *change.shape[2:])


def random_change(
    shape: Sequence[int], budget: float, norm: str, chance: torch.Generator
) -> Tensor:
    """Where a climb begins: anywhere in the box (`linf`), or a normal draw (`l2`); float64.

    The draw's length is about √values · budget / 10, and cut to the budget by `within`.
    """
    if norm == "linf":
        return (2 * torch.rand(tuple(shape), generator=chance).double() - 1) * budget
    return torch.randn(tuple(shape), generator=chance).double() * budget / 10


def climb(
    pictures: Tensor,
    found: Tensor,
    slope: Slope,
    budget: float,
    norm: str,
    step: float,
    steps: int,
) -> Tensor:
    """From `found` so many steps up the loss, none of them out of the budget.

    Formula:  x ← within(x + step · sign(∂ loss / ∂ x)), or along slope / |slope| for `l2`
    Source:   Madry et al. 2018, Towards deep learning models resistant to adversarial attacks
    """
    found = within(found, pictures, budget, norm)
    for _ in range(steps):
        found = within(found + step * _direction(slope(found), norm), pictures, budget, norm)
    return found


def _direction(slope: Tensor, norm: str) -> Tensor:
    if norm == "linf":
        return slope.sign()
    length: Tensor = torch.linalg.vector_norm(slope, dim=(1, 2, 3), keepdim=True)
    return slope / length.clamp(min=1e-30)


def worse_pixel(pictures: Tensor, slope: Slope, loss: Loss, candidates: int) -> Tensor:
    """Each picture with that pixel at black or white, of the likeliest ones, that costs it most.

    Likely is what the slope promises: slope · change, each channel taken to the end of 0…1 that
    the slope points to. The candidates are then asked, and where none costs more than the picture
    itself it stays as it is.
    """
    steep = slope(pictures)
    ends = (steep > 0).to(pictures.dtype)
    gain = (steep * (ends - pictures)).sum(dim=1).flatten(1)
    best, most = pictures, loss(pictures)
    for place in gain.topk(min(candidates, gain.shape[1])).indices.T:
        at = torch.zeros_like(gain, dtype=torch.bool).scatter_(1, place[:, None], True)
        tried = torch.where(at.view(len(pictures), 1, *pictures.shape[2:]), ends, pictures)
        cost = loss(tried)
        is_worse = cost > most
        best = torch.where(is_worse.view(-1, 1, 1, 1), tried, best)
        most = torch.where(is_worse, cost, most)
    return best
