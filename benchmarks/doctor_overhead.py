"""What the doctor's watching costs a training step, beside other instruments, in one run.

    python benchmarks/doctor_overhead.py [--turns 7] [--write]

A LeNet at batch 64, and a 784-128-10 network, are trained by a plain loop, by one that the doctor
watches (without probes, which have a budget of their own), and with other instruments.
The approaches take turns, each between two plain loops; what is stated is the median of the ratios
to their mean, in CPU seconds: of the first 60 steps, whose batches are kept for trials, and of the
steps from the hundredth on.
TensorBoard's histograms need `pip install tensorboard`, Cockpit `pip install cockpit-for-pytorch`;
what is not installed is said to be missing.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is loaded

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator

import results_page
import torch
from torch import Tensor, nn
from torch.nn import functional

import pellucid
from pellucid.nets import lenet

EVERY = 20
"""Steps between two histograms."""
BINS = 64
STEPS = {"LeNet": 200, "784-128-10": 600}
"""Steps of a loop."""
FIRST, STEADY = 60, 100
"""Steps that are timed first, and the step from which on the others are timed."""
AFTER_STEP = Callable[[int], None]


def network(title: str) -> tuple[nn.Module, Tensor]:
    """The network and its inputs, 2,048 examples."""
    torch.manual_seed(0)
    x = torch.rand(2048, 1, 28, 28)
    if title.startswith("LeNet"):
        return lenet.build((1, 28, 28), 10), x
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10)), x


@contextlib.contextmanager
def plain(_: nn.Module) -> Iterator[AFTER_STEP]:
    yield lambda step: None


@contextlib.contextmanager
def doctor(_: nn.Module) -> Iterator[AFTER_STEP]:
    with pellucid.watching(quiet=True, probe_budget=0):
        yield lambda step: None


@contextlib.contextmanager
def tensorboard(model: nn.Module) -> Iterator[AFTER_STEP]:
    """Histograms of every weight and gradient each 20 steps, written to event files."""
    from torch.utils.tensorboard import SummaryWriter

    with tempfile.TemporaryDirectory() as folder, SummaryWriter(folder) as writer:

        def after(step: int) -> None:
            if step % EVERY == 0:
                for name, weight in model.named_parameters():
                    writer.add_histogram(name, weight, step)
                    writer.add_histogram(f"{name}.grad", weight.grad, step)

        yield after


@contextlib.contextmanager
def gradient_histograms(model: nn.Module) -> Iterator[AFTER_STEP]:
    """As `wandb.watch` does it: a hook on every parameter counts its gradient into 64 bins."""
    now = 0
    kept: list[tuple[Tensor, float, float]] = []

    def hook(gradient: Tensor) -> None:
        if now % EVERY == 0:
            flat = gradient.detach().flatten()
            low, high = float(flat.min()), float(flat.max())
            kept.append((torch.histc(flat, BINS, low, high), low, high))

    handles = [weight.register_hook(hook) for weight in model.parameters()]

    def after(step: int) -> None:
        nonlocal now
        now = step + 1

    yield after
    for handle in handles:
        handle.remove()


APPROACHES = {
    "doctor, probes apart": doctor,
    f"TensorBoard histograms every {EVERY} steps": tensorboard,
    f"`wandb.watch`-like gradient histograms every {EVERY} steps": gradient_histograms,
}


PLAIN = "plain"


def missing() -> dict[str, str]:
    """Approaches whose package is not here, with what Python says."""
    found = {}
    if importlib.util.find_spec("tensorboard") is None:
        found[f"TensorBoard histograms every {EVERY} steps"] = "tensorboard is not installed"
    try:
        import cockpit  # noqa: F401
    except Exception as error:
        found["Cockpit"] = f"{type(error).__name__}: {error}"
    return found


def seconds(title: str, watched: Callable[..., contextlib.AbstractContextManager[AFTER_STEP]],
            steps: int) -> tuple[float, float]:  # fmt: skip
    """CPU seconds of one of the first steps, and of one later, without what comes before and after
    the loop."""
    model, x = network(title)
    labels = torch.randint(10, (len(x),))
    optimiser = torch.optim.Adam(model.parameters())
    with watched(model) as after:
        at: dict[int, float] = {}
        for step in range(steps):
            if step in (0, FIRST, STEADY):
                at[step] = time.process_time()
            rows = torch.randint(len(x), (64,))
            optimiser.zero_grad()
            functional.cross_entropy(model(x[rows]), labels[rows]).backward()
            optimiser.step()
            after(step)
        last = (time.process_time() - at[STEADY]) / (steps - STEADY)
        return (at[FIRST] - at[0]) / FIRST, last


def measure(title: str, turns: int, names: list[str]) -> dict[str, list[tuple[float, float]]]:
    """By approach, each turn's seconds as ratios to those of the plain loops around it; under
    `plain` the seconds of these."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in (*names, PLAIN)}
    steps = STEPS[title]
    before = seconds(title, plain, steps)
    for turn in range(turns + 1):
        for name in names:
            own, after = (seconds(title, a, steps) for a in (APPROACHES[name], plain))
            bare = [(a + b) / 2 for a, b in zip(before, after, strict=True)]
            if turn:  # the first turn warms up
                found[name].append((own[0] / bare[0], own[1] / bare[1]))
                found[PLAIN].append((bare[0], bare[1]))
            before = after
    return found


def share(values: list[float]) -> str:
    """The median share that is added to a step, and the middle half of the turns."""
    low, middle, high = statistics.quantiles([100 * (value - 1) for value in values], n=4)
    return f"{middle:+.1f} % ({low:+.1f} to {high:+.1f})"


def main() -> None:
    """Measure and print; with `--write` also onto the page."""
    parser = argparse.ArgumentParser(description="the cost of watching")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--write", action="store_true", help="also into docs/results.md")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    without = missing()
    names = [name for name in APPROACHES if name not in without]
    found = {title: measure(title, chosen.turns, names) for title in STEPS}
    parts = ("first 60 steps", "from step 100 on")
    rows = [
        [name, *(share([v[k] for v in found[title][name]]) for title in STEPS for k in (0, 1))]
        for name in names
    ]
    heads = [f"{title}, {part}" for title in STEPS for part in parts]
    bare = ", ".join(
        f"{title} {1e3 * statistics.median(v[1] for v in found[title][PLAIN]):.2g} ms"
        for title in STEPS
    )
    lines = [
        results_page.machine(),
        "",
        f"A plain step at batch 64 takes, in CPU time: {bare}. {chosen.turns} turns.",
        "",
        results_page.table(["added to a step, median of turns (middle half)", *heads], rows),
        *(f"\n{name}: not measured, {reason}." for name, reason in without.items()),
    ]
    print("\n".join(lines))
    if chosen.write:
        results_page.write("doctor-overhead", "\n".join(lines))


if __name__ == "__main__":
    main()
