"""The training loop: forward, loss, backward, step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from pellucid.scratch.arrays import Array
from pellucid.scratch.batches import batches
from pellucid.scratch.layer import Layer
from pellucid.scratch.optimisers import Optimiser
from pellucid.scratch.tensor import Tensor, no_grad


class Step(NamedTuple):
    """What one step of a training came to."""

    epoch: int
    """From 1: how many times all examples have been seen, this one included."""
    loss: float
    """Of the batch, before the step."""
    scores: Array
    labels: Array


def train(
    network: Layer,
    loss_of: Callable[[Tensor, Array], Tensor],
    optimiser: Optimiser,
    inputs: Array,
    labels: Array,
    epochs: int,
    batch_size: int,
    chance: np.random.Generator,
) -> Iterator[Step]:
    """Train, giving each step to whoever asks for the next; the rate falls evenly towards 0.

    Large steps first, to get near; small ones at the end, to settle.
    """
    highest_rate, done = optimiser.learning_rate, 0
    steps = epochs * -(-len(inputs) // batch_size)
    for epoch in range(1, epochs + 1):
        network.train()
        for questions, answers in batches(inputs, labels, batch_size, chance):
            optimiser.learning_rate = highest_rate * (1 - done / steps)
            scores = network(questions)
            loss = loss_of(scores, answers)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            done += 1
            yield Step(epoch, loss.item(), scores.data, answers)


def scores_of(network: Layer, inputs: Array, at_once: int = 500) -> Array:
    """The network's answers, judged: nothing is learnt, remembered or left out."""
    was_training = network.training
    network.eval()
    with no_grad():
        parts = [
            network(inputs[start : start + at_once]).data
            for start in range(0, len(inputs), at_once)
        ]
    network.train(was_training)
    return np.concatenate(parts)
