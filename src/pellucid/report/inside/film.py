"""Film-strips: filters and maps through the checkpoints, and when each filter settled."""

from __future__ import annotations

from pellucid.base.records import Record
from pellucid.report import pictures
from pellucid.report.inside import plots
from pellucid.report.inside.looked import Looked
from pellucid.report.markup import chart, figure, notes, section, text
from pellucid.report.material import Array, Arrays
from pellucid.report.tiles import range_of


def render(looked: Looked) -> str:
    """A chart of the likeness, then a strip a filter and a strip a map."""
    found = looked.instrument("through-training")
    if found is None or not found[0]["layers"]:
        return ""
    facts, arrays = found
    figures = [_layer(layer, facts, arrays) for layer in facts["layers"]]
    return section(
        "film",
        "Through training",
        f"After each of {len(facts['epochs'])} checkpoints, from left to right: filters as they "
        "became what they are, and what they make of one picture. A filter has settled when it "
        "stays close to its last state.",
        _likeness(facts, arrays),
        *figures,
        notes([*facts["limits"], *facts["skipped"]]),
    )


def _likeness(facts: Record, arrays: Arrays) -> str:
    rows = [
        {"name": layer["name"], "epoch": epoch, "value": float(value)}
        for layer in facts["layers"]
        for epoch, value in zip(
            facts["epochs"], arrays[f"likeness.{layer['name']}"].mean(axis=1), strict=True
        )
    ]
    names = [layer["name"] for layer in facts["layers"]]
    whole = {"axis": {"tickMinStep": 1, "format": "d"}}
    spec = plots.lines(
        rows, ("epoch", "epoch"), ("value", "mean cosine with the last state"), names, across=whole
    )
    label = "; ".join(
        f"{layer['name']}: half of its filters settled by epoch {layer['median']}"
        for layer in facts["layers"]
    )
    body = plots.legend(names) + chart(spec, label, 240)
    return figure("How near each layer's filters are to what they become", body)


def _layer(layer: Record, facts: Record, arrays: Arrays) -> str:
    name = layer["name"]
    parts = []
    for kind, word in (("weights", "filter"), ("maps", "map")):
        frames = arrays.get(f"{kind}.{name}")
        if frames is not None:
            settled = layer["settled"] if kind == "weights" else None
            parts.append(_strips(frames, word, facts["epochs"], settled))
    if not parts:
        return ""
    told = f"half of its {layer['filters']} filters settled by epoch {layer['median']}"
    return figure(f"{name}: {told}", "".join(parts))


def _strips(frames: Array, word: str, epochs: list[int], settled: list[int] | None) -> str:
    """(frame, filter, row, column): a row a filter, on one scale each."""
    lines = []
    for place in range(frames.shape[1]):
        strip = frames[:, place]
        scale = pictures.largest(strip, 0.998)
        images = "".join(
            f'<img src="{pictures.data_uri(pictures.signed(one, scale))}" '
            f'alt="{word} {place} after epoch {epoch}" '
            f'title="{text(f"after epoch {epoch}: {range_of(one)}")}">'
            for epoch, one in zip(epochs, strip, strict=True)
        )
        note = f"settled at epoch {settled[place]}" if settled else ""
        lines.append(f"<li><h4>{word} {place} <small>{note}</small></h4><div>{images}</div></li>")
    return f'<ul class="film">{"".join(lines)}</ul>'
