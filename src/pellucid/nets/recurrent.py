"""Recurrent (LSTM): reads a picture row by row, or symbols one by one, and remembers.

Pictures: one row of pixels a step; the memory after the last row gives the class.
Symbols: one symbol a step; the memory after each gives the scores of the next one, so a score
never depends on a later symbol. Rows of any length are accepted.

Shapes:  pictures x (batch, channels, height, width) → logits (batch, outputs)
         symbols x (batch, length), whole numbers below `symbols` → logits (batch, length, outputs)
Source:  Hochreiter, Schmidhuber 1997, Long short-term memory; forget gate: Gers et al. 2000
"""

from torch import Tensor, nn

from pellucid.nets import _inputs


class PictureReader(nn.Module):
    def __init__(self, row: int, outputs: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.memory = nn.LSTM(row, hidden, layers, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.scores = nn.Linear(hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.transpose(1, 2).flatten(2)  # (batch, height, channels · width)
        states, _ = self.memory(rows)  # (batch, height, hidden)
        logits: Tensor = self.scores(self.dropout(states[:, -1]))  # (batch, outputs)
        return logits


class SymbolReader(nn.Module):
    def __init__(
        self, symbols: int, outputs: int, hidden: int, layers: int, dropout: float
    ) -> None:
        super().__init__()
        self.meaning = nn.Embedding(symbols, hidden)
        self.memory = nn.LSTM(hidden, hidden, layers, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.scores = nn.Linear(hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.memory(self.meaning(x))  # (batch, length, hidden)
        logits: Tensor = self.scores(self.dropout(states))  # (batch, length, outputs)
        return logits


def build(
    inputs: tuple[int, ...],
    outputs: int,
    symbols: int = 0,
    *,
    hidden: int = 128,
    layers: int = 1,
    dropout: float = 0.0,
) -> nn.Module:
    """An LSTM with `hidden` cells in each of `layers` layers, for pictures or for symbols.

    `dropout` is the share of the memory switched off at random before the scores.
    """
    _inputs.whole("recurrent", "hidden", hidden)
    _inputs.whole("recurrent", "layers", layers)
    _inputs.share("recurrent", dropout)
    if symbols:
        _inputs.row("recurrent", inputs, outputs, symbols)
        return SymbolReader(symbols, outputs, hidden, layers, dropout)
    channels, _, width = _inputs.picture("recurrent", inputs, outputs, symbols)
    return PictureReader(channels * width, outputs, hidden, layers, dropout)
