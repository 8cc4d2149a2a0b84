"""Can the slopes of a network be trusted? Asked before any accuracy under an attack is stated."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pellucid.train.perturb import Loss, Slope


@dataclass(frozen=True)
class Masking:
    """Whether slopes can be trusted: attacks by slope are blind where there are none."""

    flat: float
    """The share of pictures whose slope is exactly 0."""
    is_random: bool
    differs: float
    """The share of pictures where a step along the slope does not raise the loss."""

    @property
    def sentences(self) -> list[str]:
        """What must be said beside any robust accuracy."""
        told = []
        if self.flat > 0.02:
            told.append(
                f"The slope is exactly 0 for {100 * self.flat:.0f} % of the pictures: attacks by "
                "slope see nothing there, so their robust accuracy says nothing."
            )
        if self.is_random:
            told.append("The slope is another one each time: the forward is random.")
        if self.differs > 0.25:
            told.append(
                f"A small step along the slope does not raise the loss for "
                f"{100 * self.differs:.0f} % of the pictures: the slope is not the network's own."
            )
        return told


def masking(pictures: Tensor, slope: Slope, loss: Loss) -> Masking:
    """Is the slope there, the same each time, and does the loss rise along it?"""
    first, second = slope(pictures), slope(pictures)
    sizes = first.flatten(1).abs().amax(dim=1)
    step = 1e-3 * first.sign()
    before, after = loss(pictures), loss((pictures + step).clamp(0, 1))
    moves = sizes > 0
    falls = (after <= before) & moves & (before > 1e-9)
    share = float(falls.sum()) / max(1, int(moves.sum()))
    return Masking(float((sizes == 0).double().mean()), not torch.equal(first, second), share)
