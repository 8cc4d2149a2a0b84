"""One training step of `pellucid.scratch` against PyTorch and other engines that people learn from.

    python benchmarks/scratch.py [--rounds 15]

A step is forward, cross entropy, backward and plain gradient descent, in float32, on the same batch
from the same weights; that all contestants compute the same losses is checked before anything is
timed. They take turns within one process with one thread, and CPU seconds count. micrograd works
on one number at a time, so it gets the small network of its own demonstration.

The other engines are needed for this script alone: pip install micrograd autograd tinygrad
(tinygrad's CPU device also needs clang).
"""

from __future__ import annotations

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1", DEV="CPU")

import argparse
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np
import results_page
import torch
from torch import nn
from torch.nn import functional

from pellucid.scratch.layers.activation import ReLU
from pellucid.scratch.layers.linear import Linear
from pellucid.scratch.layers.sequential import Sequential
from pellucid.scratch.losses import cross_entropy, squared_error
from pellucid.scratch.nets import dense, lenet
from pellucid.scratch.optimisers import SGD
from pellucid.scratch.tensor import Tensor

RATE = 0.01
BATCH = 64
SMALL_BATCH = 16
AT_LEAST = 0.15
"""Seconds that one turn of a contestant takes, about."""

Step = Callable[[], float]
"""One step of a training; gives the loss before it."""


class Line(NamedTuple):
    """One line of the table: ours against theirs."""

    network: str
    other: str
    goal: str
    ours: Step
    theirs: Step


def pictures() -> tuple[Any, Any]:
    """A batch of the size of MNIST's; what is on it does not change how long a step takes."""
    chance = np.random.default_rng(0)
    inputs = chance.standard_normal((BATCH, 1, 28, 28)).astype(np.float32)
    return inputs, chance.integers(0, 10, BATCH)


def ours(network: Any, inputs: Any, labels: Any, loss_of: Callable[..., Tensor]) -> Step:
    optimiser = SGD(network.parameters(), RATE)

    def step() -> float:
        loss = loss_of(network(inputs), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return loss.item()

    return step


def by_torch(network: nn.Module, start: Any, inputs: Any, labels: Any) -> Step:
    """The same network in PyTorch, eager, from the weights of `start`."""
    with torch.no_grad():
        for weight, own in zip(network.parameters(), start.parameters(), strict=True):
            weight.copy_(torch.from_numpy(own.data))
    optimiser = torch.optim.SGD(network.parameters(), RATE)
    x, y = torch.from_numpy(inputs), torch.from_numpy(labels)

    def step() -> float:
        optimiser.zero_grad()
        loss = functional.cross_entropy(network(x), y)
        loss.backward()
        optimiser.step()
        return loss.item()

    return step


def torch_dense() -> nn.Module:
    layers = nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)
    return nn.Sequential(nn.Flatten(), *layers)


def torch_lenet() -> nn.Module:
    return nn.Sequential(
        nn.ZeroPad2d(2),
        *(nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Flatten(), nn.Linear(400, 120), nn.Tanh()),
        *(nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10)),
    )


def by_autograd(start: Any, inputs: Any, labels: Any) -> Step:
    import autograd.numpy as anp
    from autograd import value_and_grad

    weights = [own.data.copy() for own in start.parameters()]
    x, rows = inputs.reshape(BATCH, -1), np.arange(BATCH)

    def loss_of(w: list[Any]) -> Any:
        hidden = anp.maximum(anp.dot(x, w[0].T) + w[1], 0)
        hidden = anp.maximum(anp.dot(hidden, w[2].T) + w[3], 0)
        scores = anp.dot(hidden, w[4].T) + w[5]
        scores = scores - anp.max(scores, axis=1, keepdims=True)
        logs = scores - anp.log(anp.sum(anp.exp(scores), axis=1, keepdims=True))
        return -anp.mean(logs[rows, labels])

    slopes = value_and_grad(loss_of)

    def step() -> float:
        loss, gradients = slopes(weights)
        for number, gradient in enumerate(gradients):
            weights[number] = weights[number] - RATE * gradient
        return float(loss)

    return step


def by_tinygrad(start: Any, inputs: Any, labels: Any) -> Step:
    """With TinyJit, which is tinygrad's own way to make a step quick."""
    from tinygrad import Context, Device, TinyJit
    from tinygrad import Tensor as TinyTensor
    from tinygrad.nn.optim import SGD as TinySGD  # noqa: N811

    assert Device.DEFAULT == "CPU"
    w = [TinyTensor(own.data.copy()).contiguous().realize() for own in start.parameters()]
    x = TinyTensor(inputs.reshape(BATCH, -1)).realize()
    y = TinyTensor(labels.astype(np.int32)).realize()
    optimiser = TinySGD(w, lr=RATE)

    @TinyJit
    def jitted() -> Any:
        with Context(TRAINING=1):
            optimiser.zero_grad()
            hidden = (x @ w[0].T + w[1]).relu()
            hidden = (hidden @ w[2].T + w[3]).relu()
            loss = (hidden @ w[4].T + w[5]).sparse_categorical_crossentropy(y)
            loss.backward()
            return loss.realize(*optimiser.schedule_step())

    return lambda: float(jitted().item())


