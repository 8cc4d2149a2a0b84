"""Differences from black, handed back through each activation as a whole (through Captum).

The values sum to the difference of the two scores; by how much they miss it is the error.
Source: Shrikumar, Greenside, Kundaje 2017, Learning important features through propagating
activation differences (the rescale rule).
"""

from __future__ import annotations

from pellucid.inside.attribution import Attribution, DoesNotApply, Question
from pellucid.inside.through_captum import Scored, asked, method_of

NEEDS = "captum"
MISSED = 0.01
"""The share of the difference that may be missed."""


def attribute(question: Question) -> Attribution:
    """Captum's DeepLift from black to the picture; refused where its sum misses the score."""
    with asked(question.seed):
        method = method_of("DeepLift", Scored(question))
        values = method.attribute(question.picture, question.black[None], target=0)[0].detach()
    difference = question.difference()
    residual = abs(float(values.double().sum()) - difference)
    if residual > MISSED * abs(difference):
        raise DoesNotApply(
            f"its values miss the score's difference of {difference:.3g} by {residual:.3g}, as "
            "where activations are functions instead of layers or one layer is used twice."
        )
    return Attribution(values, residual, {"difference": difference, "residual": residual})
