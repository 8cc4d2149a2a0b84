"""What every convolution makes of a picture, on one scale a map, a layer or the whole network."""

from __future__ import annotations

import numpy as np

from pellucid.base.records import Record
from pellucid.report import pictures
from pellucid.report.inside.looked import Looked
from pellucid.report.markup import figure, notes, section, text
from pellucid.report.material import Array, Arrays
from pellucid.report.tiles import range_of, scale_bar
from pellucid.report.wording import count

BUDGET = 1_000_000
"""Cells on the page, about a byte each: of larger networks fewer maps a layer are shown."""
SCALES = (("layer", "one scale a layer"), ("map", "each map its own"), ("net", "one for all"))


def render(looked: Looked) -> str:
    """A scale and a picture to choose, and below them layer after layer."""
    found = looked.instrument("activation-maps")
    if found is None or not found[0]["layers"]:
        return ""
    facts, arrays = found
    most = _most(facts)
    wrong = [one["class"] for one in facts["pictures"] if one.get("correct") is False]
    told = [f"Values are taken {facts['moment']}, so both signs occur.", *facts["limits"]]
    told += [f"Read wrongly: {', '.join(wrong)}."] if wrong else []
    scales = "".join(
        f'<input type="radio" name="scale" id="scale-{name}"{" checked" * (not place)}>'
        f'<label for="scale-{name}">{words}</label>'
        for place, (name, words) in enumerate(SCALES)
    )
    return section(
        "maps",
        "What each layer makes of a picture",
        "Each tile is one channel's answer, orange where its filter fits, blue where the opposite "
        "of it is. Choose the scale: on one scale a layer quiet channels look quiet; each on its "
        "own shows the pattern of a quiet channel; one for all shows which layer is loud.",
        f'<div class="scales"><div class="which">{scales}</div>'
        f"{_choice(facts, arrays, most, looked)}</div>",
        notes([*told, *facts["skipped"]]),
    )


def _most(facts: Record) -> int:
    """The largest number of maps a layer that keeps the page small."""
    shown = len(facts["pictures"])
    for most in (64, 32, 16, 8, 4, 2):
        cells = sum(
            min(most, layer["kept"]) * layer["height"] * layer["width"] for layer in facts["layers"]
        )
        if cells * shown <= BUDGET:
            return most
    return 1


def _choice(facts: Record, arrays: Arrays, most: int, looked: Looked) -> str:
    layers = facts["layers"]
    loudest = {
        layer["name"]: pictures.largest(arrays[f"maps.{layer['name']}"], 0.998) for layer in layers
    }
    whole = max(loudest.values())
    parts = []
    for place, entry in enumerate(facts["pictures"]):
        given = arrays["inputs"][place]
        noisy = looked.restores and given.min() >= 0
        png = pictures.unit(given) if noisy else pictures.plain(arrays["pictures"][place])
        checked = " checked" if place == 0 else ""
        drawn = "".join(
            _layer(layer, arrays[f"maps.{layer['name']}"][place][:most], loudest[layer["name"]],
                   whole, looked)
            for layer in layers
        )  # fmt: skip
        parts.append(
            f'<input type="radio" name="map" id="map-{place}"{checked}><label for="map-{place}">'
            f'<img src="{pictures.data_uri(png)}" alt="">{text(entry["class"])}</label>'
            f'<div class="shown">{drawn}</div>'
        )
    return f'<div class="choice">{"".join(parts)}</div>'


def _layer(layer: Record, maps: Array, loudest: float, whole: float, looked: Looked) -> str:
    some = "" if len(maps) == layer["channels"] else f", the first {len(maps)} shown"
    field = layer.get("receptive_field")
    sees = ""
    if field:
        all_of_it = field == list(looked.about["shape"][1:])
        sees = f"; a cell sees {'the whole picture' if all_of_it else f'{field[0]} × {field[1]}'}"
    head = (
        f"<h3>{text(layer['name'])} <small>{text(layer['kind'])}: "
        f"{count(layer['channels'], 'map')} of {layer['height']} × {layer['width']}{some}{sees}"
        "</small></h3>"
    )
    bar = scale_bar(loudest, "opposite", "fits")
    return figure("", head + bar + _tiles(layer["name"], maps, loudest, whole), "layer")


def _tiles(name: str, maps: Array, loudest: float, whole: float) -> str:
    """Each map in full colours; a wider scale makes it paler, which the style sheet does."""
    sizes = [pictures.largest(one) or 1.0 for one in maps]
    number, rows, columns = maps.shape
    full = maps / np.array(sizes).reshape(-1, 1, 1)
    png = pictures.signed(full.reshape(number * rows, columns), 1.0)
    times = max(1, int(64 / max(rows, columns) + 0.5))
    width, height = columns * times, rows * times
    each = "".join(
        f'<i style="--y:{-place * height}px;--l:{min(1.0, size / (loudest or 1.0)):.3f};'
        f'--n:{min(1.0, size / (whole or 1.0)):.3f}" '
        f'title="{text(f"{name}, map {place}: {range_of(one)}")}"></i>'
        for place, (one, size) in enumerate(zip(maps, sizes, strict=True))
    )
    style = (
        f"--s:url({pictures.data_uri(png)});--w:{width}px;--h:{height}px;--all:{height * number}px"
    )
    label = f"{name}: {count(number, 'activation map')}"
    return f'<div class="tiles" role="img" aria-label="{text(label)}" style="{style}">{each}</div>'
