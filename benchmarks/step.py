"""One training step of ours against the same step in a bare loop written by hand.

    python benchmarks/step.py

The bare loop has float tensors in memory, slices of a permutation, forward, loss, backward and
PyTorch's own optimiser: nothing is recorded, shown or kept. Both are timed in turn in one process,
one thread, with CPU seconds; the ratio is the median over pairs.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Iterator

import results_page
import torch
from torch import nn
from torch.nn import functional

from pellucid.data.load import load
from pellucid.train.fit import Sitting
from pellucid.train.loop import Loop
from pellucid.train.recipe import Recipe
from pellucid.train.watcher import Training, Watcher

PAIRS = 15
STEPS = 60


def bare(
    network: nn.Module, inputs: torch.Tensor, labels: torch.Tensor, size: int
) -> Iterator[int]:
    """A loop as people write it by hand; yields after every step."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.001)
    network.train()
    for epoch in itertools.count():
        order = torch.randperm(len(inputs))
        for first in range(0, len(inputs) - size + 1, size):
            index = order[first : first + size]
            optimiser.zero_grad()
            loss = functional.cross_entropy(network(inputs[index]), labels[index])
            loss.backward()
            optimiser.step()
            yield epoch


def ours(sitting: Sitting) -> Iterator[int]:
    """The product's own loop; yields after every `STEPS` steps.

    As in the bare loop there is no augmentation and no moving average of the weights.
    """
    recipe = sitting.recipe
    turn = iter(range(1 << 62))

    def after() -> bool:
        return next(turn) % STEPS == STEPS - 1

    progress = sitting.progress
    training = Training(recipe, sitting.network, "", sitting.feed.steps, progress)
    loop = Loop(
        recipe=recipe,
        network=sitting.network,
        task=sitting.task,
        feed=sitting.feed,
        optimiser=sitting.optimiser,
        average=None,
        watchers=Watcher(),
        training=training,
        autocast=None,
        after_step=after,
    )
    while True:
        if loop.epoch():
            progress.epoch += 1
            progress.done = 0
        else:
            yield progress.step


def seconds(steps: Iterator[int], count: int) -> float:
    """CPU seconds of `count` turns."""
    begun = time.process_time()
    for _ in range(count):
        next(steps)
    return time.process_time() - begun


def compare(net: str, size: int) -> tuple[float, float, float, float]:
    """Median, lowest and highest ratio ours / bare, and our milliseconds a step."""
    data = load("mnist")
    recipe = Recipe(
        dataset="mnist", net=net, batch_size=size, epochs=10_000, learning_rate=0.001, warmup=0.0
    )
    sitting, twin = Sitting(recipe, data), Sitting(recipe, data)
    inputs = twin.task.prepare(torch.from_numpy(data.train.inputs))
    labels = torch.from_numpy(data.train.labels)
    their_steps, our_turns = bare(twin.network, inputs, labels, size), ours(sitting)
    seconds(their_steps, STEPS)
    seconds(our_turns, 1)
    ratios, mine = [], []
    for _ in range(PAIRS):
        own = seconds(our_turns, 1)
        other = seconds(their_steps, STEPS)
        ratios.append(own / other)
        mine.append(1000 * own / STEPS)
    return statistics.median(ratios), min(ratios), max(ratios), statistics.median(mine)


def main() -> None:
    """Measure all four and write the page."""
    torch.set_num_threads(1)
    rows = []
    for net in ("dense", "convnet"):
        for size in (64, 256):
            median, low, high, mine = compare(net, size)
            print(f"{net:>8} batch {size:>3}: {median:.3f} ({low:.3f} to {high:.3f})", flush=True)
            rows.append(
                [net, str(size), f"**{median:.2f}**", f"{low:.2f} to {high:.2f}", f"{mine:.2f} ms"]
            )
    head = ["network", "batch", "ours / bare, median", "range", "ours, CPU a step"]
    results_page.write("step", results_page.machine() + "\n\n" + results_page.table(head, rows))


if __name__ == "__main__":
    main()
