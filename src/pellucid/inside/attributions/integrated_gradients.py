"""The gradient gathered along the straight way from a black picture to this one.

The values sum to the difference of the two scores; by how much they miss it is the error.
Source: Sundararajan, Taly, Yan 2017, Axiomatic attribution for deep networks.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from pellucid.inside.attribution import Attribution, Question

STEPS = (32, 128, 512)
ENOUGH = 0.005
"""The share of the difference that may be missed; more steps are taken until it is reached."""


def attribute(question: Question) -> Attribution:
    """(pixel − black) · mean gradient on the way; the error is the completeness residual."""
    difference = question.difference()
    for steps in STEPS:
        values = along_the_way(question, steps)
        residual = abs(float(values.double().sum()) - difference)
        if residual <= ENOUGH * abs(difference):
            break
    facts = {"steps": steps, "difference": difference, "residual": residual}
    return Attribution(values, residual, facts)


def along_the_way(question: Question, steps: int) -> Tensor:
    """The integral by Gauss and Legendre's rule with `steps` places."""
    places, weights = np.polynomial.legendre.leggauss(steps)
    kind = question.picture.dtype
    shares = torch.from_numpy((places + 1) / 2).to(kind).view(-1, 1, 1, 1)
    step = question.picture[0] - question.black
    slopes = question.slopes(question.black + shares * step)
    mean = (slopes * torch.from_numpy(weights / 2).to(kind).view(-1, 1, 1, 1)).sum(dim=0)
    return step * mean
