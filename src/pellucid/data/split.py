"""Disjoint, stratified splits that are the same for the same seed on any machine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pellucid.base.seeds import named_seed
from pellucid.data.dataset import Card, Dataset, Split

Index = NDArray[np.int64]


def generator(seed: int, *names: str | int) -> np.random.RandomState:
    """NumPy's legacy generator, whose stream is frozen across versions and machines."""
    return np.random.RandomState(named_seed(seed, *names))


def stratified(labels: Index, shares: Sequence[float], seed: int) -> list[Index]:
    """Index sets, one for each of `shares` (which add up to 1), with each class in proportion.

    Each class is shuffled on its own and cut at the rounded shares, so that every part's share of
    every class is exact within one example. A class with at least as many members as there are
    parts has one in each; with fewer, the first and the last part come first.
    """
    chance = generator(seed, "split")
    parts: list[list[Index]] = [[] for _ in shares]
    for label in np.unique(labels):
        members = chance.permutation(np.flatnonzero(labels == label))
        cuts = np.cumsum(_counts(len(members), shares))[:-1]
        for part, chosen in zip(parts, np.split(members, cuts), strict=True):
            part.append(chosen)
    return [np.sort(np.concatenate(part)) for part in parts]


def _counts(total: int, shares: Sequence[float]) -> Index:
    """`total` members cut at the rounded shares, none left empty where that can be."""
    cuts = np.round(np.cumsum(shares)[:-1] * total).astype(np.int64)
    counts = np.diff(np.concatenate([[0], cuts, [total]]))
    # train needs an example most, then test: without them a class is not learned or not judged
    need = [0, len(shares) - 1, *range(1, len(shares) - 1)]
    for rank, place in enumerate(need):
        if counts[place] == 0:
            donors = [other for other in need if counts[other] > 1]
            donors += [other for other in need[rank + 1 :] if counts[other] == 1]
            if donors:
                counts[max(donors, key=lambda other: int(counts[other]))] -= 1
                counts[place] = 1
    return counts


def hold_out(labels: Index, count: int, seed: int) -> tuple[Index, Index]:
    """Index sets of what is kept and of exactly `count` held out, each class in proportion.

    Each class gives its share rounded down; the classes with the largest remainders one more.
    """
    classes, sizes = np.unique(labels, return_counts=True)
    ideal = sizes * (count / len(labels))
    given = np.floor(ideal).astype(np.int64)
    most_left = np.argsort(given - ideal, kind="stable")[: count - given.sum()]
    given[most_left] += 1
    chance = generator(seed, "validation")
    is_held = np.zeros(len(labels), dtype=bool)
    for label, number in zip(classes, given, strict=True):
        is_held[chance.permutation(np.flatnonzero(labels == label))[:number]] = True
    return np.flatnonzero(~is_held), np.flatnonzero(is_held)


def channel_statistics(inputs: NDArray[np.uint8]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel of uint8 pictures (n, c, h, w), on the 0…1 scale.

    Exact whatever the order: sums of whole numbers below 2⁵³ lose nothing in float64.
    A constant channel gets standard deviation 1, so that dividing by it does no harm.
    """
    count = inputs[:, 0].size
    sums, squares = np.zeros(inputs.shape[1]), np.zeros(inputs.shape[1])
    for start in range(0, len(inputs), 64):  # 64 pictures as float64 fit into the cache
        block = inputs[start : start + 64].astype(np.float64)
        sums += block.sum(axis=(0, 2, 3))
        squares += np.einsum("nchw,nchw->c", block, block)
    means, deviations = [], []
    for total, square in zip(map(int, sums), map(int, squares), strict=True):
        means.append(total / (255 * count))
        deviations.append((count * square - total * total) ** 0.5 / (255 * count) or 1.0)
    return tuple(means), tuple(deviations)


def count_duplicates(splits: dict[str, Split]) -> dict[str, int]:
    """For each pair of splits, how many examples of the later one also lie in the earlier one.

    Compared by content (inputs alone). This is how "tested on training data" begins.
    """
    rows = {name: _byte_rows(split.inputs) for name, split in splits.items()}
    marks = {name: _fingerprints(row) for name, row in rows.items()}
    names = list(splits)
    counts = {}
    for place, first in enumerate(names):
        for second in names[place + 1 :]:
            # equal rows have equal fingerprints: only rows that share one are compared whole
            near = rows[first][np.isin(marks[first], marks[second])]
            known = {row.tobytes() for row in near}
            candidates = rows[second][np.isin(marks[second], marks[first])]
            counts[f"{first}-{second}"] = sum(row.tobytes() in known for row in candidates)
    return counts


def _byte_rows(inputs: NDArray[np.generic]) -> NDArray[np.uint8]:
    """One row of bytes an example, without a copy where the array is contiguous."""
    rows = np.ascontiguousarray(inputs).reshape(len(inputs), -1)
    return rows.view(np.uint8)


def _fingerprints(rows: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """A 64-bit number a row, equal for equal rows: a weighted sum that wraps around."""
    whole = rows.shape[1] // 8 * 8
    words = np.ascontiguousarray(rows[:, :whole]).view(np.uint64)
    weights = generator(0, "fingerprint").randint(0, 2**63, words.shape[1], dtype=np.uint64)
    return words @ (weights * np.uint64(2) + np.uint64(1))


def duplicate_notes(duplicates: dict[str, int], test_size: int) -> list[str]:
    """What to tell of examples that stand on both sides of a split."""
    notes = []
    seen = duplicates.get("train-test", 0) + duplicates.get("validation-test", 0)
    if seen:
        share = 100 * seen / max(test_size, 1)
        notes.append(
            f"{seen:,} of {test_size:,} test examples ({share:.2f} %) also lie in train or "
            "validation, the same in every byte: the test result may flatter by as much"
        )
    if duplicates.get("train-validation", 0):
        notes.append(
            f"{duplicates['train-validation']:,} validation examples also lie in train, the same "
            "in every byte"
        )
    return notes


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
    return _dataset("pictures", card, classes, (train, validation, test), notes, mean, std)


def symbol_dataset(
    card: Card, vocabulary: Sequence[str], splits: tuple[Split, Split, Split], notes: Sequence[str]
) -> Dataset:
    """A data set of symbols; `splits` are train, validation and test."""
    return _dataset("symbols", card, vocabulary, splits, notes, (), ())


def _dataset(
    kind: str,
    card: Card,
    classes: Sequence[str],
    splits: tuple[Split, Split, Split],
    notes: Sequence[str],
    mean: tuple[float, ...],
    std: tuple[float, ...],
) -> Dataset:
    train, validation, test = splits
    duplicates = count_duplicates({"train": train, "validation": validation, "test": test})
    return Dataset(
        card=card,
        kind="pictures" if kind == "pictures" else "symbols",
        classes=tuple(classes),
        train=train,
        validation=validation,
        _test=test,
        mean=mean,
        std=std,
        duplicates=duplicates,
        notes=(*notes, *duplicate_notes(duplicates, len(test))),
    )


def with_validation(
    card: Card,
    classes: Sequence[str],
    everything: Split,
    test: Split,
    share: float,
    split_seed: int,
    notes: Sequence[str] = (),
) -> Dataset:
    """Pictures whose makers set the test split: `share` of the rest is held out for validation."""
    count = round(share * len(everything))
    kept, held = hold_out(everything.labels, count, split_seed)
    return picture_dataset(card, classes, everything.take(kept), everything.take(held), test, notes)
