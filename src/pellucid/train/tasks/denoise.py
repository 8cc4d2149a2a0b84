"""Restore a clean picture from a noisy one: encoder, bottleneck, decoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pellucid.base.records import Record
from pellucid.data.dataset import Dataset, Split
from pellucid.train.closed_form import denoising_lines
from pellucid.train.restore import Restore, in_range


class Denoise(Restore):
    """Gaussian noise of standard deviation `noise` is added to pixels in 0…1, then clipped.

    `bottleneck` is the network's own setting: the closed-form line beside the result is PCA with
    as many components.
    """

    def __init__(
        self, data: Record, label_smoothing: float = 0.0, noise: float = 0.3, bottleneck: int = 32
    ) -> None:
        super().__init__(data)
        in_range("noise", noise, 0, 10, "(standard deviation, pixels are 0 to 1)")
        self.noise, self.bottleneck = noise, bottleneck

    def pose(
        self, inputs: Tensor, labels: Tensor, chance: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        drawn = torch.randn(inputs.shape, generator=chance, device=inputs.device)
        noisy = drawn.mul_(self.noise).add_(inputs).clamp_(0, 1)
        everywhere = torch.ones_like(inputs[:, :1])
        return noisy, torch.cat([inputs, everywhere], dim=1)

    def beside(
        self, network: nn.Module, data: Dataset, split: Split, device: torch.device
    ) -> Record:
        lines = denoising_lines(data.train, split, self.noise, self.bottleneck)
        return {"noise": self.noise, "beside": lines}


TASK = Denoise
