"""Fully connected autoencoder: the whole picture through a few numbers, and back.

It can only return what the `bottleneck` numbers can say. Without hidden layers and with a linear
output it could at best learn what PCA computes; PCA is therefore the line to beat.

Shapes:  x (batch, channels, height, width), pixels in 0..1 → the same shape, values in 0..1
Source:  Hinton, Salakhutdinov 2006, Reducing the dimensionality of data with neural networks
"""

from torch import Tensor, nn

from pellucid.nets import _inputs


class DenseAutoencoder(nn.Module):
    def __init__(self, inputs: tuple[int, int, int], hidden: int, bottleneck: int) -> None:
        super().__init__()
        channels, height, width = inputs
        pixels = channels * height * width
        self.encode = nn.Sequential(
            nn.Flatten(),  # → (batch, pixels)
            nn.Linear(pixels, hidden),
            nn.ReLU(),
            nn.Linear(hidden, bottleneck),  # → (batch, bottleneck)
        )
        self.decode = nn.Sequential(
            nn.Linear(bottleneck, hidden),
            nn.ReLU(),
            nn.Linear(hidden, pixels),
            nn.Sigmoid(),  # a pixel is between 0 and 1
            nn.Unflatten(1, inputs),  # → (batch, channels, height, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        picture: Tensor = self.decode(self.encode(x))
        return picture


def build(
    inputs: tuple[int, ...],
    outputs: int,
    symbols: int = 0,
    *,
    bottleneck: int = 32,
    hidden: int = 256,
) -> nn.Module:
    """An autoencoder with `bottleneck` numbers in the middle and `hidden` units on either side.

    `outputs` is ignored: what comes out has the shape of the picture that went in.
    """
    shape = _inputs.picture("autoencoder_dense", inputs, max(outputs, 2), symbols)
    _inputs.whole("autoencoder_dense", "bottleneck", bottleneck)
    _inputs.whole("autoencoder_dense", "hidden", hidden)
    return DenseAutoencoder(shape, hidden, bottleneck)
