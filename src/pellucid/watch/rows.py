"""Examples recognised again: one number for each row of a batch, which hardly another row has."""

from __future__ import annotations

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


def marks(batch: Tensor) -> list[float]:
    """One number for each example of a batch (examples × anything)."""
    if not batch.ndim or not batch.numel() or batch.is_complex() or batch.is_sparse:
        return []
    flat = batch.detach().reshape(len(batch), -1)
    columns, weights = _places(flat.shape[1])
    if len(columns) < flat.shape[1]:
        flat = flat[:, columns.to(flat.device)]
    return (flat.double() @ weights.to(flat.device)).tolist()
