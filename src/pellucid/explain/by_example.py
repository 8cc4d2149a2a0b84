"""A gradient as a sum over examples: who pulled how much, and which way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pellucid.explain.explained import Explained
from pellucid.explain.recorded import Recorded
from pellucid.scratch.explanation import Terms


@dataclass(frozen=True)
class Share:
    """What one example of the batch gave."""

    example: int
    value: float
    terms: int


MOST = 200_000
"""Terms up to which each is asked which example it belongs to: about a second."""


def by_example(recorded: Recorded, found: Explained) -> list[Share]:
    """The terms of a weight's gradient, summed example by example; the largest share first.

    Empty where the terms do not run over the batch.
    """
    count = _examples(recorded)
    if count is None or len(found.terms) < count or len(found.terms) > MOST:
        return []
    values = (
        found.terms.values
        if isinstance(found.terms, Terms)
        else np.array([term.value for term in found.terms])
    )
    owners = np.array([_owner(found, place, count) for place in range(len(values))])
    if (owners < 0).any():
        return []
    sums = np.bincount(owners, weights=values, minlength=count)
    terms = np.bincount(owners, minlength=count)
    order = np.argsort(-np.abs(sums), kind="stable")
    return [Share(int(k), float(sums[k]), int(terms[k])) for k in order]


def _examples(recorded: Recorded) -> int | None:
    first = recorded.recording.inputs.get("input")
    return first.shape[0] if first is not None and first.shape else None


def _owner(found: Explained, place: int, count: int) -> int:
    """The example that a term belongs to: the first index of what it was computed from."""
    for source in found.terms[place].source:
        if len(source.at) > 1 and source.at[0] < count:
            return source.at[0]
    return -1
