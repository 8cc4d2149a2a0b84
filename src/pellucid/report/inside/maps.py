"""What every convolution makes of a picture, on one of three scales."""

from __future__ import annotations

from pellucid.report.inside.looked import Looked
from pellucid.report.sections import activation_maps


def render(looked: Looked) -> str:
    """As in a run's report."""
    return activation_maps.render(looked)
