"""LeNet-5: the convolutional network that read the cheques of 1998.

Two convolutions with averaging in between, then three fully connected layers. It reads 32 × 32:
smaller pictures down to 28 get a black frame, all others are resized. Kept from 1998: sizes, tanh,
average pooling. Left out: the table of partial connections and the Gaussian output layer.

Shapes:  x (batch, channels, height, width) → logits (batch, outputs)
Source:  LeCun, Bottou, Bengio, Haffner 1998, Gradient-based learning applied to documents
"""

from torch import Tensor, nn
from torch.nn import functional

from pellucid.nets import _inputs

SIDE = 32  # pixels, as in the paper


class LeNet(nn.Module):
    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(channels, 6, 5),  # → (batch, 6, 28, 28)
            nn.Tanh(),
            nn.AvgPool2d(2),  # → (batch, 6, 14, 14)
            nn.Conv2d(6, 16, 5),  # → (batch, 16, 10, 10)
            nn.Tanh(),
            nn.AvgPool2d(2),  # → (batch, 16, 5, 5)
        )
        self.scores = nn.Sequential(
            nn.Flatten(),  # → (batch, 400)
            nn.Linear(400, 120),
            nn.Tanh(),
            nn.Linear(120, 84),
            nn.Tanh(),
            nn.Linear(84, outputs),  # → (batch, outputs)
        )

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.scores(self.features(_fit(x)))
        return logits


def _fit(x: Tensor) -> Tensor:
    """Pictures of any size → (batch, channels, 32, 32): a black frame if they nearly fit."""
    height, width = x.shape[-2:]
    if 28 <= height <= SIDE and 28 <= width <= SIDE:
        top, left = (SIDE - height) // 2, (SIDE - width) // 2
        return functional.pad(x, (left, SIDE - width - left, top, SIDE - height - top))
    return functional.interpolate(x, size=(SIDE, SIDE), mode="bilinear", antialias=True)


def build(inputs: tuple[int, ...], outputs: int, symbols: int = 0) -> nn.Module:
    """LeNet-5 for pictures of the shape `inputs` (channels, height, width)."""
    channels, _, _ = _inputs.picture("lenet", inputs, outputs, symbols)
    return LeNet(channels, outputs)
