"""Texts that the network wrote, epoch by epoch."""

from __future__ import annotations

from pellucid.base.records import Record
from pellucid.report.markup import section, text
from pellucid.report.material import Material

SHORT = 40
"""Signs up to which texts stand side by side."""


def render(material: Material) -> str:
    """The last epoch's texts open, the earlier ones folded."""
    rows = [row for row in material.samples if row.get("texts")]
    if not rows:
        return ""
    return section(
        "samples",
        "What it writes",
        "Texts that the network made up, one symbol after another, each drawn by the chances it "
        "gives. Compare the first epoch with the last: spelling comes first, sense much later.",
        *(_one(row, last=row is rows[-1]) for row in reversed(rows)),
    )


def _one(row: Record, last: bool) -> str:
    texts = [str(entry) for entry in row["texts"]]
    long = max(map(len, texts)) > SHORT
    entries = "".join(f"<li>{text(entry) or '&nbsp;'}</li>" for entry in texts)
    kind = "written long" if long else "written"
    return (
        f'<details class="panel"{" open" if last else ""}><summary>After epoch '
        f'{text(row["epoch"])}</summary><ul class="{kind}">{entries}</ul></details>'
    )
