"""A network's weights as one long row, directions in it, and the loss along them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pellucid.inside.subject import Frame, Gallery

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Ground:
    """Where the loss is asked: the network, some examples, and the loss."""

    network: nn.Module
    examples: Gallery
    loss: Callable[[Tensor, Tensor], Tensor]

    def at(self, weights: Weights) -> float:
        """The mean loss with these weights."""
        return float(self._loss(weights, slice(None)))

    def error(self, weights: Weights, parts: int = 8) -> float:
        """The standard error of that mean, from `parts` parts of the examples."""
        size = max(1, len(self.examples) // parts)
        starts = range(0, size * (len(self.examples) // size), size)
        each = torch.stack([self._loss(weights, slice(at, at + size)) for at in starts]).double()
        return float(each.std() / len(each) ** 0.5) if len(each) > 1 else 0.0

    def _loss(self, weights: Weights, some: slice) -> Tensor:
        output = torch.func.functional_call(self.network, weights, (self.examples.inputs[some],))
        return self.loss(output, self.examples.targets[some])


def row(weights: Weights) -> Tensor:
    """All floating-point numbers in float64, one after the other."""
    return torch.cat([one.double().flatten() for one in weights.values() if floats(one)])


def unrolled(numbers: Tensor, like: Weights) -> Weights:
    """The row back in its shapes; a variance that fell below 0 is 0, whole numbers stay."""
    found: Weights = {}
    at = 0
    for name, value in like.items():
        if not floats(value):
            found[name] = value
            continue
        part = numbers[at : at + value.numel()].view(value.shape)
        at += value.numel()
        lowest = 0.0 if name.endswith("running_var") else None
        found[name] = (part.clamp(min=lowest) if lowest is not None else part).to(value.dtype)
    return found


def floats(value: Tensor) -> bool:
    """Is it made of floating-point numbers?"""
    return value.is_floating_point()


def through(frames: tuple[Frame, ...]) -> tuple[Tensor, Tensor, float]:
    """The plane through checkpoints: two directions (2, number), the checkpoints' coordinates
    (frame, 2) seen from the last one, and the share of their variance that lies in it.
    """
    rows = torch.stack([row(frame.weights) for frame in frames])
    steps = rows - rows[-1]
    _, sizes, directions = torch.linalg.svd(steps, full_matrices=False)
    explained = float(sizes[:2].square().sum() / sizes.square().sum().clamp(min=1e-300))
    plane = directions[:2]
    return plane, steps @ plane.T, explained


def filter_normalised(network: nn.Module, chance: torch.Generator) -> Weights:
    """A random direction in which every filter has its own filter's length.

    Biases, norms and buffers stay (Li et al. 2018, Visualizing the loss landscape, section 4).
    """
    found: Weights = {}
    trained = dict(network.named_parameters())
    for name, value in network.state_dict().items():
        if name not in trained or value.ndim < 2:
            found[name] = torch.zeros_like(value)
            continue
        drawn = torch.randn(value.shape, generator=chance)
        lengths = value.flatten(1).norm(dim=1) / drawn.flatten(1).norm(dim=1).clamp(min=1e-30)
        found[name] = drawn * lengths.view(-1, *[1] * (value.ndim - 1))
    return found
