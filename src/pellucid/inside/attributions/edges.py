"""Where the picture itself has edges: knows nothing of the network, for comparison.

Source: Adebayo et al. 2018, Sanity checks for saliency maps, which hold methods against this.
"""

from __future__ import annotations

import torch
from torch.nn import functional

from pellucid.inside.attribution import Attribution, Question

BASELINE = True


def attribute(question: Question) -> Attribution:
    """The size of the Sobel gradient of each channel; exact."""
    picture = question.picture[0][:, None]
    sobel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]], dtype=picture.dtype)
    kernels = torch.stack([sobel, sobel.T])[:, None]
    framed = functional.pad(picture, (1, 1, 1, 1), mode="replicate")
    slopes = functional.conv2d(framed, kernels)
    return Attribution(slopes.square().sum(dim=1).sqrt(), 0.0)
