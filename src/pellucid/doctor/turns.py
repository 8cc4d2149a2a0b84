"""The steps of a training in their order, as they are done again."""

from __future__ import annotations

import random
from dataclasses import dataclass

from pellucid.watch.captured import Batch


@dataclass(frozen=True)
class Turn:
    """One step of an optimiser, and the batches learnt from before it."""

    batches: list[Batch]
    number: int
    optimiser: int


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
