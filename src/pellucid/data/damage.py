"""Noise and holes, defined in NumPy: what tests and closed-form baselines take as the truth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pellucid.base.errors import WrongUse

Floats = NDArray[np.float32]


def add_noise(pixels: Floats, sigma: float, generator: np.random.Generator) -> Floats:
    """Pixels of 0…1 with independent normal noise of standard deviation `sigma` added.

    Not clipped to 0…1: the noise keeps mean 0, which the closed-form baselines assume.
    """
    if sigma < 0:
        raise WrongUse("noise", f"{sigma:g}", "a standard deviation of 0 or more", "give noise=0.2")
    noise = generator.standard_normal(pixels.shape, dtype=np.float32)
    return (pixels + np.float32(sigma) * noise).astype(np.float32)


def cut_hole(pixels: Floats, size: int, row: int, column: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Pixels (…, row, column) with a square of `size` set to 0, and where it is (row, column).

    The hole's upper left corner is at `row`, `column`; all of it must lie inside the picture.
    """
    height, width = pixels.shape[-2:]
    if not (size >= 1 and 0 <= row <= height - size and 0 <= column <= width - size):
        raise WrongUse(
            "hole",
            f"a square of {size} at row {row}, column {column}",
            f"one inside the picture of {height} × {width}",
            f"choose a hole of 1 to {min(height, width)} and a corner that leaves room for it",
        )
    is_hidden = np.zeros((height, width), dtype=bool)
    is_hidden[row : row + size, column : column + size] = True
    return np.where(is_hidden, np.float32(0), pixels).astype(np.float32), is_hidden
