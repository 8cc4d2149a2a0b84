"""Texts as numbers: a vocabulary, and examples whose labels are the next symbols."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pellucid.base.errors import BadData
from pellucid.data.dataset import IGNORED, Split

RARE = "\ufffd"
"""The replacement character stands for every symbol that is not in the vocabulary."""


CONTROLS = bytes({*range(9), *range(14, 27), *range(28, 32)})
"""Bytes that no text has, whatever its encoding: a file with some of them is binary."""


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, line ends as one newline.

    Raises `BadData` that names the file if it is empty or no UTF-8 text.
    """
    try:
        content = path.read_bytes()
    except PermissionError as error:
        raise BadData(
            str(path), "a file that may not be read", "one that may", "change its permissions"
        ) from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if len(content[:4096].translate(None, delete=CONTROLS)) < len(content[:4096]):
            raise BadData(
                str(path), "a binary file", "a text file in UTF-8", "give the text itself"
            ) from error
        raise BadData(
            str(path),
            f"byte {error.start:,} ({content[error.start]:#04x}) that is not UTF-8 text",
            "a text file in UTF-8",
            f"save it as UTF-8, e.g. iconv -f LATIN1 -t UTF-8 {path.name} > utf8-{path.name}",
        ) from error
    if "\0" in text:
        place = text.index("\0")
        raise BadData(
            str(path),
            f"a zero byte at {place:,}, as binary files have them",
            "a text file in UTF-8",
            "give the text itself",
        )
    if not text.strip():
        raise BadData(str(path), "an empty text", "text to learn from", "put text into the file")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def code_points(text: str) -> NDArray[np.uint32]:
    """Unicode code points (symbol,)."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def numbers(points: NDArray[np.uint32], vocabulary: Sequence[str]) -> NDArray[np.int64]:
    """Places in `vocabulary`; what is not in it becomes the place of `RARE`."""
    places = {ord(symbol): place for place, symbol in enumerate(vocabulary)}
    distinct, inverse = np.unique(points, return_inverse=True)
    rare = places.get(ord(RARE), 0)
    table = np.array([places.get(int(point), rare) for point in distinct], dtype=np.int64)
    return table[inverse.reshape(points.shape)]


def words_as_split(words: Sequence[str], vocabulary: Sequence[str], length: int) -> Split:
    """One row a word, with the boundary (place 0 of `vocabulary`) before and after it.

    `inputs[i]` is boundary, word, padding; `labels[i]` is word, boundary, `IGNORED`; both
    (word, length). `length` is at least the longest word's length + 1.
    """
    lengths = np.array([len(word) for word in words], dtype=np.int64)
    rows = np.repeat(np.arange(len(words)), lengths)
    columns = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    inputs = np.zeros((len(words), length), dtype=np.int64)
    labels = np.full((len(words), length), IGNORED, dtype=np.int64)
    labels[rows, columns] = numbers(code_points("".join(words)), vocabulary)
    inputs[rows, columns + 1] = labels[rows, columns]
    labels[np.arange(len(words)), lengths] = 0
    return Split(inputs, labels)


def windows(marks: NDArray[np.int64], context: int) -> Split:
    """Windows of `context` symbols one after another; each symbol but the first is a label once.

    The last window is filled up; its filling has no label.
    """
    count = max(1, -(-(len(marks) - 1) // context))
    inputs = np.zeros(count * context, dtype=np.int64)
    labels = np.full(count * context, IGNORED, dtype=np.int64)
    inputs[: len(marks) - 1] = marks[:-1]
    labels[: len(marks) - 1] = marks[1:]
    return Split(inputs.reshape(count, context), labels.reshape(count, context))


def joined(splits: Sequence[Split]) -> Split:
    """The examples of several splits, one after another."""
    return Split(
        np.concatenate([split.inputs for split in splits]),
        np.concatenate([split.labels for split in splits]),
    )
