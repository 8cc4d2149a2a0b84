"""Fully connected: every unit sees the whole picture (784-128-64-10 for MNIST).

The digit classifier of the textbooks: two hidden layers with ReLU, each followed by dropout.
It does not know which pixels are neighbours; mix all pixels in a fixed order and it learns as well.

Shapes:  x (batch, channels, height, width) → logits (batch, outputs)
Source:  Rumelhart, Hinton, Williams 1986; ReLU: Nair, Hinton 2010; dropout: Srivastava et al. 2014
"""

from torch import Tensor, nn

from pellucid.nets import _inputs


class Dense(nn.Module):
    def __init__(self, pixels: int, hidden: tuple[int, ...], outputs: int, dropout: float) -> None:
        super().__init__()
        self.flatten = nn.Flatten()  # (batch, channels, height, width) → (batch, pixels)
        self.hidden = nn.Sequential()  # (batch, pixels) → (batch, hidden[-1])
        for before, after in zip((pixels, *hidden), hidden, strict=False):
            self.hidden.append(nn.Linear(before, after))
            self.hidden.append(nn.ReLU())
            self.hidden.append(nn.Dropout(dropout))
        self.scores = nn.Linear((pixels, *hidden)[-1], outputs)  # → (batch, outputs)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.scores(self.hidden(self.flatten(x)))
        return logits


def build(
    inputs: tuple[int, ...],
    outputs: int,
    symbols: int = 0,
    *,
    hidden: tuple[int, ...] = (128, 64),
    dropout: float = 0.2,
) -> nn.Module:
    """A fully connected network; `hidden` lists the units of each hidden layer.

    `dropout` is the share of hidden units switched off at random in each training step.
    """
    channels, height, width = _inputs.picture("dense", inputs, outputs, symbols)
    for units in hidden:
        _inputs.whole("dense", "hidden", units)
    return Dense(channels * height * width, hidden, outputs, _inputs.share("dense", dropout))
