"""The gradient averaged over copies of the picture with a little noise.

Source: Smilkov et al. 2017, SmoothGrad.
"""

from __future__ import annotations

import torch

from pellucid.base.seeds import named_seed
from pellucid.inside.attribution import Attribution, Question

COPIES = 64
NOISE = 0.15
"""The noise's spread as a share of the picture's range; 0.1 to 0.2 in the paper."""


def attribute(question: Question) -> Attribution:
    """The mean gradient; the error is the standard error of that mean, at the worst pixel."""
    picture = question.picture
    spread = NOISE * float(picture.max() - picture.min())
    chance = torch.Generator().manual_seed(named_seed(question.seed, "smooth-gradient"))
    noise = torch.randn(COPIES, *picture.shape[1:], generator=chance).to(picture.dtype)
    slopes = question.slopes(picture + spread * noise)
    error = float((slopes.double().std(dim=0) / COPIES**0.5).max())
    return Attribution(slopes.mean(dim=0), error, {"copies": COPIES, "noise": spread})
