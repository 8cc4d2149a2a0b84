"""Loss and metric over the epochs."""

from __future__ import annotations

from typing import Any

from pellucid.base.records import Record
from pellucid.report import charts, wording
from pellucid.report.markup import chart, figure, fold, notes, section, table, text
from pellucid.report.material import Material

METRICS: dict[str, tuple[str, str, str]] = {
    "accuracy": ("Accuracy", "read correctly", ".2~%"),
    "psnr_db": ("Picture quality", "signal to noise, dB", ".2~f"),
    "nats": ("Loss", "nats a symbol", ".3~f"),
}
"""Title, axis and number format of a metric."""

LOSSES = {
    "accuracy": "loss, nats",
    "psnr_db": "loss, squared error",
    "nats": "loss, nats a symbol",
}
"""Metric → the axis of the loss that goes with it."""


def render(material: Material) -> str:
    """The curves; nothing before the first epoch is done."""
    rows = material.metrics
    if not rows:
        return ""
    best = (material.result or {}).get("best_epoch") or None
    metric = _metric(rows)
    losses = [_pair(row, "loss", interval=metric == "nats") for row in rows]
    figures = [_figure("Loss", LOSSES.get(metric or "", "loss"), ".3~g", losses, best)]
    if metric and metric != "nats":  # which is the loss itself
        judged = [_pair(row, metric, interval=True) for row in rows]
        title, axis, form = METRICS[metric]
        figures.append(_figure(title, axis, form, judged, best))
    return section(
        "curves",
        "How it learned",
        "From left to right the training goes on: the loss should fall and level off. When "
        "validation turns back while training still improves, it is learning by heart.",
        f'<div class="pair">{"".join(figures)}</div>' if len(figures) > 1 else figures[0],
        notes(_remarks(losses, rows, metric, material.recipe)),
        fold("The numbers", _numbers(rows, metric)),
    )


def _metric(rows: list[Record]) -> str | None:
    return next((name for name in METRICS if name in rows[-1]["validation"]), None)


def _pair(row: Record, key: str, interval: bool = False) -> Record:
    validation = row["validation"]
    pair = {
        "epoch": row["epoch"],
        "training": row["train"].get(key),
        "validation": validation.get(key),
    }
    if interval and wording.finite(validation.get("low")) is not None:
        pair |= {"low": validation["low"], "high": validation["high"]}
    return {name: value for name, value in pair.items() if value is not None}


def _figure(title: str, axis: str, form: str, rows: list[Record], best: int | None) -> str:
    scale: dict[str, Any] = {"zero": False}
    if title == "Loss":
        scale = {"type": "log"} if _spans_decades(rows) else {"zero": True}
        axis += " (each step ten-fold)" if "type" in scale else ""
    spec = charts.curves(rows, axis, form, best, scale)
    last = rows[-1]
    words = ", ".join(
        f"{name} {last[name]:.4g}" for name in ("training", "validation") if name in last
    )
    label = f"{title} over {len(rows)} epochs; after the last: {words}"
    return figure(title, chart(spec, label, 290))


def _spans_decades(rows: list[Record]) -> bool:
    """Would the late losses lie on the zero line? Then ten-fold steps show more."""
    values = [row[key] for row in rows for key in ("training", "validation") if key in row]
    return bool(min(values) > 0 and max(values) / min(values) > 30)


def _remarks(
    losses: list[Record], rows: list[Record], metric: str | None, recipe: Record
) -> list[str]:
    told = []
    if any("training" in row for row in losses):
        told.append(
            "Training values are measured while it learns, with augmentation and dropout and with "
            "weights that still change; validation values after each epoch, without them. So "
            "training may look worse than validation."
        )
    if recipe.get("task") == "inpaint":
        told.append(
            "In the training loss an error inside the hole counts several times over (emphasis), "
            "in the validation loss every pixel alike: compare each line with itself."
        )
    if recipe.get("label_smoothing"):
        told.append(
            "The training loss holds label smoothing, too, which keeps it above 0 even where every "
            "answer is right; the validation loss does not."
        )
    if metric and wording.finite(rows[-1]["validation"].get("low")) is not None:
        told.append("The pale band is the 95 % interval that so many validation examples allow.")
    return told


def _numbers(rows: list[Record], metric: str | None) -> str:
    heads = ["Epoch", "Seconds", "Learning rate", "Training loss", "Validation loss"]
    heads += [f"Validation, {METRICS[metric][1]}"] if metric else []
    cells = [
        [
            str(row["epoch"]),
            wording.quantity(row.get("seconds")),
            wording.quantity(row.get("learning_rate")),
            wording.quantity(row["train"].get("loss")),
            wording.quantity(row["validation"].get("loss")),
            *([_value(metric, row["validation"].get(metric))] if metric else []),
        ]
        for row in rows
    ]
    lines = [[text(cell) for cell in row] for row in cells]
    return table(heads, lines, right=range(len(heads)))


def _value(metric: str, value: float | None) -> str:
    return wording.percent(value) if metric == "accuracy" else wording.quantity(value)
