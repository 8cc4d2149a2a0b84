"""What `pellucid fool --attack` or `--corruption` found, as one self-contained page."""

from __future__ import annotations

from pathlib import Path

from pellucid.base.records import Record, read_json, write_text
from pellucid.base.version import VERSION
from pellucid.base.wording import a
from pellucid.report.fooled import COLOURS, STYLE, drawn
from pellucid.report.markup import (
    chart,
    facts,
    figure,
    notes,
    paragraph,
    section,
    table,
    text,
)
from pellucid.report.page import frame
from pellucid.report.style import Spec
from pellucid.report.wording import count, percent, quantity


def write(path: Path) -> Path:
    """Write the page of a record, `attack-pgd.json`, beside it; its path.

    Raises `BadData` that names the file if the record is damaged or from a newer Pellucid.
    """
    made = path.with_suffix(".html")
    write_text(made, page(read_json(path)))
    return made


def page(found: Record) -> str:
    """The whole page as text."""
    name = found["title"].removeprefix("run ").removeprefix("network ")
    sections = [("Accuracy", _accuracy(found))]
    if found["shown"]:
        sections.append(("What became what", _gallery(found)))
    return frame(f"{_subject(found)}: {name}", name, _top(found), sections, VERSION)


def _is_attack(found: Record) -> bool:
    return "attack" in found


def _subject(found: Record) -> str:
    return str(found["attack"] if _is_attack(found) else found["corruption"])


def _unit(found: Record) -> str:
    if not _is_attack(found):
        return str(found["unit"])
    return {
        "linf": "largest change of a value",
        "l2": "length of the whole change",
        "pixels": "pixels changed",
    }[found["norm"]]


def _rows(found: Record) -> list[Record]:
    """Each size with its accuracy; size 0 is the unchanged picture."""
    rows, size = (found["curve"], "budget") if _is_attack(found) else (found["severities"], "size")
    return [{"size": 0.0, **found["clean"]}, *({**row, "size": row[size]} for row in rows)]


def _top(found: Record) -> str:
    rows = _rows(found)
    asked = found.get("budget", rows[-1]["size"])
    row = next(one for one in rows if one["size"] == asked)
    told = (
        f"{percent(row['accuracy'], 1)} of {count(row['examples'], 'picture')} are still read "
        f"rightly at {quantity(asked)} (95 % interval {percent(row['low'], 1)} to "
        f"{percent(row['high'], 1)}); unchanged {percent(found['clean']['accuracy'], 1)}."
    )
    kind = "Attack" if _is_attack(found) else "Corruption"
    pairs = [("Network", found["title"]), (kind, _subject(found)), ("Size", _unit(found))]
    pairs += [(name, quantity(value)) for name, value in found.get("settings", {}).items()]
    if found["stopped"]:
        pairs.append(("Stopped", "before it was done"))
    return (
        f'<div class="hero" id="verdict"><div><h1>What is left under {text(_subject(found))}?</h1>'
        f"{paragraph(told, 'lead')}</div>{facts(pairs)}</div>"
    )


def _accuracy(found: Record) -> str:
    there = found.get("beside")
    many = [found] if there is None else [found, there]
    rows = [{"network": one["title"], **row} for one in many for row in _rows(one)]
    label = f"Share read rightly over {_unit(found)}; " + "; ".join(
        f"{row['network']} at {quantity(row['size'])}: {percent(row['accuracy'], 1)}"
        for row in rows
    )
    said = [f"{one['title']}: {words}" for one in many for words in one.get("masking", [])]
    if _is_attack(found):
        said.append("An attack finds, it does not prove: a stronger one may find more.")
    said.append("The pale bands are the 95 % intervals that so many pictures allow.")
    return section(
        "accuracy",
        "How many are still read rightly",
        "From left to right the change grows. A steep fall is a network that little suffices to "
        "fool.",
        figure("", chart(_curve(rows, [one["title"] for one in many], _unit(found)), label, 300)),
        notes(said),
        _numbers(found, many),
    )


def _curve(rows: list[Record], names: list[str], title: str) -> Spec:
    ticks = {"format": ".4~g", "tickCount": 8}
    x = {"field": "size", "type": "quantitative", "title": title, "axis": ticks}
    axis = {"format": ".0%"}
    y = {"type": "quantitative", "title": "read rightly", "axis": axis, "scale": {"domain": [0, 1]}}
    # below each other, as two names beside each other are wider than a narrow page
    legend = {"title": None, "orient": "top", "direction": "vertical", "symbolOpacity": 1}
    colour = {
        "field": "network",
        "type": "nominal",
        "sort": names,
        "scale": {"domain": names, "range": list(COLOURS[: len(names)])},
        "legend": legend if len(names) > 1 else None,
    }
    tooltip = [
        {"field": "network", "type": "nominal"},
        {"field": "size", "type": "quantitative", "format": ".4~g"},
        *(
            {"field": name, "type": "quantitative", "format": ".1%", "title": words}
            for name, words in (("accuracy", "right"), ("low", "at least"), ("high", "at most"))
        ),
    ]
    both: Spec = {"x": x, "color": colour, "tooltip": tooltip}
    band = {**both, "y": {**y, "field": "low"}, "y2": {"field": "high"}}
    line = {**both, "y": {**y, "field": "accuracy"}}
    return {
        "width": "container",
        "height": 250,
        "autosize": {"type": "fit-x"},
        "data": {"values": rows},
        "layer": [
            {"mark": {"type": "area", "opacity": 0.16}, "encoding": band},
            {"mark": {"type": "line", "strokeWidth": 2.2, "point": True}, "encoding": line},
        ],
    }


def _numbers(found: Record, many: list[Record]) -> str:
    apart = {one["size"]: one for one in found.get("difference", [])}
    heads = [_unit(found).capitalize()]
    heads += [word for one in many for word in (one["title"], "95 % interval")]
    heads += ["Difference, points"] if apart else []
    lines = []
    for rows in zip(*(_rows(one) for one in many), strict=False):
        size = rows[0]["size"]
        cells = [quantity(size) if size else "none"]
        for row in rows:
            cells += [
                percent(row["accuracy"], 1),
                f"{percent(row['low'], 1)} to {percent(row['high'], 1)}",
            ]
        cells += [_difference(apart.get(size))] if apart else []
        lines.append([text(cell) for cell in cells])
    return table(heads, lines, right=range(len(heads)))


def _difference(apart: Record | None) -> str:
    if apart is None:
        return ""
    value, low, high = (f"{100 * apart[key]:.1f}" for key in ("value", "low", "high"))
    return f"{value} ({low} to {high})".replace("-", "−")


def _gallery(found: Record) -> str:
    entries = "".join(_entry(one, found["shape"]) for one in found["shown"])
    size = found.get("budget", _rows(found)[-1]["size"])
    return section(
        "gallery",
        "What became what",
        f"Above each picture as it was, below as it is read otherwise, at {quantity(size)}.",
        STYLE,
        f'<ul class="fooled">{entries}</ul>',
    )


def _entry(one: Record, shape: list[int]) -> str:
    words = f"the {one['label']} that becomes {a(one['becomes'])}"
    both = "".join(
        drawn(one[name], shape, "", f"{words}: {told}")
        for name, told in (("before", "before"), ("after", "after"))
    )
    return f'<li title="picture {text(one["index"])}">{both}{text(words)}</li>'
