"""The order in which losses were learnt from and optimisers made their steps."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pellucid.watch.captured import Batch
from pellucid.watch.recorder import tensors_in

FALLING = 0.98
"""The mean loss of the last third of the steps, as a share of the third's before, if it falls."""


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


def is_falling(losses: Sequence[float]) -> bool:
    """Whether the last third of a run's losses lies below the third before it."""
    known = [loss for loss in losses if math.isfinite(loss)]
    third = len(known) // 3
    if third < 3:
        return bool(known) and known[-1] < known[0]
    return sum(known[-third:]) < FALLING * sum(known[-2 * third : -third])


def batches_differ(batches: Sequence[Batch]) -> bool:
    """Whether the steps had other examples each, not always the same whole."""
    firsts = [next(iter(tensors_in((b.given, b.named))), None) for b in batches[:2]]
    a, b = firsts if len(firsts) == 2 else (None, None)
    return a is not None and b is not None and (a.shape != b.shape or not bool((a == b).all()))
