"""`Diagnosis`: a pure function of a trace, with a sick and a healthy case of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from pellucid.base.catalog import Catalog
from pellucid.doctor.finding import PROVEN, Finding
from pellucid.watch.lines import Line
from pellucid.watch.trace import Trace

DIAGNOSES = Catalog("diagnosis", "doctor.diagnoses")


class Diagnosis(ABC):
    """One kind of fault. Its name is its file's, with dashes.

    A subclass's docstring says what went wrong in one sentence. `SICK` and `HEALTHY` are two
    scripts that anyone can run; they are as near to each other as can be.
    """

    EXPLAINS: ClassVar[tuple[str, ...]] = ()
    SICK: ClassVar[str]
    HEALTHY: ClassVar[str]

    @classmethod
    def name(cls) -> str:
        return cls.__module__.rpartition(".")[2].replace("_", "-")

    @abstractmethod
    def find(self, trace: Trace) -> Finding | None:
        """The finding, if the trace proves it."""

    def proven(
        self, where: Line | None, evidence: list[str], prescription: str, **numbers: Any
    ) -> Finding:
        return Finding(
            self.name(), PROVEN, where, tuple(evidence), prescription, numbers, self.EXPLAINS
        )


def examine(trace: Trace) -> list[Finding]:
    """Every finding, causes before their symptoms; symptoms that a cause explains are left out."""
    found = []
    for name in DIAGNOSES.names():
        finding = DIAGNOSES.load(name).DIAGNOSIS().find(trace)
        if finding is not None:
            found.append(finding)
    explained = {symptom for finding in found for symptom in finding.explains}
    return [finding for finding in found if finding.name not in explained]


def plural(count: int, word: str) -> str:
    """`1 batch`, `3 batches`."""
    ending = "es" if word.endswith(("s", "x", "ch", "sh")) else "s"
    return f"{count:,} {word}" + ("" if count == 1 else ending)
