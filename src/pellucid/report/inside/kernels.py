"""Every filter of every convolution, per input channel, and a dense first layer as pictures."""

from __future__ import annotations

import numpy as np

from pellucid.base.records import Record
from pellucid.report import pictures
from pellucid.report.inside.looked import Looked
from pellucid.report.markup import figure, fold, notes, section
from pellucid.report.material import Array
from pellucid.report.tiles import range_of, scale_bar, tiles
from pellucid.report.wording import count, shape

FILTERS, CHANNELS = 32, 16
"""Filters and input channels of a layer that are drawn; all are kept beside the page."""


def render(looked: Looked) -> str:
    """A figure a layer; the first one open."""
    found = looked.instrument("filters")
    if found is None or not found[0]["layers"]:
        return ""
    facts, arrays = found
    pairs = [
        (layer, arrays[f"weights.{layer['name']}"])
        for layer in facts["layers"]
        if f"weights.{layer['name']}" in arrays
    ]
    drawn = [_layer(layer, weights) for layer, weights in pairs]
    later = [
        fold(f"{layer['name']}: {_size(weights)}", made)
        for (layer, weights), made in zip(pairs[1:], drawn[1:], strict=True)
    ]
    return section(
        "filters",
        "What each layer's filters look for",
        "A filter is laid over what the layer before says: orange cells speak for it, blue ones "
        "against it. Of the first layer they are patterns of pixels; later ones combine channels.",
        *drawn[:1],
        *later,
        notes([*facts["limits"], *facts["skipped"]]),
    )


def _size(weights: Array) -> str:
    rows = list(weights.shape[1:])
    return f"{count(len(weights), 'filter')} of {shape(rows)}"


def _layer(layer: Record, weights: Array) -> str:
    scale = pictures.largest(weights, 0.998)
    name = layer["name"]
    large = max(weights.shape[2:]) > 11
    if weights.shape[1] == 1:
        titles = [f"filter {place}: {range_of(one)}" for place, one in enumerate(weights[:64])]
        cell = 3 if large else 8
        body = tiles(weights[:64, 0], scale, titles, f"{name}: filters", cell, side=72)
    else:
        body = _grid(name, weights[:FILTERS, :CHANNELS], scale)
    left = [f"Drawn: {FILTERS} filters and {CHANNELS} input channels at most."]
    more = notes(left if len(weights) > FILTERS or weights.shape[1] > CHANNELS else [])
    title = f"{name} ({layer['kind']}): {_size(weights)}"
    return figure(title, scale_bar(scale, "against", "for") + body + more)


def _grid(name: str, weights: Array, scale: float) -> str:
    """A row a filter, a tile an input channel, with a gap between them, as one strip a filter."""
    filters, channels, rows, columns = weights.shape
    strips = np.full((filters, rows, channels * (columns + 1) - 1), 0.0)
    for channel in range(channels):
        left = channel * (columns + 1)
        strips[:, :, left : left + columns] = weights[:, channel]
    titles = [
        f"filter {place}, input channels 0 to {channels - 1}: {range_of(one)}"
        for place, one in enumerate(weights)
    ]
    cell = max(1, min(6, 330 // strips.shape[2]))
    return tiles(strips, scale, titles, f"{name}: filters, one strip each", cell, side=0)
