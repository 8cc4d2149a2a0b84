"""The network destroyed from the last layer to the first, and how much a map minds.

Source: Adebayo et al. 2018, Sanity checks for saliency maps: cascading randomisation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from pellucid.base.seeds import named_seed
from pellucid.inside.attribution import Question
from pellucid.inside.points import points_of
from pellucid.inside.subject import Subject

STAGES = 5
"""Stages of destruction that are looked at, of deeper networks at even distances."""


def stages(subject: Subject) -> list[str]:
    """The layer down to which all are shuffled, stage by stage."""
    names = [point.title for point in points_of(subject.network, subject.shown[:1])][::-1]
    return [names[place] for place in _kept(len(names))]


def _kept(count: int) -> list[int]:
    places = torch.linspace(0, count - 1, min(STAGES, count)).round().long()
    return [int(place) for place in torch.unique(places)]


def cascade(subject: Subject, question: Question) -> Iterator[Question]:
    """The same question to the network with its last layers shuffled, more at each stage.

    A layer's weights are put in a random order: their sizes stay, what they have learned is gone.
    """
    points = points_of(subject.network, subject.shown[:1])[::-1]
    weights = dict(subject.network.state_dict())
    chance = torch.Generator().manual_seed(named_seed(question.seed, "cascade"))
    kept = set(_kept(len(points)))
    for place, point in enumerate(points):
        for layer in dict.fromkeys((point.name, point.read)):
            for name, value in weights.items():
                inside = name.startswith(f"{layer}.") or not layer
                if inside and value.is_floating_point() and value.numel() > 1:
                    weights[name] = _shuffled(value, chance)
        if place in kept:
            yield replace(question, weights=dict(weights))


def _shuffled(value: Tensor, chance: torch.Generator) -> Tensor:
    order = torch.randperm(value.numel(), generator=chance)
    return value.reshape(-1)[order].view(value.shape).clone()


def likeness(question: Question, before: Tensor, after: Tensor) -> float:
    """The rank correlation of two maps' sizes, over the pixels that are not black.

    On black pixels many methods are zero whatever the network is, which would count as likeness.
    """
    lit = (question.picture[0] != question.black).any(dim=0)
    one, two = (values.double().abs().sum(dim=0)[lit] for values in (before, after))
    if one.numel() < 2:
        return float("nan")
    return _correlation(_mean_ranks(one), _mean_ranks(two))


def _mean_ranks(values: Tensor) -> Tensor:
    """Ranks in which equal values share the mean of theirs."""
    _, group, counts = torch.unique(values, return_inverse=True, return_counts=True)
    ranks: Tensor = counts.cumsum(0).double() - (counts.double() - 1) / 2
    return ranks[group]


def _correlation(one: Tensor, two: Tensor) -> float:
    one, two = one - one.mean(), two - two.mean()
    size = float((one.square().sum() * two.square().sum()).sqrt())
    return float((one * two).sum()) / size if size else 0.0
