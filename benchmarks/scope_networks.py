"""The architectures that `explain` is proven on, in plain PyTorch with random weights.

Each is written as its paper has it; `small` gives the same calls on few numbers, for the tests.
"""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class Subject(NamedTuple):
    """What is recorded: a network, what it is given, and a loss of its answer."""

    network: nn.Module
    inputs: tuple[Any, ...]
    loss: Callable[[Any], Tensor]


def classes(network: nn.Module, x: Tensor, count: int) -> Subject:
    """A network that tells classes."""
    labels = torch.randint(count, (len(x),))
    return Subject(network, (x,), lambda scores: functional.cross_entropy(scores, labels))


def symbols(network: nn.Module, x: Tensor, count: int) -> Subject:
    """A network that tells the next symbol at every place."""
    wanted = torch.randint(count, x.shape)
    return Subject(
        network, (x,), lambda scores: functional.cross_entropy(scores.flatten(0, 1),
                                                               wanted.flatten())
    )  # fmt: skip


class Residual(nn.Module):
    """Two convolutions and a way around them. Source: He et al. 2016."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside)
        self.relu = nn.ReLU(inplace=True)
        self.around = nn.Identity() if stride == 1 and inside == outside else nn.Sequential(
            nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside)
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        inner = self.relu(self.bn1(self.conv1(x)))
        answer: Tensor = self.relu(self.bn2(self.conv2(inner)) + self.around(x))
        return answer


def resnet18(small: bool) -> Subject:
    """ResNet-18."""
    width, side, stages = (8, 32, (1, 1)) if small else (64, 224, (2, 2, 2, 2))
    layers: list[nn.Module] = [
        nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, 1),
    ]  # fmt: skip
    inside = width
    for stage, blocks in enumerate(stages):
        for block in range(blocks):
            outside = width * 2**stage
            layers.append(Residual(inside, outside, 2 if stage and not block else 1))
            inside = outside
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inside, 10)]
    return classes(nn.Sequential(*layers), torch.randn(2, 3, side, side), 10)


class VisionTransformer(nn.Module):
    """Patches as words. Source: Dosovitskiy et al. 2021; sizes of ViT-Ti: Touvron et al. 2021."""

    def __init__(self, side: int, patch: int, width: int, heads: int, blocks: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.first = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.places = nn.Parameter(torch.randn(1, (side // patch) ** 2 + 1, width) * 0.02)
        block = nn.TransformerEncoderLayer(width, heads, 4 * width, 0.1, "gelu", norm_first=True,
                                           batch_first=True)  # fmt: skip
        self.blocks = nn.TransformerEncoder(block, blocks, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.scores = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        words = self.patches(x).flatten(2).transpose(1, 2)
        words = torch.cat([self.first.expand(len(x), -1, -1), words], 1) + self.places
        answer: Tensor = self.scores(self.norm(self.blocks(words))[:, 0])
        return answer


def vit(small: bool) -> Subject:
    """ViT-Ti/16."""
    side, sizes = (16, (4, 12, 3, 1)) if small else (224, (16, 192, 3, 12))
    return classes(VisionTransformer(side, *sizes), torch.randn(2, 3, side, side), 10)


class Inverted(nn.Module):
    """Wide inside, narrow outside. Source: Sandler et al. 2018; hard swish: Howard et al. 2019."""

    def __init__(self, inside: int, outside: int, stride: int, bend: nn.Module) -> None:
        super().__init__()
        wide = 4 * inside
        self.adds = stride == 1 and inside == outside
        self.body = nn.Sequential(
            nn.Conv2d(inside, wide, 1, bias=False), nn.BatchNorm2d(wide), bend,
            nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False), nn.BatchNorm2d(wide),
            bend, nn.Conv2d(wide, outside, 1, bias=False), nn.BatchNorm2d(outside),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = x + self.body(x) if self.adds else self.body(x)
        return answer


def mobilenet(small: bool) -> Subject:
    """A network like MobileNetV2, half of it with hard swish."""
    widths, side = ((4, 4, 6), 16) if small else ((16, 24, 24, 32, 32, 64, 64, 96), 96)
    layers: list[nn.Module] = [nn.Conv2d(3, widths[0], 3, 2, 1), nn.ReLU6(inplace=True)]
    for place, (inside, outside) in enumerate(itertools.pairwise(widths)):
        bend = nn.ReLU6(inplace=True) if place < len(widths) // 2 else nn.Hardswish()
        layers.append(Inverted(inside, outside, 1 if inside == outside else 2, bend))
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(widths[-1], 10)]
    return classes(nn.Sequential(*layers), torch.randn(4, 3, side, side), 10)


def twice(inside: int, outside: int) -> nn.Module:
    """Two convolutions of a U-Net."""
    return nn.Sequential(
        nn.Conv2d(inside, outside, 3, padding=1), nn.GroupNorm(2, outside), nn.SiLU(),
        nn.Conv2d(outside, outside, 3, padding=1), nn.GroupNorm(2, outside), nn.SiLU(),
    )  # fmt: skip


class UNet(nn.Module):
    """Down, and up again beside what was there. Source: Ronneberger et al. 2015."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.down1, self.down2 = twice(3, width), twice(width, 2 * width)
        self.bottom = twice(2 * width, 4 * width)
        self.up2 = nn.ConvTranspose2d(4 * width, 2 * width, 2, 2)
        self.join2 = twice(4 * width, 2 * width)
        self.up1 = nn.Sequential(
            nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(2 * width, width, 1)
        )
        self.join1 = twice(2 * width, width)
        self.scores = nn.Conv2d(width, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        one = self.down1(x)
        two = self.down2(functional.max_pool2d(one, 2))
        bottom = self.bottom(functional.avg_pool2d(two, 2))
        two = self.join2(torch.cat([self.up2(bottom), two], 1))
        one = self.join1(torch.cat([self.up1(two), one], 1))
        answer: Tensor = self.scores(one)
        return answer


def unet(small: bool) -> Subject:
    """A U-Net that tells the class of every pixel."""
    width, side = (2, 8) if small else (16, 96)
    labels = torch.randint(3, (2, side, side))
    return Subject(UNet(width), (torch.randn(2, 3, side, side),),
                   lambda scores: functional.cross_entropy(scores, labels))  # fmt: skip


class Reader(nn.Module):
    """A recurrent classifier of texts."""

    def __init__(self, kind: type[nn.LSTM | nn.GRU], known: int, width: int) -> None:
        super().__init__()
        self.meaning = nn.Embedding(known, width)
        self.memory = kind(width, width, 2, batch_first=True, bidirectional=True, dropout=0.2)
        self.scores = nn.Linear(2 * width, 4)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.memory(self.meaning(x))
        answer: Tensor = self.scores(states.mean(1))
        return answer


def lstm(small: bool) -> Subject:
    """An LSTM in both directions, two layers deep."""
    known, width, shape = (20, 5, (3, 6)) if small else (1000, 64, (8, 32))
    return classes(Reader(nn.LSTM, known, width), torch.randint(known, shape), 4)


def gru(small: bool) -> Subject:
    """A GRU in both directions, two layers deep."""
    known, width, shape = (20, 5, (3, 6)) if small else (1000, 64, (8, 32))
    return classes(Reader(nn.GRU, known, width), torch.randint(known, shape), 4)


class Bert(nn.Module):
    """Hidden words are guessed from both sides. Source: Devlin et al. 2019."""

    def __init__(self, known: int, length: int, width: int, heads: int, blocks: int) -> None:
        super().__init__()
        self.words = nn.Embedding(known, width, padding_idx=0)
        self.places, self.sides = nn.Embedding(length, width), nn.Embedding(2, width)
        self.norm, self.dropout = nn.LayerNorm(width), nn.Dropout(0.1)
        block = nn.TransformerEncoderLayer(width, heads, 4 * width, 0.1, "gelu", batch_first=True)
        self.blocks = nn.TransformerEncoder(block, blocks, enable_nested_tensor=False)
        self.bend = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width))
        self.scores = nn.Linear(width, known)
        self.scores.weight = self.words.weight

    def forward(self, x: Tensor) -> Tensor:
        side = torch.zeros_like(x)
        words = self.words(x) + self.places(torch.arange(x.shape[1])) + self.sides(side)
        states = self.blocks(self.dropout(self.norm(words)), src_key_padding_mask=x == 0)
        answer: Tensor = self.scores(self.bend(states))
        return answer


