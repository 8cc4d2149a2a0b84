"""Disjoint, stratified splits that are the same for the same seed on any machine."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pellucid.base.seeds import named_seed
from pellucid.data.dataset import Card, Dataset, Split


def stratified(
    labels: NDArray[np.int64], shares: Sequence[float], seed: int
) -> list[NDArray[np.int64]]:
    """Index sets, one for each of `shares` (which add up to 1), with each class in proportion.

    Each class is shuffled on its own and cut at the rounded shares, so that every part's share of
    every class is exact within one example. Drawn from NumPy's legacy generator, whose stream is
    frozen across versions and machines.
    """
    chance = np.random.RandomState(named_seed(seed, "split"))
    parts: list[list[NDArray[np.int64]]] = [[] for _ in shares]
    for label in np.unique(labels):
        members = chance.permutation(np.flatnonzero(labels == label))
        cuts = np.round(np.cumsum(shares)[:-1] * len(members)).astype(np.int64)
        for part, chosen in zip(parts, np.split(members, cuts), strict=True):
            part.append(chosen)
    return [np.sort(np.concatenate(part)) for part in parts]


def channel_statistics(inputs: NDArray[np.uint8]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel of uint8 pictures (n, c, h, w), on the 0…1 scale.

    Exact: counted over the 256 levels instead of summed in floating point.
    A constant channel gets standard deviation 1, so that dividing by it does no harm.
    """
    levels = np.arange(256) / 255
    means, deviations = [], []
    for channel in range(inputs.shape[1]):
        counts = np.bincount(inputs[:, channel].ravel(), minlength=256)
        share = counts / counts.sum()
        mean = float(share @ levels)
        deviation = float(np.sqrt(share @ (levels - mean) ** 2))
        means.append(mean)
        deviations.append(deviation or 1.0)
    return tuple(means), tuple(deviations)


def count_duplicates(splits: dict[str, Split]) -> dict[str, int]:
    """For each pair of splits, how many examples of the later one also lie in the earlier one.

    Compared by content (inputs alone). This is how "tested on training data" begins.
    """
    seen = {name: [_fingerprint(row) for row in split.inputs] for name, split in splits.items()}
    names = list(splits)
    counts = {}
    for place, first in enumerate(names):
        known = set(seen[first])
        for second in names[place + 1 :]:
            counts[f"{first}-{second}"] = sum(mark in known for mark in seen[second])
    return counts


def _fingerprint(row: NDArray[np.generic]) -> bytes:
    return hashlib.blake2b(row.tobytes(), digest_size=16).digest()


def picture_dataset(
    card: Card,
    classes: Sequence[str],
    train: Split,
    validation: Split,
    test: Split,
    notes: Sequence[str] = (),
) -> Dataset:
    """A data set of pictures: statistics from the train split alone, duplicates counted."""
    mean, std = channel_statistics(train.inputs)
    splits = {"train": train, "validation": validation, "test": test}
    return Dataset(
        card=card,
        kind="pictures",
        classes=tuple(classes),
        train=train,
        validation=validation,
        _test=test,
        mean=mean,
        std=std,
        duplicates=count_duplicates(splits),
        notes=tuple(notes),
    )
