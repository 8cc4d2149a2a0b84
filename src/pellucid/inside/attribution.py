"""Which pixels speak for an answer: the question that every method is asked, and its reply.

The score is one output of the network, or the difference of two: why class A rather than B.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from importlib.util import find_spec

import torch
from torch import Tensor, nn

from pellucid.base.catalog import Catalog
from pellucid.base.records import Record

ATTRIBUTIONS = Catalog("attribution", "inside.attributions")
BATCH = 256


class DoesNotApply(Exception):
    """A method has no answer here; the reason is a whole sentence."""


@dataclass(frozen=True)
class Question:
    """Why does `network` give `picture` (1, c, h, w) this score?

    `black` (c, h, w) is what stands for "no picture"; `point` names the module whose maps Grad-CAM
    reads. `weights` stand in for the network's own, which stay as they are.
    """

    network: nn.Module
    picture: Tensor
    black: Tensor
    target: int
    against: int | None = None
    point: str | None = None
    seed: int = 0
    weights: dict[str, Tensor] = field(default_factory=dict)

    def outputs(self, pictures: Tensor) -> Tensor:
        """The answers (n, classes) to pictures (n, c, h, w)."""
        if not self.weights:
            answer: Tensor = self.network(pictures)
            return answer
        call = torch.func.functional_call(self.network, self.weights, (pictures,))
        found: Tensor = call
        return found

    def score(self, pictures: Tensor) -> Tensor:
        """The score (n,) of pictures (n, c, h, w)."""
        outputs = self.outputs(pictures)
        wanted = outputs[:, self.target]
        return wanted if self.against is None else wanted - outputs[:, self.against]

    def scores(self, pictures: Tensor) -> Tensor:
        """The same for many pictures, a batch at a time and without a way back."""
        with torch.no_grad():
            return torch.cat([self.score(batch) for batch in torch.split(pictures, BATCH)])

    def difference(self) -> float:
        """The picture's score less that of black, which values that add up to it must sum to."""
        ends = self.scores(torch.stack([self.black, self.picture[0]])).double()
        return float(ends[1] - ends[0])

    def slopes(self, pictures: Tensor) -> Tensor:
        """The gradient of each picture's score with respect to it, (n, c, h, w)."""
        found = []
        for batch in torch.split(pictures, BATCH):
            with torch.enable_grad():
                given = batch.detach().clone().requires_grad_()
                total = self.score(given).sum()
                (slope,) = torch.autograd.grad(total, given)
            found.append(slope)
        return torch.cat(found)

    def in_double(self) -> Question:
        """The same question in float64."""
        own = self.weights or self.network.state_dict()
        weights = {
            name: value.double() if value.is_floating_point() else value
            for name, value in own.items()
        }
        return replace(
            self, picture=self.picture.double(), black=self.black.double(), weights=weights
        )


@dataclass(frozen=True)
class Attribution:
    """A number (c, h, w) for each value of the picture, with its error in the same unit.

    `facts` tells in numbers what else the method knows, `extras` holds arrays of its own.
    """

    values: Tensor
    error: float
    facts: Record = field(default_factory=dict)
    extras: dict[str, Tensor] = field(default_factory=dict)


def within_reach() -> dict[str, str]:
    """The methods whose package is installed, with their descriptions."""
    lacking = set(out_of_reach())
    return {name: line for name, line in ATTRIBUTIONS.menu().items() if name not in lacking}


def out_of_reach() -> dict[str, str]:
    """By method, the package that it needs and that is not installed."""
    needs = {name: str(getattr(ATTRIBUTIONS.load(name), "NEEDS", "")) for name in
             ATTRIBUTIONS.names()}  # fmt: skip
    return {name: need for name, need in needs.items() if need and find_spec(need) is None}


def attribute(name: str, question: Question) -> Attribution:
    """The reply of the method `name`; raises `DoesNotApply` with the reason where it has none."""
    reply: Attribution = ATTRIBUTIONS.load(name).attribute(question)
    return reply


def is_baseline(name: str) -> bool:
    """Whether the method knows nothing of the network: the others must do better."""
    return bool(getattr(ATTRIBUTIONS.load(name), "BASELINE", False))


def rounding(values: Tensor, exact: Tensor) -> float:
    """The largest difference between float32 numbers and the same in float64."""
    return float((values.double() - exact).abs().max())