def bert(small: bool) -> Subject:
    """An encoder like BERT, with padded rows and tied words."""
    known, length, *sizes = (20, 6, 8, 2, 1) if small else (4000, 64, 256, 4, 4)
    x = torch.randint(1, known, (2 if small else 4, length))
    x[0, length // 2 :] = 0
    wanted = torch.where(torch.rand(x.shape) < 0.3, x, -100)
    wanted[:, 0] = x[:, 0]
    return Subject(Bert(known, length, *sizes), (x,), lambda scores: functional.cross_entropy(
        scores.flatten(0, 1), wanted.flatten()))  # fmt: skip


class Causal(nn.Module):
    """Attention that looks back only, with PyTorch's own call."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.three, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.three(x).chunk(3, -1)
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        met = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        answer: Tensor = self.dropout(self.out(met.transpose(1, 2).flatten(2)))
        return answer


class Block(nn.Module):
    """Look back, then think. Source: Radford et al. 2019."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.look = nn.LayerNorm(width), Causal(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.think = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU("tanh"), nn.Linear(4 * width, width),
            nn.Dropout(0.1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.look(self.norm1(x))
        answer: Tensor = x + self.think(self.norm2(x))
        return answer


class Gpt(nn.Module):
    """The next word from those before it."""

    def __init__(self, known: int, length: int, width: int, heads: int, blocks: int) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(known, width), nn.Embedding(length, width)
        self.dropout = nn.Dropout(0.1)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(blocks)))
        self.norm = nn.LayerNorm(width)
        self.scores = nn.Linear(width, known, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        words = self.dropout(self.words(x) + self.places(torch.arange(x.shape[1])))
        answer: Tensor = self.scores(self.norm(self.blocks(words)))
        return answer


def gpt(small: bool) -> Subject:
    """A decoder like GPT-2."""
    known, length, *sizes = (20, 6, 8, 2, 1) if small else (4000, 128, 256, 4, 4)
    x = torch.randint(known, (2, length))
    return symbols(Gpt(known, length, *sizes), x, known)


def ours(name: str, reads_symbols: bool = False) -> Callable[[bool], Subject]:
    """A network of `pellucid.nets`."""

    def make(small: bool) -> Subject:
        build = importlib.import_module(f"pellucid.nets.{name}").build
        if reads_symbols:
            x = torch.randint(27, (2, 6) if small else (16, 16))
            return symbols(build(x.shape[1:], 27, 27), x, 27)
        x = torch.rand(2 if small else 32, 1, *((8, 8) if small else (28, 28)))
        network = build((1, *x.shape[2:]), 10)
        if name.startswith("autoencoder"):
            return Subject(network, (x,), lambda out: functional.mse_loss(out, x))
        return classes(network, x, 10)

    return make


NETS = ("linear", "dense", "lenet", "convnet", "resnet_small", "recurrent", "transformer",
        "autoencoder_dense", "autoencoder_conv")  # fmt: skip
SUBJECTS: dict[str, Callable[[bool], Subject]] = {
    **{f"nets: {name.replace('_', '-')}": ours(name) for name in NETS},
    "nets: recurrent, of symbols": ours("recurrent", reads_symbols=True),
    "nets: transformer, of symbols": ours("transformer", reads_symbols=True),
    "ResNet-18, 224 × 224": resnet18,
    "ViT-Ti/16, 224 × 224": vit,
    "MobileNetV2-like": mobilenet,
    "U-Net": unet,
    "LSTM": lstm,
    "GRU": gru,
    "BERT-like": bert,
    "GPT-like": gpt,
}
