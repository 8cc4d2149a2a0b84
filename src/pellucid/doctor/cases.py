"""What the sick and the healthy scripts of the diagnoses share: data, a network, a loop."""

from __future__ import annotations

SCRIPT = """\
import torch
from torch import nn
from torch.nn import functional

torch.manual_seed(0)
inputs = torch.randn(256, 12)
labels = (inputs[:, 0] + inputs[:, 1] > 0).long() + (inputs[:, 2] > 0).long()

{network}
optimiser = {optimiser}


def train(steps):
    for step in range(steps):
        rows = torch.randint(0, 192, (32,))
{step}


def evaluate():
{evaluate}


train(30)
print(evaluate())
"""

NETWORK = """\
network = nn.Sequential(
    nn.Linear(12, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, 3)
)"""
OPTIMISER = "torch.optim.Adam(network.parameters(), lr=0.01)"
STEP = """\
network.train()
optimiser.zero_grad()
functional.cross_entropy(network(inputs[rows]), labels[rows]).backward()
optimiser.step()"""
EVALUATE = """\
network.eval()
with torch.no_grad():
    right = sum(
        (network(inputs[k : k + 16]).argmax(1) == labels[k : k + 16]).sum().item()
        for k in range(192, 256, 16)
    )
return right / 64"""


def script(
    network: str = NETWORK,
    optimiser: str = OPTIMISER,
    step: str = STEP,
    evaluate: str = EVALUATE,
) -> str:
    """A small training script, with some of its parts replaced."""
    return SCRIPT.format(
        network=network,
        optimiser=optimiser,
        step=_indented(step, 8),
        evaluate=_indented(evaluate, 4),
    )


def long_script(
    network: str = NETWORK,
    optimiser: str = OPTIMISER,
    step: str = STEP,
    evaluate: str = EVALUATE,
) -> str:
    """The same with more steps, so that trials of half as many have something to tell."""
    return script(network, optimiser, step, evaluate).replace("train(30)", "train(120)")


def _indented(lines: str, by: int) -> str:
    return "\n".join(" " * by + line if line else line for line in lines.split("\n"))
