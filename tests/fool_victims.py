"""Small networks that the tests of `fool` ask about, one of each kind of layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pellucid.fool.bounds import Scaling
from pellucid.fool.victim import Victim


class Block(nn.Module):
    """x + correction(x), then a maximum over the map."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, width, 4, stride=2, padding=1)
        self.correction = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.ReLU())
        self.scores = nn.Linear(width, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x - 0.3) * 2)
        x = x + self.correction(x)
        scores: Tensor = self.scores(torch.amax(x - self.correction(x) / 4, dim=(2, 3)))
        return scores


def dense(channels: int = 1, side: int = 8) -> nn.Module:
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(channels * side * side, 20),
        nn.LeakyReLU(0.1),
        nn.Dropout(0.5),
        nn.Linear(20, 12),
        nn.GELU(),
        nn.Linear(12, 4),
    )


def convolutions(channels: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(channels, 6, 3, bias=False),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(6),
        nn.ReLU(inplace=True),
        nn.Conv2d(6, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2, padding=1),
        nn.Flatten(),
        nn.Linear(8 * 2 * 2, 4),
    )


def averages(channels: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.ZeroPad2d((1, 2, 0, 1)),
        nn.Conv2d(channels, 4, 3, groups=1),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Conv2d(4, 8, 3, stride=2, padding=2, dilation=2, groups=2),
        nn.Sigmoid(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 6),
        nn.SiLU(),
        nn.Linear(6, 4),
        nn.Tanh(),
    )


NETWORKS = {
    "dense": dense,
    "convolutions": convolutions,
    "averages": averages,
    "block": lambda: Block(5),
    "colour": lambda: convolutions(3),
    "colour, smooth": lambda: averages(3),
    "colour, dense": lambda: dense(3),
}


def network(name: str, seed: int = 0) -> nn.Module:
    """A network with weights that make its answer depend on every pixel."""
    torch.manual_seed(seed)
    made: nn.Module = NETWORKS[name]()
    with torch.no_grad():
        for part in made.modules():
            if isinstance(part, nn.Conv2d | nn.Linear):
                part.weight.mul_(2.0)
            if isinstance(part, nn.BatchNorm2d):
                part.running_mean.uniform_(-1, 1)
                part.running_var.uniform_(0.5, 2)
                part.weight.uniform_(-1.5, 1.5)
                part.bias.uniform_(-1, 1)
    return made.eval()


def victim(name: str, pictures: int = 2, seed: int = 0) -> Victim:
    channels = 3 if name.startswith("colour") else 1
    chance = torch.Generator().manual_seed(seed)
    given = torch.rand(pictures, channels, 8, 8, generator=chance, dtype=torch.float64)
    given = (given * (given > 0.4) * 255).round() / 255
    offset, gain = torch.full((channels,), -0.4).double(), torch.full((channels,), 3.0).double()
    made = Victim(network(name, seed), given, Scaling(offset, gain), list("abcd"), name)
    last = [part for part in made.network.modules() if isinstance(part, nn.Linear)][-1]
    with torch.no_grad():  # bring the scores together, so that the answer is easy to change
        scores = made.network(made.given(given[:1]))[0]
        last.bias -= 0.8 * (scores - scores.mean())
    return made
