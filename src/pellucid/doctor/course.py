"""How a training went, as few numbers: for a page, for JSON, for whoever reads them."""

from __future__ import annotations

import math
from typing import Any

from pellucid.doctor.examination import Examination
from pellucid.watch.trace import Trace

POINTS = 200
"""Points of a course at most; each is the mean of as many passes as fall to it."""


def course(trace: Trace) -> dict[str, Any]:
    """Steps (from 0), the losses that were learnt from, and the learning rates.

    Of several parameter groups the largest rate counts. A loss that is not finite makes its
    point not finite, so that it shows.
    """
    losses = trace.backwards
    width = max(1, math.ceil(len(losses) / POINTS))
    points = [losses[k : k + width] for k in range(0, len(losses), width)]
    rates = [max(step.rates, default=math.nan) for step in trace.steps]
    return {
        "steps": [point[0].step for point in points],
        "losses": [sum(entry.loss for entry in point) / len(point) for point in points],
        "rates": [
            rates[min(point[0].step, len(rates) - 1)] if rates else math.nan for point in points
        ],
        "passes_a_point": width,
    }


def record_of(found: Examination, trace: Trace) -> dict[str, Any]:
    """All that is written down about a training that was watched."""
    watched = {"steps": len(trace.steps), "passes": len(trace.passes)}
    return {
        **found.as_record(),
        "watched": watched,
        "course": course(trace),
    }
