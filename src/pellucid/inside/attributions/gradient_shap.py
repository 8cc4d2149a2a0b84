"""The gradient at places drawn on the way from black, times the difference (through Captum).

Source: Lundberg, Lee 2017, A unified approach to interpreting model predictions.
"""

from __future__ import annotations

import torch

from pellucid.inside.attribution import Attribution, Question
from pellucid.inside.through_captum import Scored, asked, method_of

NEEDS = "captum"
GROUPS, EACH = 8, 16
"""The places are drawn in so many groups, so that their spread gives the error."""


def attribute(question: Question) -> Attribution:
    """The mean of Captum's GradientShap over all groups; the error is its standard error, the
    largest of all values."""
    scored = Scored(question)
    with asked(question.seed):
        found = [
            method_of("GradientShap", scored)
            .attribute(question.picture, question.black[None], n_samples=EACH, target=0)[0]
            .detach()
            for _ in range(GROUPS)
        ]
    groups = torch.stack(found)
    error = float((groups.std(0) / GROUPS**0.5).max())
    return Attribution(groups.mean(0), error, {"places": GROUPS * EACH})
