"""How steeply the score rises with each pixel, right at this picture.

Source: Simonyan, Vedaldi, Zisserman 2014, Deep inside convolutional networks.
"""

from __future__ import annotations

from pellucid.inside.attribution import Attribution, Question, rounding


def attribute(question: Question) -> Attribution:
    """∂score/∂pixel; the error is that of rounding, measured in float64."""
    slope = question.slopes(question.picture)[0]
    twice = question.in_double()
    return Attribution(slope, rounding(slope, twice.slopes(twice.picture)[0]))
