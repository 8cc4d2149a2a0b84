"""The windows that met: what was seen, the filter, and their products, channel by channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.explain.recorded import Recorded
from pellucid.scratch.arrays import Array
from pellucid.scratch.explanation import Explanation, Place

MOST = 4096
"""Terms up to which windows are laid out: about a 3 × 3 filter over 450 channels."""


@dataclass(frozen=True)
class Grid:
    """One channel's window: three arrays (rows, columns) that belong together."""

    seen_name: str
    filter_name: str
    seen: Array
    filter: Array
    products: Array

    def as_record(self) -> dict[str, Any]:
        return {
            "seen_name": self.seen_name,
            "filter_name": self.filter_name,
            "seen": self.seen.tolist(),
            "filter": self.filter.tolist(),
            "products": self.products.tolist(),
            "sum": self.sum,
        }

    @property
    def sum(self) -> float:
        return float(self.products.sum())


def grids_of(recorded: Recorded, found: Explanation) -> list[Grid]:
    """The windows of a convolution's number, the largest sum first; nothing for other numbers."""
    if found.op != "Convolution" or len(found.terms) > MOST:
        return []
    by_channel: dict[tuple[int, ...], list[tuple[Place, Place, float]]] = {}
    for term in found.terms:
        if len(term.source) == 2 and len(term.source[0].at) >= 3:
            seen, weight = term.source
            by_channel.setdefault(weight.at[:2], []).append((seen, weight, term.value))
    made = [_grid(recorded, entries) for entries in by_channel.values()]
    return sorted(made, key=lambda grid: -abs(grid.sum))


def _grid(recorded: Recorded, entries: list[tuple[Place, Place, float]]) -> Grid:
    rows, columns = (sorted({seen.at[axis] for seen, _, _ in entries}) for axis in (-2, -1))
    shape = (len(rows), len(columns)) if len(entries[0][0].at) > 3 else (1, len(columns))
    seen, weight, products = (np.zeros(shape) for _ in range(3))
    for one, other, value in entries:
        at = (rows.index(one.at[-2]) if shape[0] > 1 else 0, columns.index(one.at[-1]))
        seen[at] = recorded.ask(str(one)).value
        weight[at] = recorded.ask(str(other)).value
        products[at] = value
    first, other = entries[0][0], entries[0][1]
    return Grid(_window_name(first, rows, columns, shape[0] > 1),
                f"{other.input}[{', '.join(map(str, other.at[:2]))}]",
                seen, weight, products)  # fmt: skip


def _window_name(place: Place, rows: list[int], columns: list[int], has_rows: bool) -> str:
    lead = [str(at) for at in (place.at[:-2] if has_rows else place.at[:-1])]
    ranges = [*([_range(rows)] if has_rows else []), _range(columns)]
    return f"{place.input}[{', '.join([*lead, *ranges])}]"


def _range(places: list[int]) -> str:
    return str(places[0]) if len(places) == 1 else f"{places[0]}…{places[-1]}"
