"""What MNIST and Fashion-MNIST share: four idx files, and a test split of the makers'."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pellucid.data import idx, official
from pellucid.data.card import Card
from pellucid.data.dataset import Dataset
from pellucid.data.source import Source

if TYPE_CHECKING:
    from pellucid.data.decoded import Arrays

VALIDATION_SHARE = 1 / 12
"""5,000 of 60,000."""


def load(card: Card, source: Source, classes: Sequence[str], split_seed: int) -> Dataset:
    """The makers' test split; 5,000 of the training pictures are held out for validation."""
    return official.load(card, source, classes, _decode, VALIDATION_SHARE, split_seed)


def _decode(paths: dict[str, Path]) -> Arrays:
    made = {}
    for part, prefix in (("train", "train"), ("test", "t10k")):
        made[f"{part}-images"], made[f"{part}-labels"] = idx.pictures_and_labels(
            paths[f"{prefix}-images-idx3-ubyte.gz"], paths[f"{prefix}-labels-idx1-ubyte.gz"]
        )
    return made
