"""What the doctor says: a name, how sure it is, where, the evidence, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pellucid.watch.lines import Line

PROVEN = "proven"
CONFIRMED = "confirmed"
SUSPECTED = "suspected"
FAULT = "fault"
SUGGESTION = "suggestion"


@dataclass(frozen=True)
class Finding:
    """One fault or suggestion, in the user's own numbers."""

    name: str
    grade: str
    """`proven`: a contract is violated; `confirmed`: the cure was tried and helps;
    `suspected`: a signal only, and never an alarm."""
    where: Line | None
    evidence: tuple[str, ...]
    """Sentences with the numbers that were measured."""
    prescription: str
    """The smallest change that mends it."""
    numbers: dict[str, Any] = field(default_factory=dict)
    explains: tuple[str, ...] = ()
    """Names of findings that are symptoms of this one."""
    kind: str = FAULT
    """`fault`, or `suggestion`: a run that learns would learn better."""
    effect: float = 1.0
    """How much the cure helps: loss with it as a share of the loss without. Orders findings."""
    tried: dict[str, Any] = field(default_factory=dict)
    """What was tried: `without` and `with` the cure, each repetition's losses step by step."""

    @property
    def is_alarm(self) -> bool:
        return self.kind == FAULT and self.grade != SUSPECTED

    def __str__(self) -> str:
        where = f"  {self.where}" if self.where else ""
        voice = self.grade.upper() if self.kind == FAULT else f"SUGGESTION, {self.grade}"
        lines = [f"{voice}  {self.name}{where}", *(f"  {e}" for e in self.evidence)]
        return "\n".join([*lines, f"  Mend: {self.prescription}."])

    def as_record(self) -> dict[str, Any]:
        where = None
        if self.where:
            where = {"file": self.where.file, "line": self.where.number, "text": self.where.text}
        return {
            "name": self.name,
            "grade": self.grade,
            "kind": self.kind,
            "where": where,
            "evidence": {"sentences": list(self.evidence), **self.numbers},
            "prescription": self.prescription,
            "explains": list(self.explains),
            "effect": self.effect if self.grade == CONFIRMED else None,
            "tried": self.tried or None,
        }
