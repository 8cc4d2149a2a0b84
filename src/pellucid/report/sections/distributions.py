"""How large weights and activations are."""

from __future__ import annotations

from pellucid.base.records import Record
from pellucid.report import charts
from pellucid.report.markup import chart, notes, section, text
from pellucid.report.material import Material
from pellucid.report.wording import count, percent, quantity, shape

MOST = 24
"""Histograms of a kind; of deeper networks the first and the last layers are shown."""


def render(material: Material) -> str:
    """Small histograms layer by layer."""
    found = material.instrument("distributions")
    if found is None:
        return ""
    facts, _ = found
    weights = [_weights(one) for one in _ends(facts["weights"])]
    activations = [_activations(one) for one in _ends(facts["activations"])]
    told = ["Exact zeros are counted beside the chart and not drawn.", *facts.get("limits", [])]
    for kind, all_of in (("weights", facts["weights"]), ("activations", facts["activations"])):
        if len(all_of) > MOST:
            told.append(f"Of {len(all_of)} layers with {kind} the first and last {MOST // 2}.")
    for name, mark in (("filters", "first"), ("activation-maps", "layers")):
        other = material.instrument(name)
        if other and not other[0].get(mark):  # its own section is left out: say why here
            told += other[0].get("skipped", [])
    return section(
        "distributions",
        "Weights and activations",
        "Each small chart counts how many numbers of a layer have which size; the line is zero. "
        "Healthy layers have a broad hump. A needle, or two heaps at the ends, is a layer that "
        "says little.",
        _row("Weights", weights),
        _row(f"Activations on {count(facts['examples'], 'validation example')}", activations),
        notes(told),
    )


def _ends(records: list[Record]) -> list[Record]:
    if len(records) <= MOST:
        return records
    return [*records[: MOST // 2], *records[-MOST // 2 :]]


def _row(title: str, entries: list[str]) -> str:
    return f'<h3>{text(title)}</h3><div class="spread">{"".join(entries)}</div>' if entries else ""


def _weights(record: Record) -> str:
    return _one(record, shape(record["shape"]), "weight", "var(--validation)", [])


def _activations(record: Record) -> str:
    told = []
    if record["zeros"]:
        told.append(f"{percent(record['zeros'], 1)} exactly 0")
    silent = record.get("silent")
    if silent and silent["silent"]:
        told.append(f"{silent['silent']} of {count(silent['units'], 'unit')} never active")
    return _one(record, record["kind"], "activation", "var(--training)", told)


def _one(record: Record, kind: str, what: str, colour: str, told: list[str]) -> str:
    moments = f"mean {quantity(record['mean'], 2)}, spread {quantity(record['std'], 2)}"
    if record["not_finite"]:
        told = [f"{record['not_finite']:,} not finite!", *told]
    words = ", ".join([moments, *told])
    body = ""
    if record["counts"]:
        label = f"{what}s of {record['name']}: {words}"
        body = chart(charts.histogram(record, what, colour), label, 66)
    return (
        f'<div class="one"><h3>{text(record["name"])} <small>{text(kind)}</small></h3>'
        f"<p>{text(words)}</p>{body}</div>"
    )
