"""From what was seen of a script's first step to networks and a lesson that can be asked."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from pellucid.doctor.check.asked import Asked, Graded, Lesson, kept, tensors
from pellucid.doctor.check.script import Seen
from pellucid.doctor.check.tape import Tape
from pellucid.doctor.check.told import Told
from pellucid.watch.program import Heard

NEAR = 1e-3
"""Share of the loss by which the same calls on the same numbers may differ, in any precision."""


def networks_of(seen: Seen) -> list[Asked]:
    """Each network that the first loss is made of, with what it was given first."""
    found: dict[int, Asked] = {}
    labels = _labels(seen.tape)
    for entry in seen.tape.networks:
        if id(entry.function) not in found:
            name = seen.names.get(id(entry.function))
            found[id(entry.function)] = _asked(entry, labels, name)
    return list(found.values())


def _asked(entry: Heard, labels: int | None, name: str | None) -> Asked:
    network = entry.function
    assert isinstance(network, nn.Module)
    first = next((one for one in tensors((entry.args, entry.named)) if one.ndim), None)
    axis = 0 if first is None else _axis(network, first, labels)
    examples = 1 if first is None else first.shape[axis]
    kind = type(network).__name__
    title = f"{name} ({kind})" if name else kind
    return Asked(title, network, entry.args, entry.named, examples, axis)


def _labels(tape: Tape) -> int | None:
    """How many labels the loss was given."""
    for entry in reversed(tape.heard):
        if entry.name in ("cross_entropy", "nll_loss") and len(entry.args) > 1:
            return len(entry.args[1]) if entry.args[1].ndim == 1 else None
    return None


def _axis(network: nn.Module, first: Tensor, labels: int | None) -> int:
    """Where the examples stand: second only where layers say so and labels do not object."""
    turned = any(getattr(part, "batch_first", None) is False for part in network.modules())
    if not turned or first.ndim < 2 or labels == len(first):
        return 0
    return 1 if labels is None or labels % first.shape[1] == 0 else 0


def apart(asked: Asked) -> str:
    """Why single examples of the batch cannot be taken; empty if they can."""
    inputs = asked.inputs
    if not inputs:
        return "it is given no tensor"
    if any(one.layout != torch.strided for one in inputs):
        return "it is given a sparse tensor, as networks of graphs are"
    sizes = [one.shape[asked.axis] if one.ndim > asked.axis else None for one in inputs]
    if any(size != asked.examples for size in sizes):
        return "its inputs do not all have the examples along one axis"
    if any(one.shape[:2] == (asked.examples, asked.examples) for one in inputs[1:]):
        return "it is given a square table of all examples, as networks of graphs are"
    answer = asked.answer()
    if answer.ndim <= asked.axis or answer.shape[asked.axis] != asked.examples:
        return f"{asked.examples} examples give an answer of shape {tuple(answer.shape)}"
    return ""


def lesson_of(seen: Seen, networks: list[Asked], told: Told) -> Lesson | None:
    """The script's own loss on its own batch; None, which is told, if it cannot be repeated."""
    tape, optimiser = seen.tape, seen.optimiser
    if tape.loss is None or optimiser is None or not networks:
        told.not_asked.append("the loss: no backward pass of a network's answer was seen")
        return None
    first = networks[0]
    modules = [asked.network for asked in networks]

    def grade(rows: Tensor | None) -> Graded:
        return tape.play(_changer(rows, first.examples, first.axis))

    with kept(modules), told.asking("the loss"):
        graded = tape.play(lambda one: one, exact=True)
        was, again = float(tape.loss.detach().sum()), float(graded.loss.detach())
        if not math.isclose(was, again, rel_tol=NEAR, abs_tol=1e-6) and math.isfinite(was):
            told.not_asked.append(f"the loss: it was {was:.6g}, and {again:.6g} when repeated")
            return None
        return Lesson(
            networks=modules,
            grade=grade,
            examples=first.examples,
            optimiser=_fresh(optimiser),
            optimiser_said=_said(optimiser),
            loss_said="the script's own loss",
            classes=graded.scores.shape[-1] if graded.scores is not None else None,
            tiled=True,
            data=tape.data,
        )
    return None


def _changer(rows: Tensor | None, examples: int, axis: int) -> Callable[[Tensor], Tensor]:
    """The batch with these rows in every tensor that has one for each example."""

    def change(one: Tensor) -> Tensor:
        if rows is None:
            return one
        at = rows.to(one.device)
        if one.ndim > axis and one.shape[axis] == examples:
            return one.detach().index_select(axis, at)
        if one.ndim == 1 and len(one) > examples and len(one) % examples == 0:
            parts = (examples, -1) if axis == 0 else (-1, examples)
            return one.detach().reshape(parts).index_select(axis, at).flatten()
        return one

    return change


def _fresh(optimiser: Optimizer) -> Callable[[], Optimizer]:
    def made() -> Optimizer:
        optimiser.state = defaultdict(dict)
        return optimiser

    return made


def _said(optimiser: Optimizer) -> str:
    rates = sorted({float(group["lr"]) for group in optimiser.param_groups if "lr" in group})
    said = " and ".join(f"{rate:g}" for rate in rates)
    return f"the script's {type(optimiser).__name__}" + (f" with rate {said}" if said else "")
