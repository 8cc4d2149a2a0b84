"""Accuracy of every class, with its interval."""

from __future__ import annotations

import math

from pellucid.base.records import Record
from pellucid.report import charts
from pellucid.report.markup import chart, figure, notes, section
from pellucid.report.material import Material
from pellucid.report.wording import percent

MOST = 30
"""Classes in the chart; of more, the weakest are shown."""


def render(material: Material) -> str:
    """The chart, for tasks that know right and wrong."""
    judged = material.judged or {}
    if "per_class" not in judged:
        return ""
    names = material.classes
    rows = [{"class": name, **row} for name, row in zip(names, judged["per_class"], strict=True)]
    rows = [row for row in rows if row["examples"]]
    return section(
        "classes",
        "Class by class",
        f"The dot is the share of a class's {material.split} pictures that was read correctly, the "
        "bar behind it the 95 % interval: where two bars overlap widely, the difference may be "
        "chance.",
        interval_chart(rows, "share read correctly"),
        notes(_remark(rows, names)),
    )


def interval_chart(rows: list[Record], title: str) -> str:
    """Dots with intervals, the weakest classes if there are many."""
    if len(rows) > MOST:
        rows = sorted(rows, key=lambda row: row["accuracy"])[:MOST]
    floor = max(0.0, math.floor(min((row["low"] for row in rows), default=0) * 20 - 0.2) / 20)
    begins = f" (axis begins at {percent(floor, 0)})" if floor else ""
    worst = min(rows, key=lambda row: row["accuracy"])
    label = f"{title}; the weakest is {worst['class']} with {percent(worst['accuracy'])}"
    spec = charts.intervals(rows, title + begins, floor)
    return figure("", chart(spec, label, 24 * len(rows) + 45))


def _remark(rows: list[Record], names: list[str]) -> list[str]:
    told = []
    if len(rows) > MOST:
        told.append(f"The {MOST} weakest of {len(names)} classes.")
    if len(rows) < len(names):
        told.append(f"{len(names) - len(rows)} classes have no example in this split.")
    return told
