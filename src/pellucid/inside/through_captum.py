"""Attributions that Captum computes, where it is installed, for the same questions as ours.

Captum hooks into modules, so it is given a copy of the network, with one output: the score.
"""

from __future__ import annotations

import contextlib
import copy
import importlib
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pellucid.inside.attribution import Question


class Scored(nn.Module):
    """Pictures (n, c, h, w) to the score (n, 1) that is asked about."""

    def __init__(self, question: Question) -> None:
        super().__init__()
        self.network = copy.deepcopy(question.network).to(question.picture.dtype)
        if question.weights:
            self.network.load_state_dict(question.weights, strict=False)
        self.target, self.against = question.target, question.against
        for part in self.network.modules():
            if getattr(part, "inplace", False):
                part.inplace = False  # type: ignore[assignment]  # hooks see what comes and goes
        self.eval()

    def forward(self, pictures: Tensor) -> Tensor:
        outputs: Tensor = self.network(pictures)
        score = outputs[:, self.target]
        return (score if self.against is None else score - outputs[:, self.against])[:, None]


def method_of(name: str, scored: nn.Module) -> Any:
    """Captum's method of this name, for such a network."""
    return getattr(importlib.import_module("captum.attr"), name)(scored)


@contextlib.contextmanager
def asked(seed: int) -> Iterator[None]:
    """Captum at work: with gradients, chance of its own from the seed, and without warnings."""
    numbers = np.random.get_state()
    with torch.enable_grad(), torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)
        try:
            yield
        finally:
            np.random.set_state(numbers)
