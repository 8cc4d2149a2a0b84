"""What the doctor found in a training: each finding with its evidence, and what was tried."""

from __future__ import annotations

from pathlib import PurePath
from statistics import median
from typing import Any

from pellucid.base.records import Record
from pellucid.report import charts
from pellucid.report.markup import chart, figure, notes, paragraph, section, text, with_commands
from pellucid.report.material import Material
from pellucid.report.wording import count, finite, quantity

DECADES = 30
"""Losses that span more than this factor are drawn in ten-fold steps."""


def render(material: Material) -> str:
    """The section of a run's page; nothing where the doctor did not watch."""
    return "" if material.findings is None else of_findings(material.findings)


def of_findings(record: Record) -> str:
    """Findings, then the course of the whole training, then what was not seen."""
    findings = record["findings"]
    watched = record["watched"]
    kinds = count(len(record["checked"]), "kind")
    if findings:
        how = "Faults come before what they cause, and each stands with what proves it."
    else:
        how = (
            f"Nothing was found that can be proven: {kinds} of fault were looked for in "
            f"{count(watched['steps'], 'step')}."
        )
    return section(
        "doctor",
        "What the doctor found",
        how,
        *(_finding(entry) for entry in findings),
        _course(record["course"]),
        notes(_remarks(record)),
    )


def _finding(finding: Record) -> str:
    grade = finding["grade"] if finding["kind"] == "fault" else f"suggestion, {finding['grade']}"
    is_alarm = finding["kind"] == "fault" and finding["grade"] != "suspected"
    badge = f'<span class="badge{" bad" if is_alarm else ""}">{text(grade)}</span>'
    evidence = "".join(f"<li>{text(line)}</li>" for line in finding["evidence"]["sentences"])
    body = (
        f"<h3>{badge} {text(finding['name'])}</h3>"
        + _where(finding["where"])
        + f"<ul>{evidence}</ul>"
        + f"<p><b>Mend:</b> {with_commands(finding['prescription'])}.</p>"
        + (_tried(finding["tried"]) if finding.get("tried") else "")
    )
    return f'<div class="panel finding">{body}</div>'


def _where(where: Record | None) -> str:
    if not where:
        return ""
    place = f"{PurePath(where['file']).name}:{where['line']}"
    line = f" <code>{text(where['text'])}</code>" if where["text"] else ""
    return f'<p class="note">{text(place)}{line}</p>'


def _tried(tried: Record) -> str:
    """The same first steps without and with the cure: each repetition a line."""
    rows = [
        {"step": step, "loss": loss, "cure": name, "line": f"{name} {number}"}
        for name, key in ((charts.WITHOUT, "without"), (charts.WITH, "with"))
        for number, losses in enumerate(tried[key], start=1)
        for step, loss in enumerate(losses)
        if finite(loss) is not None
    ]
    if not rows:
        return ""
    steps = max(row["step"] for row in rows) + 1
    ends = [_end(tried[key]) for key in ("without", "with")]
    label = (
        f"Loss over {steps} steps in {len(tried['with'])} repetitions; at the end without the cure "
        f"{quantity(ends[0])}, with it {quantity(ends[1])} (medians)"
    )
    spec = charts.tried(rows, _scale([row["loss"] for row in rows]))
    return chart(spec, label, 230) + paragraph(f"{label}.", "note")


def _end(repetitions: list[list[Any]]) -> float | None:
    """The median of the last tenths' means; None where one has no finite number there."""
    means = []
    for losses in repetitions:
        tenth = [finite(loss) for loss in losses[-max(1, len(losses) // 10) :]]
        if not tenth or None in tenth:
            return None
        means.append(sum(value for value in tenth if value is not None) / len(tenth))
    return median(means) if means else None


def _course(course: Record) -> str:
    """Loss and learning rate over the whole training."""
    losses = _rows(course, "losses")
    if not losses:
        return ""
    values = [row["value"] for row in losses]
    width = course["passes_a_point"]
    mean = "" if width == 1 else f"; a point is the mean of {width} passes"
    last = f"first {quantity(values[0])}, last {quantity(values[-1])}"
    drawn = [
        figure(
            "Loss, step by step",
            chart(
                charts.over_steps(losses, "training loss", _scale(values)),
                f"The loss that was learnt from over {losses[-1]['step'] + 1} steps: {last}{mean}",
                230,
            ),
        )
    ]
    rates = _rows(course, "rates")
    if rates:
        words = ", ".join(quantity(rate) for rate in sorted({row["value"] for row in rates})[-3:])
        spec = charts.over_steps(rates, "learning rate", {"zero": True})
        drawn.append(figure("Learning rate", chart(spec, f"The learning rate: up to {words}", 230)))
    return f'<div class="pair">{"".join(drawn)}</div>' if len(drawn) > 1 else drawn[0]


def _rows(course: Record, key: str) -> list[Record]:
    pairs = zip(course["steps"], course[key], strict=True)
    return [{"step": step, "value": value} for step, value in pairs if finite(value) is not None]


def _scale(values: list[float]) -> Record:
    is_wide = min(values) > 0 and max(values) > DECADES * min(values)
    return {"type": "log"} if is_wide else {"zero": True}


def _remarks(record: Record) -> list[str]:
    told = []
    lost = sum(finite(loss) is None for loss in record["course"]["losses"])
    if lost:
        told.append(f"Not drawn, as no finite number: {count(lost, 'point')} of the loss.")
    told += [
        f"Meant, and not counted: {entry['name']}, because {entry['reason']}."
        for entry in record["exempted"]
    ]
    if record["not_tried"]:
        told.append(f"No cure was tried: {record['not_tried']}.")
    if record["not_observed"]:
        told.append(f"Not observed: {'; '.join(record['not_observed'])}.")
    return told
