"""A cure as a change of the source, where one can be made from the finding's line."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any

from pellucid.doctor.finding import Finding

RATE = re.compile(r"(\b(?:lr|learning_rate)\s*=\s*)([\d.]+(?:e[-+]?\d+)?)", re.IGNORECASE)
SOFTMAX = re.compile(r",\s*(?:torch\.)?nn\.Softmax\([^()]*\)")
SIGMOID = re.compile(r",\s*(?:torch\.)?nn\.Sigmoid\(\)")


def suggestion(finding: Finding, script: Path) -> str:
    """A unified diff of one file; empty where no sure change is known."""
    path = Path(finding.where.file) if finding.where else script
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError):
        return ""
    changed = _changed(finding, list(lines))
    if changed is None:
        return ""
    return "".join(difflib.unified_diff(lines, changed, f"a/{path.name}", f"b/{path.name}"))


def _changed(finding: Finding, lines: list[str]) -> list[str] | None:
    name, numbers = finding.name, finding.numbers
    place = finding.where.number - 1 if finding.where else -1
    if name.startswith("learning-rate-too-"):
        return _other_rate(lines, numbers)
    if name == "gradients-not-cleared":
        return _after_step(lines, place)
    if name == "softmax-before-cross-entropy":
        return _left_out(lines, SOFTMAX)
    if name == "sigmoid-twice":
        return _left_out(lines, SIGMOID)
    return None


def _other_rate(lines: list[str], numbers: dict[str, Any]) -> list[str] | None:
    """The one place where the rate is written as it was seen."""
    found = [
        (k, match)
        for k, line in enumerate(lines)
        for match in RATE.finditer(line)
        if float(match[2]) == numbers["rate"]
    ]
    if len(found) != 1:
        return None
    k, match = found[0]
    lines[k] = lines[k][: match.start(2)] + f"{numbers['tried']:.2g}" + lines[k][match.end(2) :]
    return lines


def _after_step(lines: list[str], place: int) -> list[str] | None:
    """`optimiser.zero_grad()` after `optimiser.step()`."""
    step = re.fullmatch(r"(\s*)([\w.\[\]]+)\.step\(.*\)\s*", lines[place]) if place >= 0 else None
    if step is None:
        return None
    lines.insert(place + 1, f"{step[1]}{step[2]}.zero_grad()\n")
    return lines


def _left_out(lines: list[str], pattern: re.Pattern[str]) -> list[str] | None:
    places = [k for k, line in enumerate(lines) if pattern.search(line)]
    if len(places) != 1:
        return None
    lines[places[0]] = pattern.sub("", lines[places[0]])
    return lines
