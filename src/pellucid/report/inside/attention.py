"""Attention as maps with names on rows and columns, and what each head is good for."""

from __future__ import annotations

import re

from pellucid.base.records import Record
from pellucid.report import pictures
from pellucid.report.inside.looked import Looked
from pellucid.report.markup import figure, fold, notes, section, table, text
from pellucid.report.material import Array
from pellucid.report.wording import signed

LABELLED = 24
"""Places up to which a map is a table with names; larger ones are drawn as pictures."""


def render(looked: Looked) -> str:
    """A figure an attention: the table of its heads, and a map a head."""
    found = looked.instrument("attention")
    if found is None or not found[0]["attentions"]:
        return ""
    facts, arrays = found
    figures = [_one(one, arrays[f"weights.{one['number']}"][0]) for one in facts["attentions"]]
    return section(
        "attention",
        "Where it attends",
        "Each place (row) gathers from other places (columns), the more the darker; of the first "
        "example shown. Beside it, what happens when a head is switched off: the better measure "
        "of what it is good for.",
        *figures,
        notes([*facts["limits"], *facts["skipped"]]),
    )


def _one(one: Record, weights: Array) -> str:
    """(head, query, key)."""
    heads = table(
        ("Head", "Loss, switched off", "Right answers", "How wide it looks"),
        [_head(head) for head in one["heads"]],
        right=(1, 2, 3),
    )
    maps = [
        _map(weights[head["head"]], one["queries"], one["keys"], head["head"])
        for head in one["heads"]
    ]
    body = heads + fold("The maps", f'<div class="attention">{"".join(maps)}</div>')
    body = body.replace("<details>", "<details open>")
    return figure(f"Attention {one['number']}, in the order of the forward pass", body)


def _head(head: Record) -> list[str]:
    right = "–" if head["right"] is None else f"{signed(100 * head['right'])} points"
    return [str(head["head"]), signed(head["loss"]), text(right), f"{head['bits']:.2f} bits"]


def _map(weights: Array, queries: list[str], keys: list[str], head: int) -> str:
    title = f"<h4>head {head}</h4>"
    if max(weights.shape) > LABELLED:
        image = pictures.data_uri(pictures.signed(weights, pictures.largest(weights), 3))
        return f'<div>{title}<img src="{image}" alt="attention of head {head}"></div>'
    top = "".join(f"<th>{text(_short(name))}</th>" for name in keys[: weights.shape[1]])
    lines = "".join(
        f"<tr><th>{text(_short(query))}</th>"
        + "".join(_cell(value, query, key) for value, key in zip(row, keys, strict=False))
        + "</tr>"
        for query, row in zip(queries, weights, strict=False)
    )
    return f'<div>{title}<table class="attended"><tr><th></th>{top}</tr>{lines}</table></div>'


def _short(name: str) -> str:
    """`row 2, column 1` as `2,1`; a symbol as it is."""
    numbers = re.findall(r"\d+", name)
    return name if len(name) <= 2 else ",".join(numbers) or name[:3]


def _cell(value: float, query: str, key: str) -> str:
    words = text(f"{query} gathers {100 * float(value):.1f} % from {key}")
    return f'<td style="--k:{float(value):.3f}" title="{words}"></td>'
