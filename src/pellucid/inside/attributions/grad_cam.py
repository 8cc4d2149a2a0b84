"""Which places of the last large map speak for the score: maps weighted by their mean gradient.

The layer is the last one whose maps are 4 × 4 or larger: deep enough for whole parts, and not yet
too coarse to point at one. Source: Selvaraju et al. 2017, Grad-CAM.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.inside.attribution import Attribution, DoesNotApply, Question, rounding
from pellucid.inside.listen import tapping


def attribute(question: Question) -> Attribution:
    """The weighted maps, negative cells dropped, enlarged to the picture's size.

    The error is that of rounding, measured in float64; that a cell stands for many pixels is not
    in it.
    """
    if question.point is None:
        raise DoesNotApply("Grad-CAM needs a convolution with maps of 4 × 4 or larger.")
    coarse = class_map(question)
    exact = class_map(question.in_double())
    channels, height, width = question.picture.shape[1:]
    fine = functional.interpolate(
        coarse[None, None], size=(height, width), mode="bilinear", align_corners=False
    )[0]
    values = (fine / channels).expand(channels, height, width).contiguous()
    facts = {"layer": question.point, "rows": coarse.shape[0], "columns": coarse.shape[1]}
    return Attribution(values, rounding(coarse, exact), facts, {"coarse": coarse})


def class_map(question: Question) -> Tensor:
    """ReLU(Σₖ mean gradient of map k · map k), (row, column)."""
    with torch.enable_grad():
        given = question.picture.detach().clone().requires_grad_()
        with tapping(question.network, [str(question.point)]) as tapped:
            score = question.score(given).sum()
        maps = tapped[str(question.point)]
        (slope,) = torch.autograd.grad(score, maps)
    weights = slope.mean(dim=(2, 3), keepdim=True)
    return (weights * maps).sum(dim=1)[0].detach().clamp(min=0)
