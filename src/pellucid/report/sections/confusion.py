"""Which class was taken for which."""

from __future__ import annotations

from pellucid.base.wording import a
from pellucid.report.markup import figure, notes, section, table, text
from pellucid.report.material import Material
from pellucid.report.wording import percent

MOST = 26
"""Classes in the matrix; of more, only the most frequent mistakes are listed."""
PAIRS = 10


def render(material: Material) -> str:
    """The matrix and the most frequent mistakes, for tasks that know right and wrong."""
    judged = material.judged or {}
    if "confusion" not in judged:
        return ""
    counts: list[list[int]] = judged["confusion"]
    names = material.classes
    pairs = _pairs(counts, names)
    if len(names) > MOST:
        return section(
            "confusion",
            "What was taken for what",
            f"The most frequent mistakes among {len(names)} classes; a full table of so many "
            "would not be legible.",
            pairs,
        )
    return section(
        "confusion",
        "What was taken for what",
        "A row is what the picture is, a column what was read. Blue on the diagonal is right; "
        "every orange field is a mistake, the stronger the larger its share of the row.",
        _beside(_matrix(counts, names), pairs, wide=len(names) > 14),
        notes([_legend(_strongest(counts))]),
    )


def _beside(matrix: str, pairs: str, wide: bool) -> str:
    """The list stands beside a small matrix and below a large one."""
    shown = figure("", matrix)
    if not pairs:
        return shown
    listed = figure("The most frequent mistakes", pairs)
    return shown + listed if wide else f'<div class="beside">{shown}{listed}</div>'


def _strongest(counts: list[list[int]]) -> float:
    """The largest share of a row that is one mistake: full colour. At least 1 %."""
    shares = [
        number / sum(line)
        for row, line in enumerate(counts)
        for column, number in enumerate(line)
        if row != column and number
    ]
    return max(0.01, *shares, 0.0)


def _legend(strongest: float) -> str:
    return (
        f"Full orange is {percent(strongest, 1)} of a row; grey is none. The diagonal has a colour "
        "of its own, so that it does not drown the mistakes."
    )


def _matrix(counts: list[list[int]], names: list[str]) -> str:
    strongest = _strongest(counts)
    heads = "".join(f'<th scope="col" title="{text(name)}">{text(name)}</th>' for name in names)
    rows = []
    for place, (name, line) in enumerate(zip(names, counts, strict=True)):
        cells = "".join(_cell(line, place, column, names, strongest) for column in range(len(line)))
        rows.append(f'<tr><th scope="row" title="{text(name)}">{text(name)}</th>{cells}</tr>')
    span = len(names)
    return (
        '<div class="scroll" tabindex="0"><table class="confusion"><thead>'
        f'<tr><th class="axis">is ↓</th><th class="axis" colspan="{span}">read as →</th></tr>'
        f"<tr><td></td>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    ).replace("<tr><td></td>", '<tr><th class="axis"></th>')


def _cell(line: list[int], row: int, column: int, names: list[str], strongest: float) -> str:
    number, total = line[column], sum(line)
    if not number:
        return '<td class="none">0</td>'
    share = number / total
    if row == column:
        words = f"{names[row]} read correctly: {number:,} of {total:,} ({percent(share)})"
        return f'<td class="right" style="--k:{share:.3f}" title="{text(words)}">{number:,}</td>'
    words = f"{a(names[row])} read as {names[column]}: {number:,}× ({percent(share)} of the row)"
    strength = 0.15 + 0.85 * share / strongest
    return f'<td class="wrong" style="--k:{strength:.3f}" title="{text(words)}">{number:,}</td>'


def _pairs(counts: list[list[int]], names: list[str]) -> str:
    found = [
        (number, number / sum(line), names[row], names[column])
        for row, line in enumerate(counts)
        for column, number in enumerate(line)
        if row != column and number
    ]
    if not found:
        return ""
    found.sort(key=lambda pair: -pair[0])
    rows = [
        [text(truth), text(answer), f"{number:,}", percent(share)]
        for number, share, truth, answer in found[:PAIRS]
    ]
    return table(["Is", "Read as", "How often", "Of its class"], rows, right=(2, 3))
