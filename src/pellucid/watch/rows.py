"""Examples recognised again: one number for each row of a batch, which hardly another row has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

COLUMNS = 128
"""Numbers of a row that are looked at, at most and evenly spread; all, if it has no more."""


@lru_cache(maxsize=32)
def _places(width: int) -> tuple[int, Tensor]:
    stride = -(-width // COLUMNS)
    while math.gcd(stride, width) > 1:  # else a picture's columns would always be the same few
        stride += 1
    count = len(range(0, width, stride))
    chance = torch.Generator().manual_seed(0)
    return stride, torch.randn(count, generator=chance, dtype=torch.float64)


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
    stride, weights = _places(flat.shape[1])
    if flat.device.type == "cpu" and flat.dtype != torch.bfloat16:  # NumPy asks less time a call
        return list((flat.numpy()[:, ::stride].astype(np.float64) @ weights.numpy()).tolist())
    found: list[float] = (flat[:, ::stride].double() @ weights.to(flat.device)).tolist()
    return found
