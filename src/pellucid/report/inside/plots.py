"""Vega-Lite specifications of this page's charts, as plain records, and their legend."""

from __future__ import annotations

from pellucid.base.records import Record
from pellucid.report.markup import text
from pellucid.report.style import Spec

COLOURS = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1", "#7f8c8d",
    "#a6761d", "#1b9e77",
]  # fmt: skip
"""Told apart with every kind of colour blindness as far as ten can be (after Okabe and Ito)."""


def lines(
    rows: list[Record],
    x: tuple[str, str],
    y: tuple[str, str],
    names: list[str],
    height: int = 230,
    across: Spec | None = None,
    upwards: Spec | None = None,
) -> Spec:
    """A line for each `name`: rows of `name`, the fields of `x` and `y` (each field and title).

    `across` and `upwards` are added to the encodings of the two. The names stand in `legend`.
    """
    scale = {"domain": names, "range": [COLOURS[at % len(COLOURS)] for at in range(len(names))]}
    encoding = {
        "x": {"field": x[0], "type": "quantitative", "title": x[1], **(across or {})},
        "y": {"field": y[0], "type": "quantitative", "title": y[1], **(upwards or {})},
        "color": {"field": "name", "scale": scale, "legend": None},
        "tooltip": [
            {"field": "name", "title": "what"},
            {"field": x[0], "type": "quantitative", "title": x[1], "format": ".3~g"},
            {"field": y[0], "type": "quantitative", "title": y[1], "format": ".3~g"},
        ],
    }
    mark = {"type": "line", "strokeWidth": 2, "point": {"size": 18}}
    return {**_sized(height), "data": {"values": rows}, "mark": mark, "encoding": encoding}


def legend(names: list[str]) -> str:
    """The lines' colours with their names, as HTML that wraps on narrow screens."""
    if len(names) < 2:
        return ""
    each = "".join(
        f'<span><i style="background:{COLOURS[place % len(COLOURS)]}"></i>{text(name)}</span>'
        for place, name in enumerate(names)
    )
    return f'<p class="legend">{each}</p>'


def depths(rows: list[Record], title: str) -> Spec:
    """A share with its interval by layer, in order: rows of `layer`, `value`, `low`, `high`."""
    x = {
        "field": "layer",
        "type": "nominal",
        "sort": None,
        "title": None,
        "axis": {"labelAngle": -35, "labelLimit": 120},
    }
    y = {"type": "quantitative", "title": title, "axis": {"format": ".0%"},
         "scale": {"zero": False}}  # fmt: skip
    tooltip = [
        {"field": "layer", "title": "layer"},
        {"field": "value", "format": ".2%", "title": title},
        {"field": "low", "format": ".2%", "title": "at least"},
        {"field": "high", "format": ".2%", "title": "at most"},
    ]
    span = {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "tooltip": tooltip}
    at = {"x": x, "y": {**y, "field": "value"}, "tooltip": tooltip}
    colour = "var(--validation)"
    layers = [
        {"mark": {"type": "line", "color": colour, "strokeWidth": 1.5, "opacity": 0.5},
         "encoding": at},
        {"mark": {"type": "rule", "color": colour, "strokeWidth": 4, "opacity": 0.35},
         "encoding": span},
        {"mark": {"type": "point", "filled": True, "size": 60, "color": colour, "opacity": 1},
         "encoding": at},
    ]  # fmt: skip
    return {**_sized(240), "data": {"values": rows}, "layer": layers}


def heat(rows: list[Record], title: str, points: list[Record], rising: bool) -> Spec:
    """A plane of numbers: rows of `x`, `x2`, `y`, `y2`, `value`; `points` are marked on it.

    With `rising` each step of colour is a factor.
    """
    colour = {
        "field": "value",
        "type": "quantitative",
        "scale": {"type": "log" if rising else "linear", "scheme": "viridis", "reverse": True},
        "legend": {
            "orient": "right",
            "symbolType": "square",
            "title": title,
            "gradientLength": 180,
            "format": ".2~g",
        },
    }
    cells = {
        "x": _along("x", "first direction"),
        "x2": {"field": "x2"},
        "y": _along("y", "second direction"),
        "y2": {"field": "y2"},
        "color": colour,
        "tooltip": [{"field": "value", "title": title, "format": ".3~g"}],
    }
    layers: list[Spec] = [{"mark": {"type": "rect"}, "encoding": cells}]
    if points:
        layers += [{"data": {"values": points}, **layer} for layer in _way(title)]
    return {**_sized(320), "data": {"values": rows}, "layer": layers}


def _way(title: str) -> list[Spec]:
    """Checkpoints as dots with a line through them."""
    spots = {
        "x": _along("x", "first direction"),
        "y": _along("y", "second direction"),
        "tooltip": [
            {"field": "epoch", "title": "after epoch"},
            {"field": "plane", "title": f"{title}, on the plane", "format": ".4~g"},
            {"field": "true", "title": f"{title}, true", "format": ".4~g"},
        ],
    }
    line = {"type": "line", "color": "#fff", "strokeWidth": 1.5}
    dot = {"type": "point", "filled": True, "size": 45, "color": "#fff", "stroke": "#000",
           "strokeWidth": 1, "opacity": 1}  # fmt: skip
    order = {"order": {"field": "epoch"}}
    return [{"mark": line, "encoding": {**spots, **order}}, {"mark": dot, "encoding": spots}]


def _along(field: str, name: str) -> Spec:
    flat = {"nice": False, "zero": False}
    return {"field": field, "type": "quantitative", "title": name, "scale": flat}


def _sized(height: int) -> Spec:
    return {"width": "container", "height": height, "autosize": {"type": "fit-x"}}
