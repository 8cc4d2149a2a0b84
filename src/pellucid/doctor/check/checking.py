"""All questions before a run, one after the other, and their answers as plain records."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from torch import nn

from pellucid.doctor.check.asked import Asked, Lesson
from pellucid.doctor.check.costs import Cost, ask_costs
from pellucid.doctor.check.dependence import (
    Samples,
    ask_affine,
    ask_repeatable,
    ask_samples,
    ask_unused,
)
from pellucid.doctor.check.followed import apart
from pellucid.doctor.check.learning import (
    ByHeart,
    Start,
    ask_by_heart,
    ask_slopes,
    ask_start,
    ask_symmetry,
)
from pellucid.doctor.check.shapes import try_sizes, walked
from pellucid.doctor.check.told import Told
from pellucid.nets._walk import Layer, Walk


@dataclass
class Row:
    """A layer of the table."""

    layer: Layer
    given: tuple[int, ...] | None
    """The shape of its first input, of one example where the examples stand first."""
    calls: int


@dataclass
class Network:
    """What was asked of one network."""

    asked: Asked
    walk: Walk
    whole: bool
    """Whether the batch went through."""
    answer: tuple[int, ...] | None = None
    repeatable: bool | None = None
    samples: Samples | None = None
    affine: bool | None = None
    unused: list[dict[str, Any]] = field(default_factory=list)

    @property
    def rows(self) -> list[Row]:
        found = []
        for layer in self.walk.layers:
            calls = [call for call in self.walk.calls if call.name == layer.name]
            given = calls[0].given[0] if calls and calls[0].given else None
            batch = self.walk.calls[0].given[0] if self.walk.calls[0].given else ()
            if given and batch and given[0] == batch[0] and not self.asked.axis:
                given = given[1:]
            found.append(Row(layer, given, len(calls)))
        return found

    @property
    def called(self) -> set[int]:
        """The ids of the modules that took part."""
        names = {call.name for call in self.walk.calls}
        return {id(part) for name, part in self.asked.network.named_modules() if name in names}

    @property
    def trainable(self) -> int:
        return sum(w.numel() for w in self.asked.network.parameters() if w.requires_grad)

    def as_record(self) -> dict[str, Any]:
        return {
            "name": self.asked.title,
            "inputs": [list(one.shape) for one in self.asked.inputs],
            "answer": None if self.answer is None else list(self.answer),
            "layers": [
                {
                    **asdict(row.layer),
                    "input": None if row.given is None else list(row.given),
                    "calls": row.calls,
                }
                for row in self.rows
            ],
            "failed": None if self.walk.failed is None else self.walk.failed.name,
            "parameters": self.walk.parameters,
            "trainable": self.trainable,
            "multiply_adds": self.walk.multiply_adds,
            "not_counted": list(self.walk.not_counted),
            "repeatable": self.repeatable,
            "samples": None if self.samples is None else asdict(self.samples),
            "affine": self.affine,
            "unused": self.unused,
        }


@dataclass
class Checked:
    """The answers to everything that was asked."""

    networks: list[Network]
    told: Told
    start: Start | None = None
    by_heart: list[ByHeart] = field(default_factory=list)
    cost: Cost | None = None
    without_gradient: list[str] = field(default_factory=list)
    loss_said: str = ""

    def as_record(self) -> dict[str, Any]:
        cost = self.cost
        return {
            "networks": [network.as_record() for network in self.networks],
            "loss": None if self.start is None else {"kind": self.loss_said, **asdict(self.start)},
            "by_heart": [asdict(one) for one in self.by_heart],
            "step": None if cost is None else {
                "seconds": cost.seconds, "low": cost.low, "high": cost.high,
                "measured_steps": cost.steps, "batch_size": cost.batch_size,
            },
            "memory_bytes": None if cost is None else {
                "parameters": cost.parameters, "gradients": cost.gradients,
                "optimiser": cost.optimiser, "activations": cost.activations, "total": cost.bytes,
            },
            "without_gradient": self.without_gradient,
            "findings": [finding.as_record() for finding in self.told.findings],
            "remarks": self.told.remarks,
            "not_asked": self.told.not_asked,
        }  # fmt: skip


def ask_network(asked: Asked, told: Told, walk_with: int | None, users_batch: bool) -> Network:
    """Everything that needs no loss. `walk_with` is the batch of the walk, if not its own."""
    small = asked if walk_with is None else asked.with_examples(walk_with)
    before = len(told.findings)
    walk, whole = walked(small, told)
    found = Network(asked, walk, whole)
    if not whole or len(told.findings) > before:
        return found
    found.answer = tuple(asked.answer().shape)
    reason = apart(asked)
    if reason and users_batch:
        told.not_asked.append(f"questions about single examples of {asked.title}: {reason}")
        found.repeatable = ask_repeatable(asked, told)
        return found
    with told.asking("batches of other sizes"):
        try_sizes(asked, told, users_batch)
    with told.asking("whether an evaluation can be repeated"):
        found.repeatable = ask_repeatable(asked, told)
    if found.repeatable is not None:
        with told.asking("whether examples are kept apart"):
            found.samples = ask_samples(asked, told)
        with told.asking("which inputs are used"):
            found.unused = ask_unused(asked, told)
    with told.asking("whether the network is affine"):
        found.affine = ask_affine(asked, told, *_weighted(found))
    return found


def _weighted(found: Network) -> tuple[list[tuple[str, int]], int]:
    """The called layers with a table of weights, and their sizes; the input's size."""
    network, walk = found.asked.network, found.walk
    layers = []
    for call in walk.calls:
        part = network.get_submodule(call.name)
        weight = getattr(part, "weight", None)
        if isinstance(weight, nn.Parameter) and weight.ndim > 1 and call.answer:
            layers.append((call.name, math.prod(call.answer[1:])))
    given = walk.calls[0].given
    return layers, math.prod(given[0][1:]) if given else 0


def ask_lesson(checked: Checked, lesson: Lesson, seconds: float) -> None:
    """Everything that needs a loss: slopes, the start, the cost, learning by heart."""
    told = checked.told
    checked.loss_said = lesson.loss_said
    called = {one for network in checked.networks for one in network.called}
    asked = [network.asked for network in checked.networks]
    with told.asking("which parameters get a gradient"):
        checked.without_gradient = ask_slopes(lesson, asked, called, told)
    with told.asking("the loss before the first step"):
        checked.start = ask_start(lesson, told)
    broken = {"frozen-by-mistake", "non-finite-values"}
    if any(
        finding.name in broken
        or (finding.name == "graph-cut" and not finding.numbers["parameters"])
        for finding in told.findings
    ):
        told.not_asked.append("the cost of a step, and learning by heart: nothing can be learnt")
        return
    if not any(weight.requires_grad for net in lesson.networks for weight in net.parameters()):
        told.not_asked.append("the cost of a step, and learning by heart: there are no parameters")
        return
    with told.asking("whether units begin alike"):
        ask_symmetry(lesson, told)
    with told.asking("what a step takes"):
        checked.cost = ask_costs(lesson)
    if seconds > 0:
        with told.asking("learning by heart"):
            checked.by_heart = ask_by_heart(lesson, told, seconds)
