"""How sharply a loss bends."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from pellucid.doctor.bench import Bench
from pellucid.doctor.judged import calm
from pellucid.watch.aside import aside
from pellucid.watch.recorder import tensors_in


def largest_curvature(loss: Tensor, weights: list[nn.Parameter], turns: int) -> float:
    """The Hessian's largest eigenvalue, by so many turns of power iteration."""
    slopes = torch.autograd.grad(loss, weights, create_graph=True)
    chance = torch.Generator().manual_seed(0)
    way = [torch.randn(w.shape, generator=chance).to(w) for w in weights]
    value = math.nan
    for _ in range(turns):
        length = math.sqrt(sum(float((part * part).sum()) for part in way))
        way = [part / (length + 1e-30) for part in way]
        dot = sum((slope * part).sum() for slope, part in zip(slopes, way, strict=True))
        turned = torch.autograd.grad(dot, weights, retain_graph=True)  # type: ignore[arg-type]
        value = sum(float((a * b).sum()) for a, b in zip(turned, way, strict=True))
        way = [part.detach() for part in turned]
    return value


def sharpness(bench: Bench, turns: int = 12) -> float:
    """The largest curvature of the script's loss before the first step: the Hessian's largest
    eigenvalue, by power iteration. NaN if it cannot be worked out."""
    with aside(), torch.enable_grad():
        network, batch = bench.first(), bench.batches[0]
        calm(network, batch.training)
        weights = [weight for weight in network.parameters() if weight.requires_grad]
        try:
            answers = list(tensors_in(network(*batch.given, **batch.named)))
            loss = bench.judge.loss_of(network, batch, answers).sum()
            return largest_curvature(loss, weights, turns)
        except Exception:
            return math.nan  # not every operation has a second derivative
