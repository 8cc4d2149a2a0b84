"""Vega-Lite specifications of the page's charts, as plain records."""

from __future__ import annotations

import math
from typing import Any

from pellucid.base.records import Record
from pellucid.report.style import BAD, GOOD, QUIET, TRAINING, VALIDATION, Spec

INK = "var(--ink)"
ANSWERS = ["right", "wrong"]
WITHOUT, WITH = "as it was", "with the cure"


def _sized(height: int, **parts: Any) -> Spec:
    return {"width": "container", "height": height, "autosize": {"type": "fit-x"}, **parts}


def _number(field: str, form: str = "", **more: Any) -> Spec:
    """A number of the data; `form` is how the hover shows it."""
    return {
        "field": field,
        "type": "quantitative",
        **({"format": form} if form else {}),
        **more,
    }


def _mark(kind: str, encoding: Spec, **look: Any) -> Spec:
    return {"mark": {"type": kind, **look}, "encoding": encoding}


def _flag(field: str, place: float, word: str, y: int, **look: Any) -> Spec:
    """A dotted vertical line with a word at height `y`, in pixels from the top."""
    x = _number(field)
    return {
        "data": {"values": [{field: place, "word": word}]},
        "layer": [
            _mark("rule", {"x": x}, color=INK, strokeDash=[2, 3], opacity=0.7),
            _mark(
                "text",
                {"x": x, "text": {"field": "word"}},
                baseline="top",
                fontSize=11.5,
                y=y,
                color=INK,
                **look,
            ),
        ],
    }


def _names(title: str | None, **axis: Any) -> Spec:
    """Rows by name, in the order of the data."""
    look = {"ticks": False, "labelFontSize": 12.5, "labelColor": INK, **axis}
    return {"type": "nominal", "sort": None, "title": title, "axis": look}


def curves(
    rows: list[Record], title: str, form: str, best: int | None, scale: Spec, height: int = 250
) -> Spec:
    """Training and validation over epochs: rows of `epoch`, `training`, `validation`, and the
    validation value's interval `low` to `high` where known. The best epoch is marked.
    """
    y = {"type": "quantitative", "title": title, "axis": {"format": form}, "scale": scale}
    axis = {"tickMinStep": 1, "format": "d", "grid": False}
    room = {"nice": False, "padding": 8, "zero": False}
    x = _number("epoch", title="epoch", axis=axis, scale=room)
    names = ["training", "validation"]
    names = [name for name in names if any(row.get(name) is not None for row in rows)]
    layers: list[Spec] = []
    if any("low" in row for row in rows):
        band = {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}}
        wide = {} if len(rows) > 1 else {"strokeWidth": 9}  # an area needs two epochs to show
        layers.append(
            _mark("rule" if wide else "area", band, color=VALIDATION, opacity=0.16, **wide)
        )
    if best and len(rows) > 1:
        late = best > rows[-1]["epoch"] * 0.6  # the word stands on the side with room
        side: Spec = {"align": "right", "dx": -5} if late else {"align": "left", "dx": 5}
        free = 0 if rows[0]["validation"] > rows[-1]["validation"] else height - 18
        layers.append(_flag("epoch", best, f"best: epoch {best}", free, **side))
    layers += [_lines(x, y, names, len(rows)), _hover(x, names, form)]
    return _sized(height, data={"values": rows}, layer=layers)


def _lines(x: Spec, y: Spec, names: list[str], count: int) -> Spec:
    colours = {"training": TRAINING, "validation": VALIDATION}
    dashes = {"training": [5, 3], "validation": [1, 0]}

    def by_name(values: dict[str, Any]) -> Spec:
        scale = {"domain": names, "range": [values[name] for name in names]}
        return {"field": "series", "scale": scale}

    encoding = {
        "x": x,
        "y": {**y, "field": "value"},
        "color": by_name(colours),
        "strokeDash": by_name(dashes),
    }
    points = {"size": 22} if count < 40 else False
    return {
        "transform": [{"fold": names, "as": ["series", "value"]}],
        **_mark("line", encoding, strokeWidth=2.2, point=points),
    }


def _hover(x: Spec, names: list[str], form: str) -> Spec:
    near = {
        "type": "point",
        "fields": ["epoch"],
        "nearest": True,
        "on": "pointerover",
        "clear": "pointerout",
    }
    seen = {"condition": {"param": "near", "empty": False, "value": 0.55}, "value": 0}
    shown = [_number("epoch", "d"), *(_number(name, form) for name in names)]
    rule = _mark("rule", {"x": x, "opacity": seen, "tooltip": shown}, color=INK, strokeWidth=1)
    return {"params": [{"name": "near", "select": near}], **rule}