def small() -> tuple[Any, Any, Any]:
    """The network of micrograd's demonstration, and a batch for it."""
    chance = np.random.default_rng(0)
    layers = Linear(2, 16, chance), ReLU(), Linear(16, 16, chance), ReLU(), Linear(16, 1, chance)
    inputs = chance.standard_normal((SMALL_BATCH, 2)).astype(np.float32)
    return Sequential(*layers), inputs, np.sign(inputs[:, :1] * inputs[:, 1:])


def by_micrograd(start: Any, inputs: Any, actual: Any) -> Step:
    from micrograd.nn import MLP

    network = MLP(2, [16, 16, 1])
    pairs = list(start.parameters())
    for layer, weight, bias in zip(network.layers, pairs[::2], pairs[1::2], strict=True):
        for neuron, row, shift in zip(layer.neurons, weight.data, bias.data, strict=True):
            neuron.b.data = float(shift)
            for own, number in zip(neuron.w, row, strict=True):
                own.data = float(number)
    rows, targets = inputs.tolist(), actual.ravel().tolist()

    def step() -> float:
        distances = [network(row) - target for row, target in zip(rows, targets, strict=True)]
        loss = sum(distance * distance for distance in distances) * (1 / len(rows))
        network.zero_grad()
        loss.backward()
        for weight in network.parameters():
            weight.data -= RATE * weight.grad
        return float(loss.data)

    return step


def lines() -> list[Line]:
    """Everyone at the start, ours anew for each."""
    inputs, labels = pictures()

    def fresh(module: Any) -> Any:
        return module.build((1, 28, 28), 10, np.random.default_rng(1))

    def mine(network: Any) -> Step:
        return ours(network, inputs, labels, cross_entropy)

    found = []
    for name, module, twin, goal in (
        ("dense 784-128-64-10", dense, torch_dense(), "≤ 1.5"),
        ("lenet", lenet, torch_lenet(), "≤ 3"),
    ):
        theirs = by_torch(twin, fresh(module), inputs, labels)
        found.append(Line(name, f"PyTorch {torch.__version__}", goal, mine(fresh(module)), theirs))
    for package, make in (("autograd", by_autograd), ("tinygrad", by_tinygrad)):
        theirs = make(fresh(dense), inputs, labels)
        other = f"{package} {version(package)}"
        found.append(Line("dense 784-128-64-10", other, "< 1", mine(fresh(dense)), theirs))
    network, few, actual = small()
    theirs = by_micrograd(network, few, actual)
    other = f"micrograd {version('micrograd')}"
    mine_small = ours(network, few, actual, squared_error)
    found.append(Line(f"2-16-16-1, batch {SMALL_BATCH}", other, "< 1", mine_small, theirs))
    return found


def check_same(line: Line) -> None:
    """The same losses, step by step: only then is it the same work."""
    for number in range(5):  # also warms everyone up
        mine, theirs = line.ours(), line.theirs()
        if not np.isclose(mine, theirs, rtol=1e-4):
            raise SystemExit(f"{line.other}, step {number}: loss {theirs}, ours {mine}")


def seconds(step: Step, count: int) -> float:
    """CPU seconds a step, over `count` steps."""
    begun = time.process_time()
    for _ in range(count):
        step()
    return (time.process_time() - begun) / count


def compare(line: Line, rounds: int) -> list[str]:
    """Ours and theirs in turn; the median of the ratios, as a line of the table."""
    check_same(line)
    counts = [max(2, round(AT_LEAST / seconds(step, 3))) for step in (line.ours, line.theirs)]
    pairs = [
        (seconds(line.ours, counts[0]), seconds(line.theirs, counts[1])) for _ in range(rounds)
    ]
    ratios = [mine / theirs for mine, theirs in pairs]
    mine, theirs = (1000 * statistics.median(side) for side in zip(*pairs, strict=True))
    print(f"{line.network:<22} {line.other:<20} {statistics.median(ratios):.3g}", flush=True)
    return [
        line.network,
        line.other,
        line.goal,
        f"**{statistics.median(ratios):.3g}**",
        f"{min(ratios):.3g} to {max(ratios):.3g}",
        f"{mine:.2f} ms",
        f"{theirs:.2f} ms",
    ]


def main() -> None:
    """Measure all and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=15)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    rows = [compare(line, chosen.rounds) for line in lines()]
    head = ["network", "against", "goal", "ours / theirs, median", "range", "ours, CPU a step",
            "theirs"]  # fmt: skip
    table = results_page.table(head, rows)
    results_page.write("scratch-step", f"{results_page.machine()}\n\n{table}")


if __name__ == "__main__":
    main()
