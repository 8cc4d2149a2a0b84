"""Insertion and deletion: how the answer changes as pixels come or go in an attribution's order.

Source: Petsiuk, Das, Saenko 2018, RISE.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pellucid.inside.attribution import Question

STEPS = 24
"""Places on a curve after its first one."""


def insertion_and_deletion(question: Question, values: Tensor) -> tuple[Tensor, Tensor]:
    """The target's probability (place,) as the strongest pixels come into black, and as they go.

    All channels of a pixel come and go together; pixels of equal value in reading order.
    """
    ranks = _ranks(values.double().sum(dim=0))
    pixels = ranks.numel()
    counts = torch.linspace(0, pixels, STEPS + 1).round()
    first = ranks < counts.view(-1, 1, 1)  # (place, row, column): the strongest so far
    picture, black = question.picture[0], question.black
    there = first[:, None]
    inserted = torch.where(there, picture, black)
    deleted = torch.where(there, black, picture)
    return _probability(question, inserted), _probability(question, deleted)


def _ranks(values: Tensor) -> Tensor:
    """0 for the largest value, 1 for the next, …, in the shape of `values`."""
    order = values.flatten().argsort(descending=True, stable=True)
    ranks = torch.empty_like(order)
    ranks[order] = torch.arange(len(order))
    return ranks.view(values.shape)


def _probability(question: Question, pictures: Tensor) -> Tensor:
    """Of the target class; of the target among the two where it is held against another."""
    with torch.no_grad():
        outputs = question.outputs(pictures).double()
    if question.against is not None:
        return torch.sigmoid(outputs[:, question.target] - outputs[:, question.against])
    return torch.softmax(outputs, dim=1)[:, question.target]
