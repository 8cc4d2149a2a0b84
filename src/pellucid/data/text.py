"""Any UTF-8 text file, cut into windows for learning the next symbol."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from pellucid.base.errors import BadData
from pellucid.data.dataset import Card, Dataset
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
            _shorter(len(text)),
        )
    texts = _runs(text, split_seed)
    known, rare = _vocabulary("".join(texts["train"]), vocabulary)
    marks = {
        part: [numbers(code_points(run), known) for run in runs] for part, runs in texts.items()
    }
    splits = {part: joined([windows(run, context) for run in runs]) for part, runs in marks.items()}
    unknown = sum(int((run == 0).sum()) for runs in marks.values() for run in runs)
    notes = []
    if unknown:
        notes.append(
            f"{unknown:,} of {len(text):,} symbols are read as {RARE}: {rare:,} kinds beyond the "
            f"{len(known) - 1} most frequent of train, and those that train never shows"
        )
    card = Card(
        name=path.stem,
        title=f"{len(text):,} symbols of {len(known)} kinds, a text file of yours",
        source=str(path.resolve()),
        licence="known to you",
    )
    return symbol_dataset(
        card, known, (splits["train"], splits["validation"], splits["test"]), notes
    )


def _shorter(symbols: int) -> str:
    """What to do where a text is too short for its windows."""
    fitting = symbols // BLOCKS - 1
    if fitting < 1:
        return f"give more text; with --set context=1 it takes {2 * BLOCKS} symbols"
    return f"give more text, or look back less far: --set context={fitting}"


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
