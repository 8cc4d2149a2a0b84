"""Numbers as people read them."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any


def percent(share: float | None, digits: int = 2) -> str:
    """0.9934 → `99.34 %`."""
    return "–" if share is None else f"{100 * share:.{digits}f} %"


def quantity(value: Any, digits: int = 4) -> str:
    """A number with at most `digits` significant digits, a minus that looks like one."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}".replace("-", "−")
    if isinstance(value, float):
        return f"{value:.{digits}g}".replace("-", "−")
    return str(value)


def signed(value: float | None, digits: int = 3) -> str:
    """A number with its sign: `+0.42`, `−1.3`, `0`."""
    if not value:
        return "–" if value is None else "0"
    return f"{value:+.{digits}g}".replace("-", "−")


def duration(seconds: float) -> str:
    """`4.2 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def count(number: int, one: str, many: str = "") -> str:
    """`1 picture`, `2,000 pictures`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def moment(stamp: str) -> str:
    """An ISO time as `2026-11-21 10:41 UTC`; what is no time stays as it is."""
    try:
        return datetime.fromisoformat(stamp).strftime("%Y-%m-%d %H:%M %Z").strip()
    except ValueError:
        return stamp


def shape(sizes: list[int]) -> str:
    """`1 × 28 × 28`."""
    return " × ".join(f"{size:,}" for size in sizes)


def finite(value: Any) -> float | None:
    """A number, or None for what is missing or not finite."""
    if isinstance(value, int | float) and math.isfinite(value):
        return float(value)
    return None
