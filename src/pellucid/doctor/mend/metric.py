"""What a script says of its own success: a number that it prints in every run."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

NUMBER = re.compile(r"[-+]?(?:\d[\d,]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
LOWER = re.compile(
    r"loss|err|mse|mae|nll|perplex|cross.?entropy|deviation|distance|wrong|fid\b", re.IGNORECASE
)
"""Words of lines whose number is better when it is lower."""


@dataclass(frozen=True)
class Metric:
    """A line that all runs print, the same but for its numbers; its last number counts."""

    text: str
    """The line with `#` for each number."""
    lower_is_better: bool


def find_metric(outputs: Sequence[str]) -> Metric | None:
    """The last such line of the first run that is in all others, too; None if there is none."""
    templates = [_templates(output) for output in outputs]
    for text in reversed(list(templates[0])):
        if all(text in other for other in templates[1:]):
            return Metric(text, bool(LOWER.search(text)))
    return None


def value_of(metric: Metric, output: str) -> float:
    """Its last value in an output."""
    return _templates(output)[metric.text]


def _templates(output: str) -> dict[str, float]:
    """Lines with a finite last number, in the order of their last occurrence."""
    found: dict[str, float] = {}
    for line in output.splitlines():
        numbers = NUMBER.findall(line)
        text = NUMBER.sub("#", line).strip()
        value = float(numbers[-1].replace(",", "")) if numbers else math.nan
        if math.isfinite(value):
            found.pop(text, None)
            found[text] = value
    return found
