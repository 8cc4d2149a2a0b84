"""Recording one training step against the same step alone.

    python benchmarks/recording.py

LeNet at batch 64 with Adam, one thread. The step, and the step recorded, are made in turn in one
process and timed in CPU seconds; the ratio is that of the medians.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import results_page
import torch
from torch.nn import functional

from pellucid.nets import lenet
from pellucid.watch.record import record

TURNS = 60
ALLOWED = 3


def seconds(action: Callable[[], object]) -> float:
    """CPU seconds of one turn."""
    begun = time.process_time()
    action()
    return time.process_time() - begun


def main() -> None:
    """Measure and write the page."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = lenet.build((1, 28, 28), 10)
    x, labels = torch.rand(64, 1, 28, 28), torch.randint(10, (64,))
    optimiser = torch.optim.Adam(network.parameters())

    def loss(scores: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(scores, labels)

    def step() -> None:
        network.zero_grad()
        loss(network(x)).backward()
        optimiser.step()

    def recorded() -> None:
        record(network, x, loss=loss, optimiser=optimiser)

    for action in (step, recorded):
        action()
    pairs = [(seconds(step), seconds(recorded)) for _ in range(TURNS)]
    plain, watched = (statistics.median(column) for column in zip(*pairs, strict=True))
    calls = len(record(network, x, loss=loss, optimiser=optimiser).calls)
    ratio = watched / plain
    results_page.write("recording", results_page.machine() + "\n\n" + results_page.table(
        ["step of LeNet at batch 64, Adam", "calls", "the step alone", "recorded", "ratio",
         "at most"],
        [["median of CPU time", str(calls), f"{1000 * plain:.1f} ms", f"{1000 * watched:.1f} ms",
          f"**{ratio:.2f}**", str(ALLOWED)]],
    ))  # fmt: skip
    print(f"{1000 * plain:.1f} ms alone, {1000 * watched:.1f} ms recorded: {ratio:.2f}")


if __name__ == "__main__":
    main()
