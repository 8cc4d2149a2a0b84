"""What simple models make of the examples that a training has met: nearest neighbours, a plane."""

from __future__ import annotations

import torch
from torch import Tensor

NEAREST = 10
FOLDS = 5
RIDGE = 0.1
"""Pull towards 0, as a share of the features' mean square."""


def features(inputs: Tensor) -> Tensor:
    """Examples × standardised numbers, with the strengths of the frequencies along time for
    examples of one line or several."""
    flat = inputs.double().flatten(1)
    if inputs.ndim == 3:
        axis = 1 if inputs.shape[1] > inputs.shape[2] else 2
        flat = torch.cat([flat, torch.fft.rfft(inputs.double(), dim=axis).abs().flatten(1)], 1)
    flat = flat - flat.mean(0)
    deviation = flat.std(0)
    varying = deviation > 1e-9 * deviation.max().clamp_min(1e-30)
    return flat[:, varying] / deviation[varying]


def nearest(table: Tensor) -> Tensor:
    """Examples × `NEAREST`: the places of the nearest others."""
    distances = torch.cdist(table, table)
    distances.fill_diagonal_(float("inf"))
    return distances.topk(min(NEAREST, len(table) - 1), largest=False).indices


def planes(table: Tensor) -> Tensor:
    """Examples × examples: times targets, what a plane through the others' targets foretells, by
    ridge regression in `FOLDS` folds."""
    count = len(table)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    whole = torch.zeros(count, count, dtype=torch.float64)
    kernel = table @ table.T / max(1, table.shape[1]) + 1
    for left in order.chunk(FOLDS):
        kept = torch.ones(count, dtype=torch.bool)
        kept[left] = False
        others = kept.nonzero().flatten()
        inner = kernel[others][:, others]
        inner = inner + RIDGE * torch.eye(len(others), dtype=torch.float64)
        part = torch.linalg.solve(inner, kernel[others][:, left]).T
        whole[left[:, None], others[None, :]] = part
    return whole


def one_hot(labels: Tensor) -> Tensor:
    """Examples × classes that occur, 1 where it is the class."""
    kinds: Tensor = torch.unique(labels)
    return (labels[:, None] == kinds).double()


def ranks(numbers: Tensor) -> Tensor:
    """The rank of each number in its column; of equal ones the mean of theirs."""
    from scipy.stats import rankdata  # type: ignore[import-untyped]

    return torch.from_numpy(rankdata(numbers.cpu().numpy(), axis=0))
