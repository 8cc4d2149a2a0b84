"""The loss on two planes through the trained weights."""

from __future__ import annotations

from itertools import pairwise

from pellucid.base.records import Record
from pellucid.report.inside import plots
from pellucid.report.inside.looked import Looked
from pellucid.report.markup import chart, figure, fold, notes, section, table, text
from pellucid.report.material import Array
from pellucid.report.wording import count, finite, percent, quantity


def render(looked: Looked) -> str:
    """A heat map a plane; of the one through checkpoints the true losses beside it."""
    found = looked.instrument("loss-landscape")
    if found is None or not found[0]["planes"]:
        return ""
    facts, arrays = found
    figures = [_plane(plane, arrays[plane["name"]]) for plane in facts["planes"]]
    return section(
        "landscape",
        "The loss around the weights",
        f"The mean loss on {count(facts['examples'], 'validation example')} as the weights move in "
        "two directions. A plane is a thin cut through very many dimensions: the true loss of each "
        "checkpoint stands beside the plane's.",
        f'<div class="pair">{"".join(figures)}</div>',
        *(_marks(plane) for plane in facts["planes"] if plane["marks"]),
        notes([f"Standard error of the loss at the trained weights: "
               f"{quantity(facts['error'], 2)}.", *facts["limits"], *facts["skipped"]]),
    )  # fmt: skip


def _plane(plane: Record, values: Array) -> str:
    xs, ys = plane["x"], plane["y"]
    wide, high = (next(b - a for a, b in pairwise(side)) for side in (xs, ys))
    rows = [
        {"x": x - wide / 2, "x2": x + wide / 2, "y": y - high / 2, "y2": y + high / 2,
         "value": value}
        for y, line in zip(ys, values.tolist(), strict=True)
        for x, number in zip(xs, line, strict=True)
        if (value := finite(number)) is not None
    ]  # fmt: skip
    if plane["name"] == "checkpoints":
        title = (
            f"Through the checkpoints, {percent(plane['explained'], 1)} of whose variance it holds"
        )
    else:
        title = "A random plane, every filter moved by up to its own length"
    low = min((row["value"] for row in rows), default=0.0)
    return figure(title, chart(plots.heat(rows, "loss", plane["marks"], low > 0), title, 340))


def _marks(plane: Record) -> str:
    rows = [
        [str(mark["epoch"]), text(quantity(mark["true"], 4)), text(quantity(mark["plane"], 4))]
        for mark in plane["marks"]
    ]
    title = f"True loss beside the plane's; they differ by up to {quantity(plane['missed'], 2)}"
    heads = ("After epoch", "True loss", "On the plane")
    return fold(title, table(heads, rows, right=(0, 1, 2)))
