"""Vega-Lite specifications as plain records. Colours are names of the page's style sheet."""

from __future__ import annotations

import math
from typing import Any

from pellucid.base.records import Record

Spec = dict[str, Any]

TRAINING, VALIDATION = "var(--training)", "var(--validation)"
GOOD, BAD, QUIET = "var(--validation)", "var(--training)", "var(--soft)"

FONT = '-apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif'

CONFIG: Spec = {
    "background": "transparent",
    "font": FONT,
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--soft)",
        "titleColor": "var(--soft)",
        "labelFontSize": 11.5,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
        "gridColor": "var(--grid)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "tickSize": 4,
        "labelPadding": 5,
        "labelLimit": 150,
    },
    "legend": {
        "labelColor": "var(--ink)",
        "labelFontSize": 12,
        "orient": "top",
        "title": None,
        "symbolType": "stroke",
        "symbolSize": 320,
        "symbolStrokeWidth": 2.5,
        "offset": 4,
        "columnPadding": 18,
    },
    "bar": {"cornerRadiusEnd": 2},
}


def _sized(height: int, **parts: Any) -> Spec:
    return {"width": "container", "height": height, "autosize": {"type": "fit-x"}, **parts}


def curves(
    rows: list[Record], title: str, form: str, best: int | None, scale: Spec, height: int = 250
) -> Spec:
    """Training and validation over epochs: rows of `epoch`, `training`, `validation`, and the
    validation value's interval `low` to `high` where known. The best epoch is marked.
    """
    y = {"type": "quantitative", "title": title, "axis": {"format": form}, "scale": scale}
    x = {
        "field": "epoch",
        "type": "quantitative",
        "title": "epoch",
        "axis": {"tickMinStep": 1, "format": "d", "grid": False},
        "scale": {"nice": False, "padding": 8, "zero": False},
    }
    names = ["training", "validation"]
    names = [name for name in names if any(row.get(name) is not None for row in rows)]
    layers: list[Spec] = []
    if any("low" in row for row in rows):
        band = {"mark": {"type": "area", "color": VALIDATION, "opacity": 0.16},
                "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}}}  # fmt: skip
        layers.append(band)
    layers += [_best(rows, best)] if best else []
    layers += [_lines(x, y, names, len(rows)), _hover(x, names, form)]
    return _sized(height, data={"values": rows}, layer=layers)


def _lines(x: Spec, y: Spec, names: list[str], count: int) -> Spec:
    colours = {"training": TRAINING, "validation": VALIDATION}
    dashes = {"training": [5, 3], "validation": [1, 0]}
    domain = {"domain": names}
    return {
        "transform": [{"fold": names, "as": ["series", "value"]}],
        "mark": {"type": "line", "strokeWidth": 2.2, "point": {"size": 22} if count < 40 else False},
        "encoding": {
            "x": x,
            "y": {**y, "field": "value"},
            "color": {
                "field": "series",
                "scale": {**domain, "range": [colours[name] for name in names]},
            },
            "strokeDash": {
                "field": "series",
                "scale": {**domain, "range": [dashes[name] for name in names]},
            },
        },
    }


def _best(rows: list[Record], best: int) -> Spec:
    """A vertical mark at the best epoch, its word on the side with room."""
    last = rows[-1]["epoch"]
    side: Spec = {"align": "right", "dx": -5} if best > last * 0.6 else {"align": "left", "dx": 5}
    x = {"field": "epoch", "type": "quantitative"}
    return {
        "data": {"values": [{"epoch": best, "word": f"best: epoch {best}"}]},
        "layer": [
            {
                "mark": {"type": "rule", "color": "var(--ink)", "strokeDash": [2, 3], "opacity": 0.7},
                "encoding": {"x": x},
            },
            {
                "mark": {"type": "text", "baseline": "top", "fontSize": 11.5, "y": 0,
                         "color": "var(--ink)", **side},
                "encoding": {"x": x, "text": {"field": "word"}},
            },
        ],
    }  # fmt: skip


def _hover(x: Spec, names: list[str], form: str) -> Spec:
    shown = [{"field": name, "type": "quantitative", "format": form} for name in names]
    epoch = {"field": "epoch", "type": "quantitative", "format": "d"}
    near = {"name": "near", "select": {"type": "point", "fields": ["epoch"], "nearest": True,
            "on": "pointerover", "clear": "pointerout"}}  # fmt: skip
    return {
        "params": [near],
        "mark": {"type": "rule", "color": "var(--ink)", "strokeWidth": 1},
        "encoding": {
            "x": x,
            "opacity": {"condition": {"param": "near", "empty": False, "value": 0.55}, "value": 0},
            "tooltip": [epoch, *shown],
        },
    }


def intervals(rows: list[Record], title: str, floor: float, name: str = "class") -> Spec:
    """A share with its interval for each row (`class`, `accuracy`, `low`, `high`, `examples`)."""
    y = {"field": "class", "type": "nominal", "sort": None, "title": name,
         "axis": {"grid": True, "domain": False, "ticks": False, "labelFontSize": 12.5,
                  "labelColor": "var(--ink)"}}  # fmt: skip
    x = {"type": "quantitative", "title": title, "axis": {"format": ".0%", "tickCount": 6},
         "scale": {"domain": [floor, 1], "nice": False, "clamp": True}}  # fmt: skip
    tooltip = [
        {"field": "class", "type": "nominal", "title": name},
        *(
            {"field": key, "type": "quantitative", "format": ".2%", "title": word}
            for key, word in (("accuracy", "right"), ("low", "at least"), ("high", "at most"))
        ),
        {"field": "examples", "type": "quantitative", "format": ","},
    ]
    both = {"y": y, "tooltip": tooltip}
    return _sized(
        24 * len(rows),
        data={"values": rows},
        layer=[
            {
                "mark": {"type": "rule", "color": GOOD, "strokeWidth": 5, "opacity": 0.35,
                         "strokeCap": "round"},
                "encoding": {**both, "x": {**x, "field": "low"}, "x2": {"field": "high"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 70, "color": GOOD, "opacity": 1},
                "encoding": {**both, "x": {**x, "field": "accuracy"}},
            },
        ],
    )  # fmt: skip


def reliability(bins: list[Record]) -> Spec:
    """How often right against how sure, with the diagonal on which both agree."""
    whole = {"domain": [0, 1], "nice": False}
    x = {"field": "confidence", "type": "quantitative", "scale": whole, "axis": {"format": ".0%"},
         "title": "how sure it was"}  # fmt: skip
    y = {"type": "quantitative", "scale": whole, "axis": {"format": ".0%"},
         "title": "how often it was right"}  # fmt: skip
    tooltip = [
        {"field": "confidence", "type": "quantitative", "format": ".1%", "title": "how sure"},
        {"field": "accuracy", "type": "quantitative", "format": ".1%", "title": "how often right"},
        {"field": "low", "type": "quantitative", "format": ".1%", "title": "at least"},
        {"field": "high", "type": "quantitative", "format": ".1%", "title": "at most"},
        {"field": "examples", "type": "quantitative", "format": ","},
    ]
    ends = [{"confidence": 0, "accuracy": 0}, {"confidence": 1, "accuracy": 1}]
    both = {"x": x, "tooltip": tooltip}
    diagonal = {
        "data": {"values": ends},
        "mark": {"type": "line", "color": QUIET, "strokeDash": [4, 4], "strokeWidth": 1.5},
        "encoding": {"x": x, "y": {**y, "field": "accuracy"}},
    }
    bars = {
        "mark": {"type": "rule", "color": GOOD, "strokeWidth": 2},
        "encoding": {**both, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
    }
    points = {
        "mark": {"type": "point", "filled": True, "size": 80, "color": GOOD, "opacity": 1},
        "encoding": {**both, "y": {**y, "field": "accuracy"}},
    }
    return _sized(300, data={"values": bins}, layer=[diagonal, bars, points])


def confidences(rows: list[Record]) -> Spec:
    """How many answers were how sure: rows of `from`, `to`, `right`, `wrong`."""
    top = max((row["right"] + row["wrong"] for row in rows), default=1)
    ticks = [0, *(10**power for power in range(int(math.log10(max(1, top))) + 2))]
    x = {"field": "from", "type": "quantitative", "title": "how sure it was",
         "axis": {"format": ".0%", "grid": False}, "scale": {"domain": [0, 1], "nice": False}}  # fmt: skip
    y = {"field": "count", "type": "quantitative", "stack": None,
         "title": "answers (steps of ten-fold)", "axis": {"values": ticks, "format": ","},
         "scale": {"type": "symlog", "domainMin": 0}}  # fmt: skip
    order = ["right", "wrong"]
    return _sized(
        300,
        data={"values": rows},
        transform=[{"fold": order, "as": ["answer", "count"]}, {"filter": "datum.count > 0"}],
        mark={"type": "bar", "binSpacing": 1},
        encoding={
            "x": {**x, "bin": "binned"},
            "x2": {"field": "to"},
            "y": y,
            "color": {
                "field": "answer",
                "scale": {"domain": order, "range": [GOOD, BAD]},
                "legend": {"symbolType": "square", "symbolSize": 110, "symbolStrokeWidth": 0},
            },
            "opacity": {
                "condition": {"test": "datum.answer == 'right'", "value": 0.45}, "value": 1
            },
            "tooltip": [
                {"field": "from", "type": "quantitative", "format": ".0%", "title": "surer than"},
                {"field": "right", "type": "quantitative", "format": ","},
                {"field": "wrong", "type": "quantitative", "format": ","},
            ],
        },
    )  # fmt: skip


def bars(rows: list[Record], title: str) -> Spec:
    """Horizontal bars from zero: rows of `name`, `value`, `ours`, and `low`, `high` where known."""
    y = {"field": "name", "type": "nominal", "sort": None, "title": None,
         "axis": {"domain": True, "ticks": False, "labelFontSize": 12.5, "labelLimit": 210,
                  "labelColor": "var(--ink)"}}  # fmt: skip
    x = {"field": "value", "type": "quantitative", "title": title, "axis": {"tickCount": 6}}
    tooltip = [
        {"field": "name", "type": "nominal", "title": "what"},
        {"field": "value", "type": "quantitative", "format": ".2f", "title": title},
    ]
    word = {"y": y, "x": x, "text": {"field": "value", "type": "quantitative", "format": ".2f"}}
    colour = {"condition": {"test": "datum.ours", "value": GOOD}, "value": "var(--line)"}
    return _sized(
        34 * len(rows),
        data={"values": rows},
        layer=[
            {"mark": {"type": "bar", "height": 20},
             "encoding": {"y": y, "x": x, "color": colour, "tooltip": tooltip}},
            {"mark": {"type": "rule", "color": "var(--ink)", "strokeWidth": 1.5},
             "transform": [{"filter": "isValid(datum.low)"}],
             "encoding": {"y": y, "x": {**x, "field": "low"}, "x2": {"field": "high"}}},
            {"mark": {"type": "text", "align": "left", "dx": 6, "color": "var(--ink)",
                      "fontSize": 12}, "encoding": word},
        ],
    )  # fmt: skip


def rates(points: list[Record], suggestion: float | None) -> Spec:
    """The loss over the learning rate, and the suggested rate."""
    x = {"field": "rate", "type": "quantitative", "title": "learning rate (each step ten-fold)",
         "scale": {"type": "log", "nice": False}, "axis": {"format": "~g", "grid": False}}  # fmt: skip
    y = {"field": "loss", "type": "quantitative", "title": "loss", "scale": {"zero": True}}
    tooltip = [
        {"field": "rate", "type": "quantitative", "format": ".3~g", "title": "learning rate"},
        {"field": "loss", "type": "quantitative", "format": ".4~g"},
    ]
    line: Spec = {"mark": {"type": "line", "color": VALIDATION, "strokeWidth": 2.2},
                  "encoding": {"x": x, "y": y}}  # fmt: skip
    dots: Spec = {"mark": {"type": "point", "opacity": 0, "size": 200},
                  "encoding": {"x": x, "y": y, "tooltip": tooltip}}  # fmt: skip
    layers = [line, dots]
    if suggestion:
        at = {"field": "rate", "type": "quantitative"}
        mark = {
            "data": {"values": [{"rate": suggestion, "word": f"suggested: {suggestion:.2g}"}]},
            "layer": [
                {"mark": {"type": "rule", "color": "var(--ink)", "strokeDash": [2, 3]},
                 "encoding": {"x": at}},
                {"mark": {"type": "text", "align": "right", "dx": -5, "y": 4, "baseline": "top",
                          "color": "var(--ink)", "fontSize": 12},
                 "encoding": {"x": at, "text": {"field": "word"}}},
            ],
        }  # fmt: skip
        layers.insert(0, mark)
    return _sized(260, data={"values": points}, layer=layers)


def histogram(record: Record, what: str, colour: str) -> Spec:
    """A small histogram from counts in bins of equal width, with a line at zero."""
    low, high, counts = record["low"], record["high"], record["counts"]
    step = (high - low) / len(counts)
    rows = [
        {"from": low + place * step, "to": low + (place + 1) * step, "count": number}
        for place, number in enumerate(counts)
    ]
    x: Spec = {
        "type": "quantitative",
        "title": None,
        "scale": {"nice": False, "domain": [min(low, 0), max(high, 0)]},
        "axis": {"tickCount": 4, "grid": False, "format": "~g", "labelFontSize": 10.5},
    }
    y = {"field": "count", "type": "quantitative", "axis": None}
    tooltip = [
        {"field": "from", "type": "quantitative", "format": ".3~g", "title": f"{what} from"},
        {"field": "to", "type": "quantitative", "format": ".3~g"},
        {"field": "count", "type": "quantitative", "format": ",", "title": "how many"},
    ]
    zero = {
        "data": {"values": [{"at": 0}]},
        "mark": {"type": "rule", "color": "var(--ink)", "opacity": 0.45},
        "encoding": {"x": {**x, "field": "at"}},
    }
    filled = {
        "mark": {"type": "bar", "color": colour, "binSpacing": 0, "cornerRadiusEnd": 0},
        "encoding": {
            "x": {**x, "field": "from", "bin": "binned"},
            "x2": {"field": "to"},
            "y": y,
            "tooltip": tooltip,
        },
    }
    return _sized(46, data={"values": rows}, layer=[filled, zero])
