"""Transformer: every patch of a picture, or every symbol so far, may look at every other.

Pictures are cut into about 4 × 4 patches; the mean over all patches gives the class.
Symbols look only at themselves and at earlier ones; each place gives the scores of the next symbol.
Attention is written out, so that its weights can be read.

Formula: attention(q, k, v) = softmax(q kᵀ / √size) v
Shapes:  pictures x (batch, channels, height, width) → logits (batch, outputs)
         symbols x (batch, length), whole numbers below `symbols` → logits (batch, length, outputs)
Source:  Vaswani et al. 2017, Attention is all you need; norm first: Xiong et al. 2020;
         patches: Dosovitskiy et al. 2021, An image is worth 16x16 words
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from pellucid.base.errors import WrongUse
from pellucid.nets import _inputs


class Attention(nn.Module):
    """Each place asks (query), is asked (key) and answers (value); (batch, places, width) stays."""

    def __init__(self, width: int, heads: int, causal: bool) -> None:
        super().__init__()
        self.heads = heads
        self.causal = causal
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, places, width = x.shape
        split = self.query_key_value(x).view(batch, places, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)  # each (batch, heads, places, size)
        match = query @ key.transpose(-2, -1) / math.sqrt(width // self.heads)
        if self.causal:  # match (batch, heads, places, places): a later place cannot be seen
            later = torch.ones(places, places, dtype=torch.bool, device=x.device).triu(1)
            match = match.masked_fill(later, -math.inf)
        answer = match.softmax(dim=-1) @ value  # (batch, heads, places, size)
        mixed: Tensor = self.out(answer.transpose(1, 2).reshape(batch, places, width))
        return mixed


class Block(nn.Module):
    """Look around, then think: attention and a small network, each adding to what is there."""

    def __init__(self, width: int, heads: int, causal: bool, dropout: float) -> None:
        super().__init__()
        self.norm_before_looking = nn.LayerNorm(width)
        self.look = Attention(width, heads, causal)
        self.norm_before_thinking = nn.LayerNorm(width)
        self.think = nn.Sequential(
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, width),
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.dropout(self.look(self.norm_before_looking(x)))
        thought: Tensor = x + self.dropout(self.think(self.norm_before_thinking(x)))
        return thought


class PictureReader(nn.Module):
    def __init__(
        self, inputs: tuple[int, int, int], outputs: int, width: int, patch: int, blocks: nn.Module
    ) -> None:
        super().__init__()
        channels, height, columns = inputs
        self.frame = (0, -columns % patch, 0, -height % patch)  # so that whole patches fit
        places = math.ceil(height / patch) * math.ceil(columns / patch)
        self.cut = nn.Conv2d(channels, width, patch, stride=patch)
        self.place = nn.Parameter(0.02 * torch.randn(places, width))
        self.blocks = blocks
        self.norm = nn.LayerNorm(width)
        self.scores = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        patches = self.cut(functional.pad(x, self.frame))  # (batch, width, rows, columns)
        x = patches.flatten(2).transpose(1, 2) + self.place  # (batch, places, width)
        x = self.norm(self.blocks(x))
        logits: Tensor = self.scores(x.mean(dim=1))  # (batch, outputs)
        return logits


class SymbolReader(nn.Module):
    def __init__(
        self, length: int, symbols: int, outputs: int, width: int, blocks: nn.Module
    ) -> None:
        super().__init__()
        self.length = length
        self.meaning = nn.Embedding(symbols, width)
        self.place = nn.Parameter(0.02 * torch.randn(length, width))
        self.blocks = blocks
        self.norm = nn.LayerNorm(width)
        self.scores = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1] > self.length:
            raise WrongUse(
                "nets.transformer",
                f"a row of {x.shape[1]} symbols",
                f"at most {self.length}, the length it was built for",
                f"give it the last {self.length} symbols only",
            )
        x = self.meaning(x) + self.place[: x.shape[1]]  # (batch, length, width)
        logits: Tensor = self.scores(self.norm(self.blocks(x)))  # (batch, length, outputs)
        return logits


def build(
    inputs: tuple[int, ...],
    outputs: int,
    symbols: int = 0,
    *,
    width: int = 64,
    blocks: int = 2,
    heads: int = 4,
    patch: int = 0,
    dropout: float = 0.0,
) -> nn.Module:
    """A transformer of `blocks` blocks with `width` numbers at each place, for either kind.

    `heads` share the width; `patch` is the side of a patch in pixels, 0 for a quarter of the
    picture; `dropout` is the share of each block's additions switched off at random.
    """
    if min(width, heads) < 1 or width % heads:
        raise WrongUse(
            "nets.transformer",
            f"width={width} with heads={heads}",
            "a width that the heads can share evenly",
            f"choose a multiple of {max(heads, 1)}, such as width={16 * max(heads, 1)}",
        )
    _inputs.whole("transformer", "blocks", blocks)
    _inputs.whole("transformer", "patch", patch, least=0)
    _inputs.share("transformer", dropout)
    chain = nn.Sequential(*(Block(width, heads, symbols > 0, dropout) for _ in range(blocks)))
    if symbols:
        length = _inputs.row("transformer", inputs, outputs, symbols)
        return SymbolReader(length, symbols, outputs, width, chain)
    shape = _inputs.picture("transformer", inputs, outputs, symbols)
    side = patch or math.ceil(min(shape[1:]) / 4)
    return PictureReader(shape, outputs, width, side, chain)
