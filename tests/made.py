"""Data made up for the tests: small, quick, and the same each time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from pellucid.data.dataset import Card, Dataset, Split
from pellucid.data.split import picture_dataset

Draw = Callable[..., Path]
"""Draws a picture into a file and returns its path (see `data/conftest.py`)."""

CARD = Card(name="bars", title="bars", source="made up here", licence="CC0")


def bars(train: int = 96, rest: int = 32, seed: int = 0, side: int = 8) -> Dataset:
    """Three classes of grey pictures: a bright upper, middle or lower third, with noise."""
    chance = np.random.RandomState(seed)

    def part(count: int) -> Split:
        labels = np.arange(count) % 3
        pixels = chance.randint(0, 120, (count, 1, side, side))
        for place, label in enumerate(labels):
            third = side // 3
            pixels[place, :, label * third : (label + 1) * third] += 100
        return Split(pixels.astype(np.uint8), labels.astype(np.int64))

    return picture_dataset(CARD, ["upper", "middle", "lower"], part(train), part(rest), part(rest))
