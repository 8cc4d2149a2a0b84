"""Examples recognised again: one number for each row of a batch, which hardly another row has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

COLUMNS = 128
"""Numbers of a row that are looked at; all, if it has no more."""


@lru_cache(maxsize=32)
def _places(width: int) -> tuple[Tensor, Tensor]:
    chance = torch.Generator().manual_seed(0)
    columns = torch.randperm(width, generator=chance)[:COLUMNS]
    return columns, torch.randn(len(columns), generator=chance, dtype=torch.float64)


def marks_of(tensors: Sequence[Tensor]) -> list[float]:
    """One number for each example of a batch of several tensors: of a user and a film together."""
    found = marks(tensors[0]) if tensors else []
    for place, tensor in enumerate(tensors[1:], start=2):
        if tensor.ndim and len(tensor) == len(found):
            found = [a + math.sqrt(place) * b for a, b in zip(found, marks(tensor), strict=False)]
    return found


def marks(batch: Tensor) -> list[float]:
    """One number for each example of a batch (examples × anything)."""
    if not batch.ndim or not batch.numel() or batch.is_complex() or batch.is_sparse:
        return []
    flat = batch.detach().reshape(len(batch), -1)
    columns, weights = _places(flat.shape[1])
    if len(columns) < flat.shape[1]:
        flat = flat[:, columns.to(flat.device)]
    return (flat.double() @ weights.to(flat.device)).tolist()