def intervals(rows: list[Record], title: str, floor: float, name: str = "class") -> Spec:
    """A share with its interval for each row (`class`, `accuracy`, `low`, `high`, `examples`)."""
    domain = {"domain": [floor, 1], "nice": False, "clamp": True}
    axis = {"format": ".0%", "tickCount": 6}
    x: Spec = {"type": "quantitative", "title": title, "axis": axis, "scale": domain}
    y = {"field": "class", **_names(name, grid=True, domain=False)}
    tooltip = [
        {"field": "class", "type": "nominal", "title": name},
        _number("accuracy", ".2%", title="right"),
        _number("low", ".2%", title="at least"),
        _number("high", ".2%", title="at most"),
        _number("examples", ","),
    ]
    both: Spec = {"y": y, "tooltip": tooltip}
    span = {**both, "x": {**x, "field": "low"}, "x2": {"field": "high"}}
    dot = {**both, "x": {**x, "field": "accuracy"}}
    layers = [
        _mark("rule", span, color=GOOD, strokeWidth=5, opacity=0.35, strokeCap="round"),
        _mark("point", dot, filled=True, size=70, color=GOOD, opacity=1),
    ]
    return _sized(24 * len(rows), data={"values": rows}, layer=layers)


def reliability(bins: list[Record]) -> Spec:
    """How often right against how sure, with the diagonal on which both agree."""
    whole: Spec = {"scale": {"domain": [0, 1], "nice": False}, "axis": {"format": ".0%"}}
    x = _number("confidence", title="how sure it was", **whole)
    y = {"type": "quantitative", "title": "how often it was right", **whole}
    tooltip = [
        _number("confidence", ".1%", title="how sure"),
        _number("accuracy", ".1%", title="how often right"),
        _number("low", ".1%", title="at least"),
        _number("high", ".1%", title="at most"),
        _number("examples", ","),
    ]
    both: Spec = {"x": x, "tooltip": tooltip}
    at = {"y": {**y, "field": "accuracy"}}
    span = {**both, "y": {**y, "field": "low"}, "y2": {"field": "high"}}
    ends = [{"confidence": place, "accuracy": place} for place in (0, 1)]
    line = _mark("line", {"x": x, **at}, color=QUIET, strokeDash=[4, 4], strokeWidth=1.5)
    layers = [
        {"data": {"values": ends}, **line},
        _mark("rule", span, color=GOOD, strokeWidth=2),
        _mark("point", {**both, **at}, filled=True, size=80, color=GOOD, opacity=1),
    ]
    return _sized(300, data={"values": bins}, layer=layers)


def confidences(rows: list[Record]) -> Spec:
    """How many answers were how sure: rows of `from`, `to`, `right`, `wrong`.

    Right and wrong ones stand side by side, each in its half of the step.
    """
    halves = _halves(rows)
    top = max((row["count"] for row in halves), default=1)
    ticks = [0, *(10**power for power in range(int(math.log10(top)) + 2))]
    percent = {"format": ".0%", "grid": False}
    tenfold = {"values": ticks, "labelExpr": "format(datum.value, ',')"}
    whole = {"domain": [0, 1], "nice": False}
    rising = {"type": "symlog", "domainMin": 0}
    x = _number("left", title="how sure it was", bin="binned", axis=percent, scale=whole)
    y = _number("count", title="answers (each step ten-fold)", stack=None, axis=tenfold)
    colour = {
        "field": "answer",
        "scale": {"domain": ANSWERS, "range": [GOOD, BAD]},
        "legend": {"symbolType": "square", "symbolSize": 110, "symbolStrokeWidth": 0},
    }
    tooltip = [
        _number("from", ".0%", title="surer than"),
        _number("right", ","),
        _number("wrong", ","),
    ]
    encoding = {"x": x, "x2": {"field": "end"}, "y": {**y, "scale": rising}, "color": colour}
    bar = _mark("bar", {**encoding, "tooltip": tooltip}, binSpacing=0, cornerRadiusEnd=0)
    return _sized(300, data={"values": halves}, **bar)


def _halves(rows: list[Record]) -> list[Record]:
    """A row for each kind of answer that occurs, with its half of the step: `left` to `end`."""
    return [
        {
            **row,
            "answer": answer,
            "count": row[answer],
            "left": row["from"] + side * (row["to"] - row["from"]) / 2,
            "end": row["from"] + (side + 1) * (row["to"] - row["from"]) / 2,
        }
        for row in rows
        for side, answer in enumerate(ANSWERS)
        if row[answer]
    ]


