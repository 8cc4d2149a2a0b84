"""The question of the single pixel for many pictures, with a certificate for each on disk.

A certificate that is there already, for the same weights and the same picture, is not asked for
again; one of an unfinished search is where the search goes on.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pellucid.base.errors import PellucidError, WrongUse
from pellucid.base.records import Record, write_json
from pellucid.fool.certificate import certificate, picture_of, read
from pellucid.fool.enumeration import enumerate_levels
from pellucid.fool.graph import Graph
from pellucid.fool.single_pixel import Question, graph_of
from pellucid.fool.victim import Victim, fingerprint, picture_fingerprint
from pellucid.train.metrics import wilson


@dataclass
class Asking:
    """One network, its pictures, and the folder of its certificates."""

    victim: Victim
    folder: Path
    enumerating: bool = False
    seconds: float | None = None
    again: bool = False
    stopped: Callable[[], bool] = lambda: False

    def __post_init__(self) -> None:
        if self.seconds is not None and not 0 < self.seconds < float("inf"):
            raise WrongUse(
                "--seconds", f"{self.seconds:g}", "more than 0 seconds a picture", "--seconds 60"
            )

    @cached_property
    def graph(self) -> Graph:
        """The network as layers."""
        return graph_of(self.victim)

    @cached_property
    def weights(self) -> str:
        """The fingerprint of the weights."""
        return fingerprint(self.victim.network)

    def path(self, index: int) -> Path:
        """Where a picture's certificate lies."""
        victim = self.victim
        name = victim.split or "picture"
        method = "-levels" if self.enumerating else ""
        return self.folder / "certificates" / f"{name}-{victim.numbers[index]}{method}.json"

    def answers(self) -> Iterator[Record]:
        """One certificate after the other; each is on disk before it is told."""
        if not self.enumerating:
            self.graph  # noqa: B018 - what cannot be proved is refused before the first picture
        for index in range(len(self.victim.pictures)):
            if self.stopped():
                return
            before = None if self.again else self._before(index)
            if before is not None and before["rest"] is None and not self._is_open(before):
                yield before
                continue
            yield self._asked(index, before)

    def _is_open(self, before: Record) -> bool:
        return before["method"] == "enumeration" and bool(before["open"])

    def _before(self, index: int) -> Record | None:
        """The certificate that is there for these very weights and this very picture."""
        path, picture = self.path(index), self.victim.pictures[index]
        if not path.is_file():
            return None
        with contextlib.suppress(PellucidError):
            record = read(path)
            mark = picture_fingerprint(picture_of(record))
            scaling = self.victim.scaling
            if (
                record["network"]["weights_sha256"] == self.weights
                and mark == picture_fingerprint(picture)
                and record["scaling"]["offset"] == scaling.offset.tolist()
                and record["scaling"]["gain"] == scaling.gain.tolist()
            ):
                return record
        return None

    def _asked(self, index: int, before: Record | None) -> Record:
        rest: Record | None = None
        if self.enumerating:
            proof = enumerate_levels(self.victim, index, self.stopped)
        else:
            begun = time.perf_counter()
            question = Question(self.victim, index, self.graph)
            if before is not None:
                question.search.go_on_from(before["rest"])
                question.seconds = float(before["seconds"])
            question.seconds += time.perf_counter() - begun
            question.ask(self.seconds, self.stopped)
            proof = question.proof()
            rest = None if question.search.is_done else question.search.as_record()
        record = certificate(self.victim, index, proof, self.weights, rest)
        write_json(self.path(index), record)
        return record


def share_fooled(certificates: list[Record]) -> Record:
    """The share of rightly answered pictures that one pixel can fool, with its interval.

    A picture without a label counts as rightly answered. An undecided picture may or may not be
    fooled: the interval's lower end counts it as not fooled, its upper end as fooled.
    """
    right = [one for one in certificates if one["label"] in (None, one["answer"])]
    fooled = sum(bool(one["flipped"]) for one in right)
    unsure = sum(not one["flipped"] and bool(one["undecided"]) for one in right)
    low, high = wilson(fooled, len(right))[0], wilson(fooled + unsure, len(right))[1]
    return {
        "share_fooled": fooled / len(right) if right else None,
        "low": low,
        "high": high,
        "asked": len(right),
        "fooled": fooled,
        "undecided": unsure,
        "wrong": len(certificates) - len(right),
    }
