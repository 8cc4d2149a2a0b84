"""What `pellucid fool` found, as one self-contained page in the style of a run's report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pellucid.base.records import Record, read_json, write_text
from pellucid.base.version import VERSION
from pellucid.base.wording import a
from pellucid.report import pictures
from pellucid.report.markup import chart, facts, figure, paragraph, section, text
from pellucid.report.page import frame
from pellucid.report.style import Spec
from pellucid.report.wording import count, percent, quantity

COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b",
    "#56b4e9", "#8c564b", "#7f5fc7", "#c0392b", "#5f6f3a",
)  # fmt: skip
"""A colour for each class, after Okabe and Ito; the class's name stands in each cell, too."""
CELL = 12

STYLE = """<style>
.changes { display: flex; flex-wrap: wrap; gap: 1.2rem; align-items: flex-start; }
.changes svg { width: min(100%, 420px); height: auto; background: #000; display: block; }
.changes image { image-rendering: pixelated; }
.fooled { list-style: none; padding: 0; display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(130px, 1fr)); font-size: .88rem; }
.fooled svg { width: 100%; max-width: 170px; height: auto; display: block; margin-bottom: .3rem; }
.fooled image { image-rendering: pixelated; }
</style>"""


def write(folder: Path) -> Path:
    """Write `fool.html` beside the `fool.json` of a folder; its path.

    Raises `BadData` that names the file if the record is damaged or from a newer Pellucid.
    """
    path = folder / "fool.html"
    write_text(path, page(read_json(folder / "fool.json")))
    return path


def page(found: Record) -> str:
    """The whole page as text."""
    shown: list[Record] = found["shown"]
    sections = [("One pixel", _one(one, place)) for place, one in enumerate(shown[:1])]
    gallery = [one for one in shown if one["flips"] and one["label"] in (None, one["answer"])]
    if len(found["pictures"]) > 1 and gallery:
        sections.append(("What becomes what", _gallery(gallery)))
    name = found["title"].removeprefix("run ").removeprefix("network ")
    return frame(f"Fooling {name}", name, _top(found), sections, VERSION)


def _top(found: Record) -> str:
    many = found["pictures"]
    if len(many) == 1:
        told = found["shown"][0]["claim"]
    elif found["share_fooled"] is None:
        told = "No picture was read rightly, so there was nothing to spoil."
    else:
        told = (
            f"One pixel changes the answer of {found['fooled']} of {found['asked']} rightly read "
            f"pictures: {percent(found['share_fooled'], 1)} (95 % interval "
            f"{percent(found['low'], 1)} to {percent(found['high'], 1)})."
        )
    levels = found["method"] == "enumeration"
    pairs = [
        ("Network", found["title"]),
        ("Asked about", count(len(many), "picture")),
        ("Values", "the 256 levels" if levels else "all real values from 0 to 1"),
        ("Pixels proved", quantity(sum(one["proved"] for one in many))),
        ("that flip", quantity(sum(one["flipped"] for one in many))),
        ("undecided", quantity(sum(one["undecided"] for one in many))),
    ]
    return (
        f'<div class="hero" id="verdict"><div><h1>Can one pixel change the answer?</h1>'
        f"{paragraph(told, 'lead')}</div>{facts(pairs)}</div>"
    )


def _one(one: Record, place: int) -> str:
    worst = one["worst"]
    label = f", {a(one['label'])}," if one["label"] is not None else ""
    how = (
        f"Picture {one['index']}{label} is read as {one['answer']}. Each coloured cell is a pixel "
        "that can change that: on the left by the class that its smallest change leads to, on the "
        "right by how small that change may be, full colour for the slightest. A question mark is "
        "a pixel that could not be settled. What is not marked was proved."
    )
    maps = (
        '<div class="changes">'
        + figure("By class reached", _map(one, _class_cell(one)), "")
        + figure("By the smallest change", _map(one, _change_cell), "")
        + "</div>"
    )
    flips = worst["becomes"] != one["answer"]
    what = (
        f"The pixel at row {worst['row']}, column {worst['column']} needs the smallest change. Put "
        f"to the network itself: at {_value(worst['value'])} instead of {_value(worst['own'])} the "
        f"answer is {worst['becomes']}."
        if flips
        else f"No pixel flips. The one at row {worst['row']}, column {worst['column']} brings the "
        f"answer lowest: at {_value(worst['value'])} instead of {_value(worst['own'])}."
    )
    spec = _curve(one)
    drawn = chart(spec, f"Probabilities over the value of the worst pixel. {what}", 260)
    return section(
        f"picture-{place}",
        "One pixel, all values",
        how,
        STYLE + maps,
        figure("The most damaging pixel", paragraph(what) + drawn),
    )


def _value(value: list[float]) -> str:
    return ", ".join(f"{one:.3f}" for one in value)


def _picture(levels: list[int], shape: list[int]) -> str:
    array = np.array(levels, dtype=np.uint8).reshape(shape)
    return pictures.data_uri(pictures.plain(array))


