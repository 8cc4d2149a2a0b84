"""Many small pictures of one size as one PNG: tiles that wrap, each with its own words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.report import pictures
from pellucid.report.markup import text
from pellucid.report.pictures import Array
from pellucid.report.wording import signed


def tiles(
    values: Array,
    scale: float,
    titles: Sequence[str],
    label: str,
    cell: int = 1,
    side: int = 64,
) -> str:
    """Signed numbers (tile, row, column) side by side; `titles` appear on hover, one a tile.

    `cell` is the size of a number's cell in the PNG; the page enlarges it by whole pixels to about
    `side`.
    """
    count, rows, columns = values.shape
    png = pictures.signed(values.reshape(count * rows, columns), scale, cell)
    times = max(1, int(side / (cell * max(rows, columns)) + 0.5))
    width, height = columns * cell * times, rows * cell * times
    style = (
        f"--s:url({pictures.data_uri(png)});--w:{width}px;--h:{height}px;--all:{height * count}px"
    )
    each = "".join(
        f'<i style="--y:{-place * height}px" title="{text(title)}"></i>'
        for place, title in enumerate(titles)
    )
    return f'<div class="tiles" role="img" aria-label="{text(label)}" style="{style}">{each}</div>'


def range_of(values: Array) -> str:
    """The smallest and largest of some numbers in words."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return "not a number"
    return f"{signed(float(finite.min()))} to {signed(float(finite.max()))}"


def scale_bar(scale: float, below: str, above: str, dashes: bool = False) -> str:
    """The legend of a scale around zero."""
    mark = "dash = negative" if dashes else ""
    return (
        '<p class="scale"><span>'
        f"{signed(-scale) if scale else '0'} {text(below)}</span>"
        f'<span class="bar" aria-hidden="true"></span><span>{signed(scale)} {text(above)}</span>'
        f'<span class="dash">{mark}</span></p>'
    )
