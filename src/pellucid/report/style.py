"""How all charts look. Colours are names of the page's style sheet, so they follow the theme."""

from __future__ import annotations

from typing import Any

Spec = dict[str, Any]

TRAINING, VALIDATION = "var(--training)", "var(--validation)"
GOOD, BAD, QUIET = "var(--validation)", "var(--training)", "var(--soft)"

FONT = '-apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif'

CONFIG: Spec = {
    "background": "transparent",
    "font": FONT,
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--soft)",
        "titleColor": "var(--soft)",
        "labelFontSize": 11.5,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
        "gridColor": "var(--grid)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "tickSize": 4,
        "labelPadding": 5,
        "labelLimit": 150,
    },
    "legend": {
        "labelColor": "var(--ink)",
        "labelFontSize": 12,
        "orient": "top",
        "title": None,
        "symbolType": "stroke",
        "symbolSize": 320,
        "symbolStrokeWidth": 2.5,
        "offset": 4,
        "columnPadding": 18,
    },
    "bar": {"cornerRadiusEnd": 2},
    "locale": {
        "number": {
            "decimal": ".",
            "thousands": ",",
            "grouping": [3],
            "currency": ["", ""],
            "percent": "\u00a0%",
        }
    },
}
