"""Whether the network knows when it is unsure."""

from __future__ import annotations

import numpy as np

from pellucid.base.records import Record
from pellucid.report import charts
from pellucid.report.markup import chart, figure, notes, section
from pellucid.report.material import Array, Material
from pellucid.report.wording import percent

BINS = 20


def render(material: Material) -> str:
    """Reliability with intervals, and how often it was how sure."""
    judged = material.judged or {}
    if "calibration" not in judged:
        return ""
    record = judged["calibration"]
    error = percent(record["error"])
    reliability = charts.reliability(record["bins"])
    figures = [
        figure("Sure and right", chart(reliability, f"Calibration, mean error {error}", 345)),
    ]
    if "probabilities" in material.arrays:
        rows = _counts(material.arrays["probabilities"], material.arrays["labels"])
        spec = charts.confidences(rows)
        figures.append(figure("How sure it was", chart(spec, _words(rows), 345)))
    return section(
        "calibration",
        "Does it know when it is unsure?",
        "Of all answers given with 80 % certainty 80 % should be right: then the dots lie on the "
        "dashed line. Below it the network is surer than it should be, above it too modest.",
        f'<div class="pair">{"".join(figures)}</div>',
        notes(
            [
                f"On average, weighted by answers, how sure and how right lie {error} apart "
                "(expected calibration error). The bars are 95 % intervals: a long one stands on "
                "few answers."
            ]
        ),
    )


def _counts(probabilities: Array, labels: Array) -> list[Record]:
    """How many right and wrong answers there are in each step of certainty."""
    sure = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    place = np.minimum((sure * BINS).astype(np.int64), BINS - 1)
    return [
        {
            "from": number / BINS,
            "to": (number + 1) / BINS,
            "right": int((right & (place == number)).sum()),
            "wrong": int((~right & (place == number)).sum()),
        }
        for number in range(BINS)
    ]


def _words(rows: list[Record]) -> str:
    last = rows[-1]
    return f"{last['right']:,} right and {last['wrong']:,} wrong answers were over 95 % sure"
