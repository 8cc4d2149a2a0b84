"""Small convolutional network with batch norm: the default for pictures.

Each stage looks at small neighbourhoods (convolution), keeps the strongest answer in each square
of 2 × 2 (pooling), brings each channel to a common scale (batch norm) and drops what is negative
(ReLU). Stages follow until fewer than 4 pixels are left on the shorter side.

Two choices keep it quick. Pooling comes before norm and ReLU, which then work on a quarter of the
numbers. And the first stage, where the picture is largest, has few filters; the second has four
times as many.

Shapes:  x (batch, channels, height, width) → logits (batch, outputs)
         28 × 28:  (1, 28, 28) → (8, 12, 12) → (32, 6, 6) → (64, 3, 3) → outputs
Source:  LeCun et al. 1998; batch norm: Ioffe, Szegedy 2015
"""

from torch import Tensor, nn

from pellucid.nets import _inputs

MOST = 128  # filters in one stage


class Stage(nn.Sequential):
    """(batch, before, height, width) → (batch, after, about height / 2, about width / 2)."""

    def __init__(self, before: int, after: int, kernel: int, padding: int) -> None:
        super().__init__(
            nn.Conv2d(before, after, kernel, padding=padding, bias=False),  # the norm has a bias
            nn.MaxPool2d(2),
            nn.BatchNorm2d(after),
            nn.ReLU(),
        )


class ConvNet(nn.Module):
    def __init__(
        self, inputs: tuple[int, int, int], outputs: int, width: int, dropout: float
    ) -> None:
        super().__init__()
        before, rows, columns = inputs
        frame = 0 if min(rows, columns) >= 28 else 2  # small pictures cannot spare their border
        rows, columns = (rows - 4 + 2 * frame) // 2, (columns - 4 + 2 * frame) // 2
        self.stages = nn.Sequential(Stage(before, width, kernel=5, padding=frame))
        growth = 4
        while min(rows, columns) >= 4:
            before, width, growth = width, min(growth * width, MOST), 2
            self.stages.append(Stage(before, width, kernel=3, padding=1))
            rows, columns = rows // 2, columns // 2
        self.flatten = nn.Flatten()  # → (batch, width · rows · columns)
        self.dropout = nn.Dropout(dropout)
        self.scores = nn.Linear(width * rows * columns, outputs)  # → (batch, outputs)

    def forward(self, x: Tensor) -> Tensor:
        features = self.flatten(self.stages(x))
        logits: Tensor = self.scores(self.dropout(features))
        return logits


def build(
    inputs: tuple[int, ...],
    outputs: int,
    symbols: int = 0,
    *,
    width: int = 8,
    dropout: float = 0.0,
) -> nn.Module:
    """A small convolutional network; `width` is the number of filters in the first stage.

    The second stage has four times as many, each further one twice the last, at most 128.
    `dropout` is the share of features switched off at random before the last layer. Pictures need
    at least 2 × 2 pixels.
    """
    channels, height, columns = _inputs.picture("convnet", inputs, outputs, symbols)
    _inputs.whole("convnet", "height and width", min(height, columns), least=2)
    _inputs.whole("convnet", "width", width)
    shape = (channels, height, columns)
    return ConvNet(shape, outputs, width, _inputs.share("convnet", dropout))
