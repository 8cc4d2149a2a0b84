"""The learning-rate range test."""

from __future__ import annotations

from pellucid.report import charts
from pellucid.report.markup import chart, figure, section
from pellucid.report.material import Material
from pellucid.report.wording import finite


def render(material: Material) -> str:
    """The loss over the rate, where the test was run."""
    record = material.rate
    points = [
        {"rate": point["rate"], "loss": point["loss"]}
        for point in (record or {}).get("points", [])
        if finite(point["loss"]) is not None and point["rate"] > 0
    ]
    if record is None or not points:
        return ""
    suggestion = finite(record.get("suggestion"))
    label = (
        f"Loss over learning rate; suggested {suggestion:.2g}" if suggestion else "Loss over rate"
    )
    return section(
        "rate",
        "Which learning rates work",
        "The rate was raised step by step while the loss was watched: too small and nothing "
        "happens, too large and the loss leaps up. A good rate lies on the steep way down.",
        figure("", chart(charts.rates(points, suggestion), label, 300), "narrow"),
    )