def drawn(levels: list[int], shape: list[int], inner: str, label: str) -> str:
    """A picture of whole levels, in `shape`, with marks of `CELL` units a pixel over it."""
    _, rows, columns = shape
    width, height = columns * CELL, rows * CELL
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{text(label)}">'
        f'<image href="{_picture(levels, shape)}" width="{width}" height="{height}" '
        f'preserveAspectRatio="none"/>{inner}</svg>'
    )


def _map(one: Record, cell: Any) -> str:
    cells = "".join(cell(entry) for entry in one["smallest"])
    flips = {(entry["row"], entry["column"]) for entry in one["smallest"]}
    unknown = {(row, column) for row, column in one["open"]} - flips
    cells += "".join(_letter(row, column, "?", "#fff") for row, column in sorted(unknown))
    label = f"{len(one['smallest'])} pixels that flip, {len(unknown)} undecided"
    return drawn(one["levels"], one["shape"], cells, label)


def _class_cell(one: Record) -> Any:
    names = sorted({entry["becomes"] for entry in one["smallest"]})

    def cell(entry: Record) -> str:
        colour = COLOURS[names.index(entry["becomes"]) % len(COLOURS)]
        short = text(str(entry["becomes"])[:1])
        return _square(entry, colour, 1.0) + _letter(entry["row"], entry["column"], short, "#fff")

    return cell


def _change_cell(entry: Record) -> str:
    return _square(entry, "#e8671b", max(0.3, 1 - entry["change"]))


def _square(entry: Record, colour: str, opacity: float) -> str:
    words = (
        f"row {entry['row']}, column {entry['column']}: becomes {entry['becomes']} from a change "
        f"of {entry['change']:.3f} on"
    )
    return (
        f'<rect x="{entry["column"] * CELL}" y="{entry["row"] * CELL}" width="{CELL}" '
        f'height="{CELL}" fill="{colour}" fill-opacity="{opacity:.2f}">'
        f"<title>{text(words)}</title></rect>"
    )


def _letter(row: int, column: int, letter: str, colour: str) -> str:
    return (
        f'<text x="{column * CELL + CELL / 2:g}" y="{row * CELL + CELL - 3:g}" fill="{colour}" '
        f'font-size="9" text-anchor="middle" pointer-events="none">{letter}</text>'
    )


def _curve(one: Record) -> Spec:
    curve, worst = one["curve"], one["worst"]
    grey = one["shape"][0] == 1
    rows = [
        {"value": value, "probability": chance, "class": name}
        for name, chances in zip(curve["classes"], curve["probabilities"], strict=True)
        for value, chance in zip(curve["values"], chances, strict=True)
    ]
    title = "the pixel's value" if grey else "from its own colour (0) to the one that flips (1)"
    x = {"field": "value", "type": "quantitative", "title": title, "scale": {"domain": [0, 1]}}
    y = {
        "field": "probability",
        "type": "quantitative",
        "title": "probability",
        "scale": {"domain": [0, 1]},
    }
    colour = {
        "field": "class",
        "type": "nominal",
        "sort": curve["classes"],
        "scale": {"domain": curve["classes"], "range": list(COLOURS[: len(curve["classes"])])},
    }
    tooltip = [
        {"field": "class", "type": "nominal"},
        {"field": "value", "type": "quantitative", "format": ".3f"},
        {"field": "probability", "type": "quantitative", "format": ".3f"},
    ]
    lines: Spec = {"x": x, "y": y, "color": colour, "tooltip": tooltip}
    layers: list[Spec] = [{"mark": {"type": "line", "strokeWidth": 2}, "encoding": lines}]
    if grey:
        own = {"data": {"values": [{"value": worst["own"][0]}]}}
        rule = {"type": "rule", "color": "var(--soft)", "strokeDash": [4, 4]}
        layers.append({**own, "mark": rule, "encoding": {"x": x}})
    return {
        "width": "container",
        "height": 220,
        "autosize": {"type": "fit-x"},
        "data": {"values": rows},
        "layer": layers,
    }


def _gallery(fooled: list[Record]) -> str:
    entries = "".join(_entry(one) for one in fooled)
    return section(
        "gallery",
        "What becomes what",
        "Pictures with the one pixel that needs the smallest change, in a frame. The network reads "
        "each of them otherwise than before.",
        f'<ul class="fooled">{entries}</ul>',
    )


def _entry(one: Record) -> str:
    worst = one["worst"]
    ring = (
        f'<rect x="{worst["column"] * CELL - 4}" y="{worst["row"] * CELL - 4}" '
        f'width="{CELL + 8}" height="{CELL + 8}" fill="none" stroke="#e8671b" stroke-width="4"/>'
    )
    words = f"the {one['answer']} that becomes {a(worst['becomes'])}"
    title = (
        f"picture {one['index']}, row {worst['row']}, column {worst['column']}: "
        f"{_value(worst['own'])} to {_value(worst['value'])}"
    )
    changed = drawn(one["changed"], one["shape"], ring, words)
    return f'<li title="{text(title)}">{changed}{text(words)}</li>'
