"""What a data set is: arrays, classes, a card, and splits of which the test split is sealed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pellucid.data.card import Card as Card

Kind = Literal["pictures", "symbols"]
IGNORED = -100
"""The label of a place that has no next symbol (padding): losses and metrics skip it."""


@dataclass(frozen=True)
class Split:
    """Examples for one purpose.

    Pictures: `inputs` uint8 (example, channel, row, column), `labels` int64 (example,).
    Symbols: `inputs` int64 (example, place), `labels` int64 (example, place), the next symbols,
    `IGNORED` where there is none.
    """

    inputs: NDArray[Any]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.inputs)

    def take(self, index: NDArray[np.int64] | slice) -> Split:
        """The examples at `index`, in that order."""
        return Split(self.inputs[index], self.labels[index])


@dataclass
class Dataset:
    """Arrays, classes, a card and three disjoint splits.

    The test split is sealed: `open_test(reason)` is the only way to it, and every look is told
    to whoever listens with `on_look` (a run writes them down).
    """

    card: Card
    kind: Kind
    classes: tuple[str, ...]
    """Class names; for symbols the vocabulary, the symbol of number i at place i."""
    train: Split
    validation: Split
    _test: Split
    mean: tuple[float, ...] = ()
    """Per channel, of pixels in 0…1, learned on the train split alone."""
    std: tuple[float, ...] = ()
    duplicates: dict[str, int] = field(default_factory=dict)
    """`train-test` and so on → how many examples of the second also lie in the first."""
    notes: tuple[str, ...] = ()
    """What a user should be told at load, e.g. which broken pictures were skipped."""
    on_look: list[Callable[[str, int], None]] = field(default_factory=list)

    def open_test(self, reason: str) -> Split:
        """The test split; the look is reported with its reason and number of examples."""
        for listener in self.on_look:
            listener(reason, len(self._test))
        return self._test

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example: (channel, row, column), or (place,) for symbols."""
        return tuple(int(size) for size in self.train.inputs.shape[1:])

    @property
    def sizes(self) -> dict[str, int]:
        """Examples per split; a count does not count as a look."""
        return {
            "train": len(self.train),
            "validation": len(self.validation),
            "test": len(self._test),
        }

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """`validation` and `test` → SHA-256 of their examples and labels, in their order.

        Two runs that were judged on equal ones were asked the same. Not a look: nothing of what
        the test split holds can be told from it.
        """
        return {"validation": _fingerprint(self.validation), "test": _fingerprint(self._test)}

    def as_record(self) -> dict[str, Any]:
        """What a run keeps of its data: enough to prepare new pictures without the data set."""
        return {
            "card": asdict(self.card),
            "kind": self.kind,
            "classes": list(self.classes),
            "shape": list(self.shape),
            "sizes": self.sizes,
            "mean": list(self.mean),
            "std": list(self.std),
            "fingerprints": self.fingerprints,
            "duplicates": self.duplicates,
            "notes": list(self.notes),
        }


def _fingerprint(split: Split) -> str:
    digest = hashlib.sha256(f"{split.inputs.shape} {split.labels.shape}".encode())
    for array, kind in ((split.inputs, split.inputs.dtype), (split.labels, np.dtype("i8"))):
        # the same bytes on every machine, whatever its own order of bytes is
        digest.update(np.ascontiguousarray(array, dtype=kind.newbyteorder("<")).data)
    return digest.hexdigest()
