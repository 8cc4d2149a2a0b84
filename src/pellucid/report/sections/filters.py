"""The first layer's weights as pictures."""

from __future__ import annotations

from pellucid.base.records import Record
from pellucid.report import pictures
from pellucid.report.markup import figure, notes, section, text
from pellucid.report.material import Array, Material
from pellucid.report.tiles import range_of, scale_bar, tiles
from pellucid.report.wording import count, shape

MOST = 64
"""Filters on the page; all are kept in the run folder."""
CELL = 12
"""Pixels of a kernel's weight in the PNG, room for a dash; whole pictures get 3."""


def render(material: Material) -> str:
    """The filters, where the first layer's weights are pictures."""
    found = material.instrument("filters")
    if found is None:
        return ""
    facts, arrays = found
    first = facts.get("first")
    weights = arrays.get(f"weights.{first}")
    if first is None or weights is None:
        return ""
    return section(
        "filters",
        "What the first layer looks for",
        "Each tile is one filter, laid over the picture: where it is orange, bright pixels speak "
        "for it, where it is blue they speak against it. Point at one for its values.",
        _figure(facts, str(first), weights, material),
        notes(facts.get("limits", [])),
    )


def _figure(facts: Record, name: str, weights: Array, material: Material) -> str:
    """(filter, channel, row, column) as tiles, each channel of its own."""
    kind = next((one["kind"] for one in facts["layers"] if one["name"] == name), "")
    shown = weights[:MOST]
    scale = pictures.largest(weights, 0.998)
    dense = max(weights.shape[2:]) > 11
    few = len(shown) * min(weights.shape[1], 4) <= 20
    cell = 3 if dense else CELL + 6 * few
    channels = _channels(weights.shape[1])
    rows = []
    for place, channel in enumerate(channels):
        titles = _titles(shown[:, place], channel, material, name)
        label = f"{count(len(shown), 'filter')} of layer {name}{channel}"
        rows.append(
            (f"<h3>{text(channel.strip(', '))}</h3>" if channel else "")
            + tiles(shown[:, place], scale, titles, label, cell, side=96 if few else 64)
        )
    title = f"{name} ({kind}): {count(len(weights), 'filter')} of {shape(list(weights.shape[1:]))}"
    more = notes([f"The first {MOST} of {len(weights)}."] if len(weights) > MOST else [])
    return figure(title, scale_bar(scale, "against", "for", dashes=True) + "".join(rows) + more)


def _channels(count_of: int) -> list[str]:
    if count_of == 1:
        return [""]
    if count_of == 3:
        return [", red", ", green", ", blue"]
    return [f", channel {place + 1}" for place in range(min(count_of, 4))]


def _titles(shown: Array, channel: str, material: Material, name: str) -> list[str]:
    classes = material.classes if len(shown) == len(material.classes) else []
    direct = classes and material.recipe.get("net") == "linear"
    titles = []
    for place, weights in enumerate(shown):
        whose = f" (class {classes[place]})" if direct else ""
        words = f"filter {place + 1}{whose}{channel}: {range_of(weights)}"
        titles.append(words + (f"\n{_grid(weights)}" if weights.size <= 49 else ""))
    return titles


def _grid(weights: Array) -> str:
    """The values row by row."""
    return "\n".join(
        "  ".join(f"{value:+.2f}".replace("-", "−") for value in row) for row in weights
    )
