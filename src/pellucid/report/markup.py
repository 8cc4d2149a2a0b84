"""Pieces of HTML. Whatever a user wrote goes through `text` and comes out harmless."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from typing import Any

from pellucid.base.records import to_json


def text(value: Any) -> str:
    """A value as text inside HTML, also inside an attribute; a percent sign stays by its number."""
    return html.escape(str(value), quote=True).replace(" %", "\u00a0%")


def section(name: str, title: str, how: str, *parts: str) -> str:
    """A section that begins with one sentence on how to read it."""
    head = f'<h2 id="{name}-title">{text(title)}</h2>\n<p class="how">{text(how)}</p>'
    body = "\n".join(part for part in parts if part)
    return f'<section id="{name}" aria-labelledby="{name}-title">\n{head}\n{body}\n</section>'


def paragraph(words: str, kind: str = "") -> str:
    """A paragraph of plain words."""
    attribute = f' class="{kind}"' if kind else ""
    return f"<p{attribute}>{text(words)}</p>"


def notes(sentences: Iterable[str]) -> str:
    """What a figure does not cover, in small print."""
    joined = " ".join(sentences)
    return paragraph(joined, "note") if joined else ""


def figure(title: str, body: str, kind: str = "") -> str:
    """A panel with a title above what it shows."""
    caption = f"<figcaption>{text(title)}</figcaption>" if title else ""
    return f'<figure class="panel {kind}">{caption}{body}</figure>'


def chart(spec: dict[str, Any], label: str, height: int) -> str:
    """A Vega-Lite chart. `label` says in words what it shows, for those who do not see it."""
    record = to_json(spec, indent=None).replace("<", "\\u003c")
    return (
        f'<div class="chart" role="img" aria-label="{text(label)}" style="min-height:{height}px">'
        f'<script type="application/json">{record}</script></div>'
    )


def table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "", right: Sequence[int] = ()
) -> str:
    """A table of ready-made cells (HTML); the columns in `right` hold numbers."""
    side = [' class="number"' if place in right else "" for place in range(len(heads))]
    top = "".join(
        f'<th scope="col"{one}>{text(head)}</th>' for head, one in zip(heads, side, strict=True)
    )
    lines = (
        "<tr>"
        + "".join(f"<td{one}>{cell}</td>" for cell, one in zip(row, side, strict=True))
        + "</tr>"
        for row in rows
    )
    body = "\n".join(lines)
    return (
        f'<div class="scroll" tabindex="0"><table class="{kind}"><thead><tr>{top}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>"
    )


def fold(title: str, body: str) -> str:
    """Something to open when wanted."""
    return f"<details><summary>{text(title)}</summary>\n{body}\n</details>"


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Small facts: name and value."""
    entries = (f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in pairs)
    return '<dl class="facts">' + "".join(entries) + "</dl>"


def with_commands(words: str) -> str:
    """Escaped words in which commands and options are set as code."""
    command = r"pellucid [\w-]+(?: [\w./:=-]+)*|--[a-z][\w-]*(?: [\w./:=-]*[\w/])?"
    return re.sub(f"({command})", r"<code>\1</code>", text(words))
