"""Softmax regression: one weight for each pixel and class, and nothing between.

Each class owns one picture of weights; its score is the sum of pixel times weight, plus a bias.
The line that every deeper network has to beat, and the only one whose weights are the explanation.

Shapes:  x (batch, channels, height, width) → logits (batch, outputs)
Source:  Cox 1958, The regression analysis of binary sequences; Bishop 2006, section 4.3.4
"""

from torch import Tensor, nn

from pellucid.nets import _inputs


class Linear(nn.Module):
    def __init__(self, pixels: int, outputs: int) -> None:
        super().__init__()
        self.flatten = nn.Flatten()  # (batch, channels, height, width) → (batch, pixels)
        self.scores = nn.Linear(pixels, outputs)  # → (batch, outputs)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.scores(self.flatten(x))
        return logits


def build(inputs: tuple[int, ...], outputs: int, symbols: int = 0) -> nn.Module:
    """Softmax regression for pictures of the shape `inputs` (channels, height, width)."""
    channels, height, width = _inputs.picture("linear", inputs, outputs, symbols)
    return Linear(channels * height * width, outputs)
