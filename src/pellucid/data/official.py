"""Pictures whose makers set the test split: decoded once, and validation held out of the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pellucid.data import decoded
from pellucid.data.card import Card
from pellucid.data.dataset import Dataset, Split
from pellucid.data.source import Source
from pellucid.data.split import with_validation

if TYPE_CHECKING:
    from pellucid.data.decoded import Arrays


def load(
    card: Card,
    source: Source,
    classes: Sequence[str],
    decode: Callable[[dict[str, Path]], Arrays],
    share: float,
    split_seed: int,
) -> Dataset:
    """The makers' test split; `share` of the training pictures is held out for validation.

    `decode` makes `train-images`, `train-labels`, `test-images` and `test-labels` of the files,
    uint8 (n, channel, row, column) and (n,).
    """
    arrays = decoded.arrays(card.name, source, decode)
    train, test = (
        Split(arrays[f"{part}-images"], arrays[f"{part}-labels"].astype(np.int64))
        for part in ("train", "test")
    )
    return with_validation(card, classes, train, test, share, split_seed)
