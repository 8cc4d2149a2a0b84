"""Any UTF-8 text file, cut into windows for learning the next symbol."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from pellucid.base.errors import BadData
from pellucid.data.dataset import Card, Dataset, Split
from pellucid.data.settings import at_least
from pellucid.data.split import generator, symbol_dataset
from pellucid.data.symbols import RARE, code_points, joined, numbers, read_text, windows

BLOCKS = 10
"""The text is cut into tenths: one for validation, one for test, the others for train."""


def load(path: Path, *, context: int = 64, split_seed: int = 0, vocabulary: int = 256) -> Dataset:
    """The text at `path` in windows of `context` symbols (inputs and labels: (window, context)).

    Windows never cross from one split into another. The `vocabulary` - 1 most frequent symbols of
    train are known; all others, and those that train never shows, become `\ufffd`.

    Raises `BadData` for an empty text, one that is not UTF-8, and one too short to be divided.
    """
    at_least(str(path), "context", context, 1)
    at_least(str(path), "vocabulary", vocabulary, 2)
    text = read_text(path)
    if len(text) < BLOCKS * (context + 1):
        raise BadData(
            str(path),
            f"{len(text):,} symbols",
            f"at least {BLOCKS * (context + 1):,}, so that every tenth has a window of {context}",
            f"give more text, or context={max(1, len(text) // BLOCKS - 1)}",
        )
    texts = _runs(text, split_seed)
    known, rare = _vocabulary("".join(texts["train"]), vocabulary)
    splits = {part: _split(runs, known, context) for part, runs in texts.items()}
    outside = sum(symbol not in known for runs in texts.values() for run in runs for symbol in run)
    notes = [] if not outside else [
        f"{outside:,} of {len(text):,} symbols are rare ({rare:,} kinds in train beyond the "
        f"{len(known) - 1} most frequent, or none in train): they are read as {RARE}"
    ]
    card = Card(
        name=path.stem,
        title=f"{len(text):,} symbols of {len(known)} kinds, a text file of yours",
        source=str(path.resolve()),
        licence="known to you",
    )
    return symbol_dataset(
        card, known, (splits["train"], splits["validation"], splits["test"]), notes
    )


def _runs(text: str, split_seed: int) -> dict[str, list[str]]:
    """Contiguous runs of text for each split; neighbouring tenths of train are one run."""
    edges = [round(len(text) * edge / BLOCKS) for edge in range(BLOCKS + 1)]
    held = generator(split_seed, "blocks").permutation(BLOCKS)[:2]
    names = ["train"] * BLOCKS
    names[int(held[0])], names[int(held[1])] = "validation", "test"
    runs: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    for block, name in enumerate(names):
        piece = text[edges[block] : edges[block + 1]]
        if block and names[block - 1] == name:
            runs[name][-1] += piece
        else:
            runs[name].append(piece)
    return runs


def _vocabulary(text: str, size: int) -> tuple[list[str], int]:
    """The known symbols, `RARE` first and the others in order, and how many kinds are left out."""
    counts = Counter(text)
    counts.pop(RARE, None)
    ranked = sorted(counts, key=lambda symbol: (-counts[symbol], symbol))
    return [RARE, *sorted(ranked[: size - 1])], max(0, len(ranked) - size + 1)


def _split(runs: list[str], vocabulary: list[str], context: int) -> Split:
    marks = [numbers(code_points(run), vocabulary) for run in runs]
    return joined([windows(np.asarray(run), context) for run in marks])
