"""Numbers that were written out: their terms, windows and the comparison with PyTorch."""

from __future__ import annotations

from pellucid.base.records import Record
from pellucid.report.markup import figure, notes, paragraph, section, table, text
from pellucid.report.material import Material

MOST = 12
"""Explanations on one page; the latest are shown."""


def render(material: Material) -> str:
    """Every number that `pellucid explain … --keep` left in the run."""
    kept = [record for record in material.explanations if "terms" in record or "way" in record]
    if not kept:
        return ""
    return section(
        "explanations",
        "Where a number comes from",
        "One number of the network as the sum that made it, worked out again in float64 from the "
        "numbers it was made of, and compared with what PyTorch had.",
        *(_way(record) if "way" in record else _number(record) for record in kept[-MOST:]),
        notes([f"Ask for any other number: pellucid explain {material.name} --list."]),
    )


def _number(record: Record) -> str:
    windows = "".join(_window(window) for window in record.get("windows", [])[:2])
    heads = ("term", "value", "sum so far")
    body = (
        paragraph(_where(record), "note")
        + (f'<div class="windows">{windows}</div>' if windows else "")
        + table(heads, _rows(record), right=(1, 2))
        + paragraph(_verdict(record))
    )
    return figure(f"{record['name']} = {record['value']:.7g}", body)


def _where(record: Record) -> str:
    where = record.get("where") or {}
    line = where.get("line")
    parts = [record["op"], where.get("module", ""), where.get("call", ""), record.get("about", "")]
    if line:
        parts.append(f"{line['file'].replace(chr(92), '/').rpartition('/')[2]}:{line['line']}")
    return " · ".join(part for part in parts if part)


def _rows(record: Record) -> list[list[str]]:
    total, rows = 0.0, []
    for term in record["terms"]:
        total += term["value"]
        rows.append([text(term["label"]), _signed(term["value"]), _signed(total)])
    rest = record.get("rest") or {}
    if rest.get("count"):
        total += rest["value"]
        said = f"the {rest['count']:,} smaller terms"
        rows.append([text(said), _signed(rest["value"]), _signed(total)])
    return rows


def _signed(value: float, form: str = ".6g") -> str:
    """A number with its sign, a true minus among them."""
    return f"{value:+{form}}".replace("-", "−")


def _verdict(record: Record) -> str:
    words = "equal within rounding" if record["agrees"] else "NOT equal"
    return (
        f"Sum in float64: {record['recomputed']:.9g}; PyTorch has {record['value']:.9g}: {words} "
        f"(difference {record['difference']:.1e}, bound {record['bound']:.1e})."
    )


def _window(window: Record) -> str:
    """What was seen × the filter = the products, as small tables of numbers."""
    parts = (
        (window["seen_name"], window["seen"], "×"),
        (window["filter_name"], window["filter"], "="),
        ("products", window["products"], ""),
    )
    return "".join(
        f'<div><p class="note">{text(name)}</p>{_cells(rows)}</div><b>{sign}</b>'
        for name, rows, sign in parts
    )


def _cells(rows: list[list[float]]) -> str:
    lines = "".join(
        "<tr>" + "".join(f"<td>{_signed(value, '.2f')}</td>" for value in row) + "</tr>"
        for row in rows
    )
    return f'<table class="window">{lines}</table>'


def _way(record: Record) -> str:
    heads = ("number", "value", "computed by", "largest term")
    rows = [
        [
            text(step["name"]),
            f"{step['value']:.5g}" if "value" in step else "",
            text(step.get("op", step.get("not_covered", ""))),
            text(max(step["terms"], key=lambda t: abs(t["value"]))["label"])
            if step.get("terms")
            else "",
        ]
        for step in record["way"]
    ]
    return figure(f"The way down from {record['way'][0]['name']}", table(heads, rows, right=(1,)))
