"""Small residual network: layers that add a correction to what they are given.

A stem shrinks the picture by two; then stages halve it until at most 4 pixels are left. Each stage
ends in a residual block, whose input runs past two convolutions and is added to their result: the
gradient has a free way back. Pooling comes before norm and ReLU, for a quarter of their work.

Shapes:  x (batch, channels, height, width) → logits (batch, outputs)
         32 × 32:  (3, 32, 32) → (16, 16, 16) → (32, 8, 8) → (64, 4, 4) → 64 → outputs
Source:  He, Zhang, Ren, Sun 2016, Deep residual learning; the plan of a small fast one: Page 2018
"""

import torch
from torch import Tensor, nn

from pellucid.nets import _inputs


def _convolve(before: int, after: int) -> nn.Sequential:
    """3 × 3 convolution, norm, ReLU: (batch, before, h, w) → (batch, after, h, w)."""
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(),
    )


def _halve(before: int, after: int) -> nn.Sequential:
    """The same at half of the size: (batch, before, h, w) → (batch, after, h / 2, w / 2)."""
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1, bias=False),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(after),
        nn.ReLU(),
    )


class Residual(nn.Module):
    """x + correction(x); the shape stays."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.correction = nn.Sequential(_convolve(width, width), _convolve(width, width))

    def forward(self, x: Tensor) -> Tensor:
        corrected: Tensor = x + self.correction(x)
        return corrected


class ResNetSmall(nn.Module):
    def __init__(self, inputs: tuple[int, int, int], outputs: int, width: int) -> None:
        super().__init__()
        channels, height, columns = inputs
        self.stem = nn.Sequential(
            nn.Conv2d(channels, width, 4, stride=2, padding=1, bias=False),  # half the side
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )
        self.stages = nn.Sequential()
        side = min(height, columns) // 2
        while side > 4:
            after = min(2 * width, 256)
            self.stages.append(nn.Sequential(_halve(width, after), Residual(after)))
            width, side = after, side // 2
        if not self.stages:  # a picture of up to 9 pixels: nothing left to halve
            self.stages.append(Residual(width))
        self.scores = nn.Linear(width, outputs)  # → (batch, outputs)

    def forward(self, x: Tensor) -> Tensor:
        maps = self.stages(self.stem(x))  # (batch, width, about 4, about 4)
        strongest = torch.amax(maps, dim=(2, 3))  # (batch, width)
        logits: Tensor = self.scores(strongest)
        return logits


def build(inputs: tuple[int, ...], outputs: int, symbols: int = 0, *, width: int = 16) -> nn.Module:
    """A small residual network; `width` is the number of channels after the stem.

    Each further stage has twice as many, at most 256. Pictures need at least 2 × 2 pixels.
    """
    channels, height, columns = _inputs.picture("resnet_small", inputs, outputs, symbols)
    _inputs.whole("resnet_small", "height and width", min(height, columns), least=2)
    _inputs.whole("resnet_small", "width", width)
    return ResNetSmall((channels, height, columns), outputs, width)
