"""What the questions before a run say: findings, remarks, and what could not be asked."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pellucid.base.errors import PellucidError
from pellucid.doctor.finding import PROVEN, SUSPECTED, Finding
from pellucid.nets import _walk
from pellucid.watch.lines import Line, is_users

NAMES = (
    "bad-initialisation",
    "evaluation-not-repeatable",
    "frozen-by-mistake",
    "graph-cut",
    "no-nonlinearity",
    "non-finite-values",
    "parameters-outside-optimiser",
    "samples-mixed",
    "shape-mismatch",
)
"""What is looked for before a run."""


@dataclass
class Told:
    """Filled by the questions, one after the other."""

    findings: list[Finding] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    """Facts that are no faults."""
    not_asked: list[str] = field(default_factory=list)
    """Questions that had no answer, each with the reason."""

    def proven(
        self, name: str, evidence: list[str], mend: str, where: Line | None = None, **numbers: Any
    ) -> None:
        self._add(Finding(name, PROVEN, where, tuple(evidence), mend, numbers))

    def suspected(
        self, name: str, evidence: list[str], mend: str, where: Line | None = None, **numbers: Any
    ) -> None:
        self._add(Finding(name, SUSPECTED, where, tuple(evidence), mend, numbers))

    def _add(self, found: Finding) -> None:
        if all((one.name, one.evidence) != (found.name, found.evidence) for one in self.findings):
            self.findings.append(found)

    @contextmanager
    def asking(self, question: str) -> Iterator[None]:
        """A question that raises has no answer, and the others are asked all the same."""
        try:
            yield
        except PellucidError:
            raise
        except Exception as error:
            self.not_asked.append(f"{question}: {first_line(error)}")


def first_line(error: BaseException) -> str:
    """`RuntimeError: mat1 and mat2 …`: the kind and the first line of what it says."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].rstrip('.')}" if lines else type(error).__name__


def users_line_of(error: BaseException) -> Line | None:
    """The innermost line of the user's own code that an exception came through."""
    found = None
    for frame in traceback.extract_tb(error.__traceback__):
        if is_users(frame.filename) and frame.filename != _walk.__file__:
            found = Line(frame.filename, frame.lineno or 0, frame.name)
    return found
