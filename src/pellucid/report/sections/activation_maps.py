"""What every convolution makes of one picture a class."""

from __future__ import annotations

from pellucid.base.records import Record
from pellucid.report import pictures
from pellucid.report.markup import figure, notes, section, text
from pellucid.report.material import Array, Arrays, Material
from pellucid.report.tiles import range_of, scale_bar, tiles
from pellucid.report.wording import count

BUDGET = 1_200_000
"""Cells on the page, about a byte each: of larger networks fewer maps a layer are shown."""


def render(material: Material) -> str:
    """A picture to choose, and below it layer after layer, where there are maps."""
    found = material.instrument("activation-maps")
    if found is None:
        return ""
    facts, arrays = found
    layers = facts.get("layers", [])
    if not layers:
        return ""
    most = _most(layers, len(facts["pictures"]))
    return section(
        "maps",
        "What each layer makes of a picture",
        "Choose a picture, then follow it downwards: each tile is one channel's answer, orange "
        "where its filter fits, blue where the opposite of it is. Early layers find edges; later "
        "ones see more of the picture and keep less of its shape.",
        _choice(facts, arrays, most, material),
        notes(_remarks(facts, most)),
    )


def _most(layers: list[Record], shown: int) -> int:
    """The largest number of maps a layer that keeps the page small."""
    for most in (64, 48, 32, 24, 16, 12, 8, 4, 2):
        cells = sum(min(most, layer["kept"]) * layer["height"] * layer["width"] for layer in layers)
        if cells * shown <= BUDGET:
            return most
    return 1


def _choice(facts: Record, arrays: Arrays, most: int, material: Material) -> str:
    scales = {
        layer["name"]: pictures.largest(arrays[f"maps.{layer['name']}"], 0.998)
        for layer in facts["layers"]
    }
    parts = []
    for place, entry in enumerate(facts["pictures"]):
        source = pictures.data_uri(_thumbnail(arrays, place, material))
        name = text(entry["class"])
        checked = " checked" if place == 0 else ""
        layers = "".join(
            _layer(
                layer, arrays[f"maps.{layer['name']}"][place], scales[layer["name"]], most, material
            )
            for layer in facts["layers"]
        )
        parts.append(
            f'<input type="radio" name="map" id="map-{place}"{checked}>'
            f'<label for="map-{place}" title="{_words(entry)}"><img src="{source}" alt="">{name}'
            f'</label><div class="shown">{layers}</div>'
        )
    return f'<div class="choice">{"".join(parts)}</div>'


def _thumbnail(arrays: Arrays, place: int, material: Material) -> bytes:
    """The picture as the network was given it where that is noisy or has a hole, else as stored."""
    given = arrays["inputs"][place]
    if material.restores and given.min() >= 0:
        return pictures.unit(given)
    return pictures.plain(arrays["pictures"][place])


def _words(entry: Record) -> str:
    right = {True: ", read correctly", False: ", read wrongly", None: ""}[entry["correct"]]
    return text(f"{entry['class']}: validation picture {entry['index']}{right}")


def _layer(layer: Record, maps: Array, scale: float, most: int, material: Material) -> str:
    shown = maps[:most]
    name = layer["name"]
    titles = [f"{name}, map {place + 1}: {range_of(one)}" for place, one in enumerate(shown)]
    sees = _sees(layer.get("receptive_field"), material)
    some = "" if len(shown) == layer["channels"] else f", the first {len(shown)} shown"
    head = (
        f"<h3>{text(name)} <small>{text(layer['kind'])}: {count(layer['channels'], 'map')} of "
        f"{layer['height']} × {layer['width']}{some}{sees}</small></h3>"
    )
    label = f"{name}: {count(len(shown), 'activation map')}"
    body = scale_bar(scale, "opposite", "fits") + tiles(shown, scale, titles, label)
    return figure("", head + body, "layer")


def _sees(field: list[int] | None, material: Material) -> str:
    if not field:
        return ""
    shape = (material.data or {}).get("shape", [0, 0, 0])
    whole = field == list(shape[1:])
    return f"; a cell sees {'the whole picture' if whole else f'{field[0]} × {field[1]} pixels'}"


def _remarks(facts: Record, most: int) -> list[str]:
    wrong = [one["class"] for one in facts["pictures"] if one.get("correct") is False]
    told = [f"Values are taken {facts['moment']}, so both signs occur."]
    told.append("Every layer has one scale for all its maps and pictures.")
    if wrong:
        told.append(f"No rightly read picture was found for: {', '.join(wrong)}.")
    if any(layer["kept"] > most for layer in facts["layers"]):
        told.append(f"At most {most} maps a layer are shown, to keep the page small.")
    return [*told, *facts["skipped"], *facts["limits"][1:]]
