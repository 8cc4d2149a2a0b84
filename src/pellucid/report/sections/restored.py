"""Damaged pictures, what the network made of them, and what they were."""

from __future__ import annotations

from pellucid.base.records import Record
from pellucid.report import charts, pictures
from pellucid.report.markup import chart, figure, notes, section, text
from pellucid.report.material import Array, Material
from pellucid.report.sections.classes import interval_chart
from pellucid.report.tiles import scale_bar
from pellucid.report.wording import percent


def render(material: Material) -> str:
    """Pictures, error maps, and the closed-form lines; only for tasks that restore."""
    if not material.restores:
        return ""
    judged, arrays = material.judged or {}, material.arrays
    where = " inside the hole" if judged.get("inside_hole") else ""
    parts = [_lines(judged, where)]
    if "kept.output" in arrays:
        parts.append(_pictures(arrays, material.classes))
    if "read" in judged:
        parts.append(_reading(judged["read"]))
    return section(
        "restored",
        "Damaged, restored, true",
        "Each group shows what the network was given, what it made of it, and the true picture; "
        f"decibels measure how near the last two are{where}: 3 dB more is half of the squared "
        "error.",
        *parts,
    )


def _lines(judged: Record, where: str) -> str:
    """The result beside what needs no training."""
    beside = [
        {"name": line["title"], "value": line["psnr_db"]} for line in judged.get("beside", [])
    ]
    rows = [
        {
            "name": "this network",
            "value": judged["psnr_db"],
            "low": judged["low"],
            "high": judged["high"],
            "ours": True,
        },
        *sorted(beside, key=lambda row: -row["value"]),
    ]
    if judged.get("given_psnr_db") is not None:
        rows.append({"name": "the damaged picture", "value": judged["given_psnr_db"]})
    label = "; ".join(f"{row['name']}: {row['value']:.2f} dB" for row in rows)
    axis = f"dB{where} (longer is better)"
    body = chart(charts.bars(rows, axis), label, 34 * len(rows) + 45)
    return figure("Beside what needs no training", body, "narrow")


def _pictures(arrays: dict[str, Array], names: list[str]) -> str:
    given, made, true = (arrays[f"kept.{name}"] for name in ("inputs", "output", "target"))
    errors = (made - true).mean(axis=1)
    scale = pictures.largest(errors)
    entries = []
    for place, label in enumerate(arrays["kept.labels"]):
        shown = [
            ("given", pictures.unit(given[place])),
            ("restored", pictures.unit(made[place])),
            ("true", pictures.unit(true[place])),
            ("error", pictures.signed(errors[place], scale)),
        ]
        name = names[int(label)]
        images = "".join(
            f'<div><img src="{pictures.data_uri(png)}" alt="{text(f"{name}, {word}")}">{word}</div>'
            for word, png in shown
        )
        entries.append(f'<li><h3>{text(name)}</h3><div class="four">{images}</div></li>')
    return (
        scale_bar(scale, "too dark", "too bright")
        + f'<ul class="triples">{"".join(entries)}</ul>'
        + notes(["Of every class the example of median error: neither the best nor the worst."])
    )


def _reading(read: Record) -> str:
    told = (
        f"A classifier that was trained on clean pictures reads {percent(read['accuracy'])} of the "
        f"restored ones correctly"
    )
    if "damaged" in read and "clean" in read:
        told += (
            f", {percent(read['damaged'])} of the damaged and {percent(read['clean'])} of the true"
        )
    body = interval_chart(read["per_class"], "restored pictures read correctly")
    return f"<h3>Can they be read again?</h3>{notes([told + '.'])}{body}"
