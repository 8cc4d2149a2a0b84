"""What max pooling keeps: which cell of each window won."""

from __future__ import annotations

from pellucid.base.records import Record
from pellucid.report.inside.looked import Looked
from pellucid.report.markup import figure, notes, section
from pellucid.report.wording import percent


def render(looked: Looked) -> str:
    """A small table a layer: how often each cell of the window was the one that was kept."""
    found = looked.instrument("pooling")
    if found is None or not found[0]["layers"]:
        return ""
    facts, _ = found
    figures = "".join(_layer(layer) for layer in facts["layers"])
    return section(
        "pooling",
        "What pooling keeps",
        "Max pooling keeps the strongest cell of each window and forgets where it was. How often "
        "each place of the window won, over the pictures shown: equal shares mean that nothing "
        "depends on where the window lies.",
        f'<div class="pools">{figures}</div>',
        notes([*facts["limits"], *facts["skipped"]]),
    )


def _layer(layer: Record) -> str:
    rows, columns = layer["window"]
    shares = layer["shares"]
    lines = "".join(
        "<tr>"
        + "".join(
            f'<td style="--k:{shares[row * columns + column]:.3f}">'
            f"{percent(shares[row * columns + column], 1)}</td>"
            for column in range(columns)
        )
        + "</tr>"
        for row in range(rows)
    )
    return figure(layer["name"], f'<table class="winners">{lines}</table>')
