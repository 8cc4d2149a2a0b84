"""What cannot be looked into is refused, with the reason."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pellucid.base.errors import BadData, WrongUse
from pellucid.inside.points import points_of
from pellucid.inside.subject import Subject, undisturbed


def check_network(network: nn.Module, where: str) -> None:
    """Refuse weights that are not finite numbers."""
    for name, weight in network.state_dict().items():
        if weight.is_floating_point() and not bool(weight.isfinite().all()):
            bad = int((~weight.isfinite()).sum())
            raise BadData(
                f"{where}, weights {name}",
                f"{bad} of {weight.numel()} numbers that are not finite",
                "finite weights",
                "look for where they began: pellucid doctor YOUR_TRAINING.py; or use an earlier "
                "checkpoint",
            )


def check_forward(subject: Subject, where: str) -> None:
    """Refuse a forward that differs from call to call, and layers that there are not."""
    with undisturbed(subject.network, subject.seed):
        first, second = (subject.network(subject.shown[:1]) for _ in range(2))
        if isinstance(first, Tensor) and not torch.equal(first, second):
            raise WrongUse(
                where,
                f"two different answers to one picture (by {float((first - second).abs().max()):g})"
                " in eval mode",
                "a forward pass without chance",
                "let dropout and noise depend on self.training, so that eval() ends them",
            )
        points_of(subject.network, subject.shown[:1], subject.layers)


def looks_like_probabilities(output: Tensor) -> bool:
    """Whether answers (n, classes) already went through a softmax: not below 0, sums of 1."""
    if output.ndim != 2 or output.shape[1] < 2:
        return False
    sums = output.sum(dim=1)
    return bool((output >= 0).all()) and bool(torch.allclose(sums, torch.ones_like(sums)))
