"""What excites each unit: nine pictures with what the unit saw of them, classes, partners."""

from __future__ import annotations

import numpy as np

from pellucid.base.records import Record
from pellucid.report import pictures
from pellucid.report.inside.looked import Looked
from pellucid.report.markup import figure, fold, notes, section, text
from pellucid.report.material import Array
from pellucid.report.wording import count, quantity, signed

OPEN = 12
"""Units of a layer that are shown at once; the others are folded."""
GROUND = 128
"""Grey around a crop that is cut off at the picture's border."""


def render(looked: Looked) -> str:
    """A figure a layer, the units in it as cards."""
    found = looked.instrument("top-activations")
    if found is None or not found[0]["layers"]:
        return ""
    facts, arrays = found
    layers = facts["layers"]
    figures = [
        _layer(layer, arrays["pictures"], looked.classes, last=layer is layers[-1])
        for layer in layers
    ]
    return section(
        "units",
        "What excites a unit",
        f"Of {count(facts['examples'], 'picture')}, the nine that each unit answered most to, "
        "cut to what the unit saw at its strongest cell. What the nine have in common is what "
        "the unit stands for; hover for numbers.",
        *figures,
        notes([*facts["limits"], *facts["skipped"]]),
    )


def _layer(layer: Record, shown: Array, classes: list[str], last: bool) -> str:
    units = layer["units"]
    field = layer["receptive_field"]
    sees = f", a cell sees {field[0]} × {field[1]} pixels" if field else ""
    read = f", {layer['read']}" if layer["read"] else ""
    some = f", the first {len(units)}" if len(units) < layer["units_in_all"] else ""
    title = (
        f"{layer['name']} ({layer['kind']}): {count(layer['units_in_all'], 'unit')}{some}{sees}"
        f"{read}"
    )
    names = [f"unit {unit['unit']}" for unit in units]
    if last and len(classes) == layer["units_in_all"]:
        names = [f"class {classes[unit['unit']]}" for unit in units]
    cards = [_card(unit, layer, shown, name) for unit, name in zip(units, names, strict=True)]
    body = f'<ul class="units">{"".join(cards[:OPEN])}</ul>'
    if cards[OPEN:]:
        more = f'<ul class="units">{"".join(cards[OPEN:])}</ul>'
        body += fold(f"{count(len(cards) - OPEN, 'more unit')}", more)
    return figure(title, body)


def _card(unit: Record, layer: Record, shown: Array, name: str) -> str:
    if unit["silent"]:
        return f"<li><h3>{text(name)}</h3><p>answers the same to every picture</p></li>"
    sheet = crops(unit["top"], layer["receptive_field"], shown)
    values = ", ".join(f"{entry['class']} ({quantity(entry['value'], 3)})" for entry in unit["top"])
    image = (
        f'<img src="{pictures.data_uri(sheet)}" alt="{text(f"nine crops: {values}")}" '
        f'title="{text(values)}">'
    )
    return f"<li><h3>{text(name)}</h3>{image}{_words(unit)}</li>"


def _words(unit: Record) -> str:
    lines = []
    if unit["answers"]:
        first = unit["answers"][0]["class"]
        told = ", ".join(f"{one['class']} {quantity(one['mean'], 3)}" for one in unit["answers"])
        sharp = unit["selectivity"]
        most = f"most to {first}" + (f", selectivity {sharp:.2f}" if sharp is not None else "")
        lines.append(f'<p title="{text(f"class means: {told}")}">{text(most)}</p>')
    for key, word in (("before", "hears"), ("after", "heard by")):
        if unit.get(key):
            told = ", ".join(f"{one['unit']} ({signed(one['share'], 2)})" for one in unit[key])
            names = ", ".join(str(one["unit"]) for one in unit[key])
            lines.append(f'<p title="{text(f"{word} unit: {told}")}">{word} {text(names)}</p>')
    return "".join(lines)


def crops(top: list[Record], field: list[int] | None, shown: Array) -> bytes:
    """What a unit saw, three by three, as a PNG; each crop in a frame of its receptive field."""
    channels, height, width = shown.shape[1:]
    rows, columns = field or [height, width]
    channels = channels if channels == 3 else 1
    sheet = np.full((channels, 3 * rows + 2, 3 * columns + 2), GROUND, dtype=np.uint8)
    for place, entry in enumerate(top[:9]):
        picture = shown[entry["picture"]]
        if len(picture) not in (1, 3):
            picture = picture.mean(axis=0, keepdims=True).round().astype(np.uint8)
        up, down, left, right = entry["box"] or [0, height - 1, 0, width - 1]
        cut = picture[:, up : down + 1, left : right + 1]
        # a crop at the border keeps to the side of the frame from which it was cut
        y = place // 3 * (rows + 1) + (rows - cut.shape[1] if up == 0 else 0)
        x = place % 3 * (columns + 1) + (columns - cut.shape[2] if left == 0 else 0)
        sheet[:, y : y + cut.shape[1], x : x + cut.shape[2]] = cut
    return pictures.plain(sheet)
