"""The order in which losses were learnt from and optimisers made their steps."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from pellucid.watch.captured import Batch


@dataclass(frozen=True)
class Turn:
    """One step of an optimiser, and the batches learnt from before it."""

    batches: list[Batch]
    """Several, where gradients are gathered; none, where another optimiser has just used them."""
    number: int
    optimiser: int


def turns_of(batches: list[Batch], steppers: Mapping[int, int], optimisers: int) -> list[Turn]:
    """The steps in their order; `steppers` says by step which optimiser made it."""
    found: dict[int, list[Batch]] = {}
    for batch in batches:
        found.setdefault(batch.step, []).append(batch)
    if optimisers > 1:
        found = {step: found.get(step, []) for step in steppers if step <= max(found)}
    return [Turn(found[step], step, steppers.get(step, 0)) for step in sorted(found)]


def shuffled(turns: list[Turn], seed: int) -> list[Turn]:
    """Each optimiser's turns in another order, in the places of its own."""
    found = list(turns)
    for which in sorted({turn.optimiser for turn in turns}):
        places = [k for k, turn in enumerate(turns) if turn.optimiser == which]
        order = list(places)
        random.Random(seed).shuffle(order)
        for place, k in zip(places, order, strict=True):
            found[place] = turns[k]
    return found
