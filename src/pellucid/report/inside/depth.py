"""From edges to shapes to objects: the network's depth walked layer by layer."""

from __future__ import annotations

from collections import Counter

from pellucid.base.records import Record
from pellucid.report import pictures
from pellucid.report.inside import plots
from pellucid.report.inside.looked import Looked
from pellucid.report.inside.units import crops
from pellucid.report.markup import chart, figure, notes, section, text
from pellucid.report.material import Array, Arrays
from pellucid.report.wording import count, percent, quantity

TELLING = 6
"""Units of a layer that are shown."""
Found = tuple[Record, Arrays]


def render(looked: Looked) -> str:
    """A chart of the probes, then a figure a layer."""
    units = looked.instrument("top-activations")
    probes = looked.instrument("probes")
    gratings = looked.instrument("gratings")
    made = looked.instrument("optimised-pictures")
    if probes is None and gratings is None and made is None:
        return ""
    steps = _probes(probes[0]) if probes and probes[0]["layers"] else ""
    layers = units[0]["layers"] if units else _bare(gratings, made)
    figures = [_layer(layer, units, probes, gratings, made) for layer in layers]
    if not steps and not any(figures):
        return ""
    told = [found[0] for found in (probes, gratings, made) if found]
    remarks = [line for facts in told for line in [*facts["limits"], *facts["skipped"]]]
    return section(
        "depth",
        "From edges to shapes to objects",
        "Down through the network: how much of the picture a cell of each layer sees, how well the "
        "classes can be told from this layer alone, which units are tuned to edges, strokes or "
        "blobs, and the units that tell the classes apart best, with what excites them.",
        steps,
        *figures,
        notes(remarks),
    )


def _bare(gratings: Found | None, made: Found | None) -> list[Record]:
    """The layers by name alone, where no unit was looked at."""
    names = [layer["name"] for found in (gratings, made) if found for layer in found[0]["layers"]]
    return [
        {"name": name, "kind": "", "units": [], "receptive_field": None}
        for name in dict.fromkeys(names)
    ]


def _probes(facts: Record) -> str:
    rows = [
        {"layer": one["name"], "value": one["accuracy"], "low": one["low"], "high": one["high"]}
        for one in facts["layers"]
    ]
    label = "; ".join(f"{row['layer']}: {percent(row['value'], 1)}" for row in rows)
    own = facts["own"]
    judged = facts["layers"][0]["examples"]
    beside = f" The network itself: {percent(own['accuracy'], 1)}." if own else ""
    words = (
        f"Share of {count(judged, 'picture')} that a linear reading of one layer alone gets right, "
        f"with its 95 % interval.{beside}"
    )
    spec = plots.depths(rows, "read correctly")
    return figure(
        "How far the classes can be told, by depth", chart(spec, label, 300) + notes([words])
    )


def _layer(
    layer: Record,
    units: Found | None,
    probes: Found | None,
    gratings: Found | None,
    made: Found | None,
) -> str:
    name = layer["name"]
    tuned, dreamt = _of(gratings, name), _of(made, name)
    cards = ""
    if units and layer["units"]:
        cards = _telling(layer, units[1]["pictures"])
    body = cards + (_dreams(dreamt, made[1][f"pictures.{name}"]) if dreamt and made else "")
    facts = [_sees(layer), _read(probes, name), _kinds(tuned)]
    head = " · ".join(fact for fact in facts if fact)
    if not body and not tuned:
        return ""
    return figure(f"{name} ({layer['kind']})" if layer["kind"] else name,
                  f'<p class="note lead">{text(head)}</p>{body}')  # fmt: skip


def _of(found: Found | None, name: str) -> Record | None:
    if found is None:
        return None
    return next((layer for layer in found[0]["layers"] if layer["name"] == name), None)


def _sees(layer: Record) -> str:
    field = layer["receptive_field"]
    return f"a cell sees {field[0]} × {field[1]} pixels" if field else ""


def _read(probes: Found | None, name: str) -> str:
    one = _of(probes, name)
    if one is None:
        return ""
    span = f"{100 * one['low']:.1f} to {percent(one['high'], 1)}"
    return f"classes told from it: {percent(one['accuracy'], 1)} ({span})"


def _kinds(tuned: Record | None) -> str:
    if tuned is None:
        return ""
    counts = Counter(unit["kind"] for unit in tuned["units"])
    told = [count(counts[kind], kind) for kind in ("edge", "stroke", "blob") if counts[kind]]
    found = ", ".join(told) or "no edge, stroke or blob"
    return (
        f"of {count(len(tuned['units']), 'filter')}: {found} "
        f"(oriented if more selective than {tuned['by_chance']:.2f}, as 5 % are by chance)"
    )


def _telling(layer: Record, shown: Array) -> str:
    units = [unit for unit in layer["units"] if not unit["silent"]]
    units = sorted(units, key=lambda unit: -(unit["selectivity"] or 0))[:TELLING]
    cards = []
    for unit in units:
        source = pictures.data_uri(crops(unit["top"], layer["receptive_field"], shown))
        most = f"most to {unit['answers'][0]['class']}" if unit["answers"] else ""
        sharp = f", selectivity {unit['selectivity']:.2f}" if unit["selectivity"] else ""
        cards.append(
            f'<li><h3>unit {unit["unit"]}</h3><img src="{source}" alt="what excites it">'
            f"<p>{text(most + sharp)}</p></li>"
        )
    return f'<ul class="units">{"".join(cards)}</ul>'


def _dreams(layer: Record, values: Array) -> str:
    """Optimised pictures: a row a unit, a picture a beginning."""
    cards = []
    for place, unit in enumerate(layer["units"]):
        images = "".join(
            f'<img src="{pictures.data_uri(pictures.unit(one))}" alt="made-up picture {seed}">'
            for seed, one in enumerate(values[place])
        )
        reached = ", ".join(quantity(value, 3) for value in unit["reached"])
        hover = (
            f"reached {reached}; the best real picture {quantity(unit['natural'], 3)}; "
            f"likeness between the beginnings {unit['alike']:.2f}"
        )
        cards.append(
            f'<li title="{text(hover)}"><h3>unit {unit["unit"]}</h3>'
            f'<div class="quad">{images}</div><p>alike {unit["alike"]:.2f}</p></li>'
        )
    return (
        "<h3>Made up to excite a unit, from four beginnings</h3>"
        f'<ul class="units dreams">{"".join(cards)}</ul>'
    )
