"""What the doctor says: a name, how sure it is, where, the evidence, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pellucid.watch.lines import Line

PROVEN = "proven"
SUSPECTED = "suspected"


@dataclass(frozen=True)
class Finding:
    """One fault, in the user's own numbers."""

    name: str
    grade: str
    """`proven`: a contract is violated; `suspected`: a signal only."""
    where: Line | None
    evidence: tuple[str, ...]
    """Sentences with the numbers that were measured."""
    prescription: str
    """The smallest change that mends it."""
    numbers: dict[str, Any] = field(default_factory=dict)
    explains: tuple[str, ...] = ()
    """Names of findings that are symptoms of this one."""

    def __str__(self) -> str:
        where = f"  {self.where}" if self.where else ""
        lines = [f"{self.grade.upper()}  {self.name}{where}", *(f"  {e}" for e in self.evidence)]
        return "\n".join([*lines, f"  Mend: {self.prescription}."])

    def as_record(self) -> dict[str, Any]:
        where = None
        if self.where:
            where = {"file": self.where.file, "line": self.where.number, "text": self.where.text}
        return {
            "name": self.name,
            "grade": self.grade,
            "kind": "fault",
            "where": where,
            "evidence": {"sentences": list(self.evidence), **self.numbers},
            "prescription": self.prescription,
            "explains": list(self.explains),
        }
