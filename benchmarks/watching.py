"""What watching costs a training step: the doctor's follower, and histograms.

    python benchmarks/watching.py

Blocks of steps are timed in turn in one process and one thread, by CPU seconds; what is shown is
the lower quartile of the blocks over that of the bare ones, since other programs only ever add.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is loaded

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn import functional

from pellucid.watch.captured import BEGINNING
from pellucid.watch.follower import Follower

BATCH, BLOCK, ROUNDS = 64, 20, 40
EXAMPLES = 25_600
HISTOGRAM_EACH = 20
"""Steps between two histograms of every weight, as loggers are usually set."""


def lenet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


def dense() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


class Training:
    """A loop as people write it, one step a call."""

    def __init__(self, build: Callable[[], nn.Module]) -> None:
        torch.manual_seed(0)
        self.network = build()
        self.optimiser = torch.optim.Adam(self.network.parameters())
        self.inputs = torch.randn(EXAMPLES, 1, 28, 28)
        self.labels = torch.randint(10, (EXAMPLES,))
        self.steps = 0
        self.histograms = False

    def step(self) -> None:
        first = self.steps * BATCH % EXAMPLES
        inputs, labels = self.inputs[first : first + BATCH], self.labels[first : first + BATCH]
        self.steps += 1
        self.optimiser.zero_grad()
        loss = functional.cross_entropy(self.network(inputs), labels)
        loss.backward()
        self.optimiser.step()
        loss.item()
        if self.histograms and self.steps % HISTOGRAM_EACH == 0:
            for weight in self.network.parameters():
                torch.histc(weight.detach(), 64).tolist()
                torch.histc(weight.grad, 64).tolist()

    def block(self) -> float:
        """CPU seconds of a step."""
        begun = time.process_time()
        for _ in range(BLOCK):
            self.step()
        return (time.process_time() - begun) / BLOCK


@contextmanager
def with_histograms(training: Training) -> Iterator[None]:
    training.histograms = True
    yield
    training.histograms = False


def measured(build: Callable[[], nn.Module]) -> dict[str, float]:
    """Microseconds of a bare step, and what is added to it, as a share of it."""
    training, follower = Training(build), Follower()
    times: dict[str, list[float]] = {"bare": [], "first steps": [], "steady": [], "histograms": []}
    training.block()
    for _ in range(ROUNDS):
        times["bare"].append(training.block())
        with follower.watching():
            early = len(follower.trace.steps) < BEGINNING
            times["first steps" if early else "steady"].append(training.block())
        with with_histograms(training):
            times["histograms"].append(training.block())
    quarter = {name: sorted(found)[len(found) // 4] for name, found in times.items()}
    shares = {name: value / quarter["bare"] - 1 for name, value in quarter.items()}
    return shares | {"bare": 1e6 * quarter["bare"]}


if __name__ == "__main__":
    torch.set_num_threads(1)
    for build in (lenet, dense):
        found = measured(build)
        print(f"{build.__name__}: a bare step takes {found.pop('bare'):.0f} µs of CPU time")
        for name, share in found.items():
            print(f"  {name}: {100 * share:+.1f} %")
