"""Chance: numbers that know neither network nor picture, for comparison."""

from __future__ import annotations

import torch

from pellucid.base.seeds import named_seed
from pellucid.inside.attribution import Attribution, Question

BASELINE = True


def attribute(question: Question) -> Attribution:
    """A number between 0 and 1 for each value, the same ones for the same seed; exact."""
    chance = torch.Generator().manual_seed(named_seed(question.seed, "random-order"))
    return Attribution(torch.rand(question.picture.shape[1:], generator=chance), 0.0)