def bars(rows: list[Record], title: str) -> Spec:
    """Horizontal bars from zero: rows of `name`, `value`, `ours`, and `low`, `high` where known."""
    y = {"field": "name", **_names(None, domain=True, labelLimit=210)}
    x = _number("value", title=title, axis={"tickCount": 6})
    tooltip = [
        {"field": "name", "type": "nominal", "title": "what"},
        _number("value", ".2f", title=title),
    ]
    colour = {"condition": {"test": "datum.ours", "value": GOOD}, "value": "var(--line)"}
    span = {"y": y, "x": {**x, "field": "low"}, "x2": {"field": "high"}}
    beyond = {"calculate": "isValid(datum.high) ? datum.high : datum.value", "as": "end"}
    word = {"y": y, "x": {**x, "field": "end"}, "text": _number("value", ".2f")}
    layers = [
        _mark("bar", {"y": y, "x": x, "color": colour, "tooltip": tooltip}, height=20),
        {
            "transform": [{"filter": "isValid(datum.low)"}],
            **_mark("rule", span, color=INK, strokeWidth=1.5),
        },
        {
            "transform": [beyond],
            **_mark("text", word, align="left", dx=6, color=INK, fontSize=12),
        },
    ]
    return _sized(34 * len(rows), data={"values": rows}, layer=layers)


def histogram(record: Record, what: str, colour: str) -> Spec:
    """A small histogram from counts in bins of equal width, with a line at zero."""
    low, high, counts = record["low"], record["high"], record["counts"]
    step = (high - low) / len(counts)
    rows = [
        {"from": low + place * step, "to": low + (place + 1) * step, "count": number}
        for place, number in enumerate(counts)
    ]
    axis = {
        "tickCount": 4,
        "grid": False,
        "labelFontSize": 10.5,
        "labelExpr": "format(datum.value, '.4~g')",
    }
    scale = {"nice": False, "domain": [min(low, 0), max(high, 0)]}
    x = {"type": "quantitative", "title": None, "scale": scale, "axis": axis}
    encoding = {
        "x": {**x, "field": "from", "bin": "binned"},
        "x2": {"field": "to"},
        "y": _number("count", axis=None),
        "tooltip": [
            _number("from", ".3~g", title=f"{what} from"),
            _number("to", ".3~g"),
            _number("count", ",", title="how many"),
        ],
    }
    zero = _mark("rule", {"x": {**x, "field": "at"}}, color=INK, opacity=0.45)
    layers = [
        _mark("bar", encoding, color=colour, binSpacing=0, cornerRadiusEnd=0),
        {"data": {"values": [{"at": 0}]}, **zero},
    ]
    return _sized(46, data={"values": rows}, layer=layers)


def over_steps(rows: list[Record], title: str, scale: Spec) -> Spec:
    """One line over the steps of a training: rows of `step` and `value`."""
    y = _number("value", ".3~g", title=title, scale=scale, axis={"format": ".3~g"})
    line = _mark("line", {"x": _steps(), "y": y}, strokeWidth=1.8, color=TRAINING)
    tooltip = [_number("step", ",d"), _number("value", ".4~g", title=title)]
    near = {"x": _steps(), "y": y, "tooltip": tooltip}
    hover = _mark("point", near, opacity=0, size=90)
    return _sized(200, data={"values": rows}, layer=[line, hover])


def tried(rows: list[Record], scale: Spec) -> Spec:
    """The loss without and with a cure: rows of `step`, `loss`, `cure`, and `line`, the name of
    the repetition."""
    colour = {"domain": [WITHOUT, WITH], "range": [TRAINING, VALIDATION]}
    dash = {"domain": [WITHOUT, WITH], "range": [[5, 3], [1, 0]]}
    encoding = {
        "x": _steps(),
        "y": _number("loss", ".3~g", title="training loss", scale=scale, axis={"format": ".3~g"}),
        "color": {"field": "cure", "scale": colour},
        "strokeDash": {"field": "cure", "scale": dash},
        "detail": {"field": "line"},
    }
    return _sized(200, data={"values": rows}, **_mark("line", encoding, strokeWidth=1.8))


def _steps() -> Spec:
    axis = {"tickMinStep": 1, "format": ",d", "grid": False}
    return _number("step", title="step", axis=axis, scale={"nice": False, "zero": False})
