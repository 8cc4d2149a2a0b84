"""Batches: a few examples at once, in a new order each time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pellucid.scratch.arrays import Array


def batches(
    inputs: Array, labels: Array, size: int, chance: np.random.Generator
) -> Iterator[tuple[Array, Array]]:
    """All examples once, `size` at a time and the last batch with what is left.

    A batch's gradient is an estimate of the whole data's at a fraction of its cost, and the steps
    it saves are worth more than its errors. The order is new each time, so that the errors differ.
    """
    order = chance.permutation(len(inputs))
    for start in range(0, len(order), size):
        chosen = order[start : start + size]
        yield inputs[chosen], labels[chosen]
