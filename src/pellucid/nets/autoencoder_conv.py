"""Convolutional autoencoder: through a bottleneck, or as a restorer with a view past it.

With `bottleneck` numbers in the middle it must say the whole picture in them. With bottleneck=0 it
is fully convolutional: it halves the picture twice to see far, doubles it twice, and the detail of
each size runs past the middle and is added (a small U-Net). That one denoises and fills holes.

Shapes:  x (batch, channels, height, width), pixels in 0..1 → the same shape, values in 0..1
Source:  Masci et al. 2011, Stacked convolutional auto-encoders; Ronneberger et al. 2015, U-Net
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from pellucid.nets import _inputs


def _convolve(before: int, after: int) -> nn.Sequential:
    """(batch, before, h, w) → (batch, after, h, w)."""
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()
    )


def _halve(before: int, after: int) -> nn.Sequential:
    """(batch, before, h, w) → (batch, after, h / 2, w / 2)."""
    return nn.Sequential(
        nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(),
    )


def _double(before: int, after: int) -> nn.Sequential:
    """(batch, before, h, w) → (batch, after, 2 h, 2 w)."""
    return nn.Sequential(
        nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(),
    )


def _to_fours(x: Tensor) -> Tensor:
    """A black frame right and below, so that the sides can be halved twice."""
    height, width = x.shape[-2:]
    return functional.pad(x, (0, -width % 4, 0, -height % 4))


class Squeeze(nn.Module):
    """Through a bottleneck of a few numbers."""

    def __init__(self, inputs: tuple[int, int, int], width: int, bottleneck: int) -> None:
        super().__init__()
        channels, height, columns = inputs
        middle = (2 * width, (height + 3) // 4, (columns + 3) // 4)
        size = middle[0] * middle[1] * middle[2]
        self.encode = nn.Sequential(
            _halve(channels, width),  # → (batch, width, h / 2, w / 2)
            _halve(width, 2 * width),  # → (batch, 2 width, h / 4, w / 4)
            nn.Flatten(),
            nn.Linear(size, bottleneck),  # → (batch, bottleneck)
        )
        self.decode = nn.Sequential(
            nn.Linear(bottleneck, size),
            nn.Unflatten(1, middle),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            _double(2 * width, width),
            nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1),
            nn.Sigmoid(),  # a pixel is between 0 and 1
        )

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        picture: Tensor = self.decode(self.encode(_to_fours(x)))
        return picture[..., :height, :width]


class Restorer(nn.Module):
    """Fully convolutional: the coarse view decides, the fine view keeps the detail."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.to_half = _halve(channels, width)
        self.to_quarter = _halve(width, 2 * width)
        self.think = nn.Sequential(_convolve(2 * width, 2 * width), _convolve(2 * width, 2 * width))
        self.to_half_again = _double(2 * width, width)
        self.mix = _convolve(width, width)
        self.to_whole = nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1)
        self.keep = nn.Conv2d(channels, channels, 5, padding=2)  # the fine view of the input

    def forward(self, x: Tensor) -> Tensor:
        height, columns = x.shape[-2:]
        whole = _to_fours(x)
        half = self.to_half(whole)  # (batch, width, h / 2, w / 2)
        coarse = self.think(self.to_quarter(half))  # (batch, 2 width, h / 4, w / 4)
        both = half + self.to_half_again(coarse)  # (batch, width, h / 2, w / 2)
        picture = torch.sigmoid(self.to_whole(self.mix(both)) + self.keep(whole))
        return picture[..., :height, :columns]


def build(
    inputs: tuple[int, ...],
    outputs: int,
    symbols: int = 0,
    *,
    bottleneck: int = 32,
    width: int = 16,
) -> nn.Module:
    """An autoencoder with `bottleneck` numbers in the middle, or with 0 a restorer without one.

    `width` is the number of channels at half size, doubled at quarter size. `outputs` is ignored:
    what comes out has the shape of the picture that went in.
    """
    shape = _inputs.picture("autoencoder_conv", inputs, max(outputs, 2), symbols)
    _inputs.whole("autoencoder_conv", "bottleneck", bottleneck, least=0)
    _inputs.whole("autoencoder_conv", "width", width)
    if bottleneck:
        return Squeeze(shape, width, bottleneck)
    return Restorer(shape[0], width)
