"""What is said about one recorded number: its arithmetic, or which call is not covered."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from pellucid.scratch.explanation import Explanation
from pellucid.watch.lines import Line


class Where(NamedTuple):
    """Who asked for the number."""

    call: str
    """PyTorch's name of the call, e.g. `aten.convolution.default`."""
    number: int
    """The call's place in the recording."""
    phase: str
    module: str
    line: Line | None

    def __str__(self) -> str:
        parts = [self.module or self.phase, f"call #{self.number} {self.call}"]
        if self.line:
            parts.append(str(self.line))
        return " · ".join(parts)

    def as_record(self) -> dict[str, Any]:
        line = self.line
        source = {"file": line.file, "line": line.number, "text": line.text} if line else None
        return {**self._asdict(), "line": source}


@dataclass(frozen=True)
class Explained(Explanation):
    """An explanation of a number that PyTorch computed, with who asked for it."""

    name: str = ""
    """The number's own address, e.g. `conv2[0, 3, 10, 4]`."""
    where: Where | None = None

    def __str__(self) -> str:
        _, *lines = super().__str__().split("\n")
        made_by = f"{self.op} in {self.where}" if self.where else self.op
        return "\n".join([f"{self.name} = {self.value:.6g}", made_by, *lines])

    def as_record(self) -> dict[str, Any]:
        where = self.where.as_record() if self.where else None
        return {"name": self.name, **super().as_record(), "where": where}

    def top(self, count: int) -> Explained:
        """The same with the `count` largest terms, and the others as one sum."""
        cut = self.cut(count)
        assert isinstance(cut, Explained)
        return replace(cut, name=self.name, where=self.where)


@dataclass(frozen=True)
class NotCovered:
    """A recorded number that cannot be written out, and which call made it."""

    call: str
    """E.g. `aten.grid_sampler_2d.default`."""
    reason: str
    name: str = ""
    where: Where | None = None
    value: float = math.nan
    """What was recorded, where it is a real number."""

    def __str__(self) -> str:
        return f"{self.name}: {self.call} is not covered: {self.reason}"

    def as_record(self) -> dict[str, Any]:
        where = self.where.as_record() if self.where else None
        return {
            "name": self.name,
            "value": self.value,
            "not_covered": self.call,
            "reason": self.reason,
            "where": where,
        }
