"""What a network alone could learn: made-up targets that fit the shape of its answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim import Adam

from pellucid.doctor.check.asked import SEED, Asked, Graded, Lesson
from pellucid.doctor.check.told import Told

RATE = 1e-3
LOW, HIGH = 0.1, 0.9
"""Made-up targets lie between them: sigmoid, tanh, ReLU and a plain layer all reach them."""
ROWS = 1e-4
"""How near to 1 the sum of a row of probabilities is."""


@dataclass(frozen=True)
class Task:
    """How an answer is read: as scores of classes, or as numbers."""

    classes: int | None
    axis: int = -1
    """Where the classes stand in the answer."""
    form: str = "scores"
    """`scores`, `probabilities`, `log-probabilities`, or `one score` for two classes."""
    said: str = ""


def lesson_of(asked: Asked, classes: int | None, tokens: int | None, told: Told) -> Lesson | None:
    """Cross entropy against made-up labels where the answer looks like classes, else the squared
    error; None where the answer does not fit the classes, which is told."""
    answer = asked.answer()
    task = _task(answer, classes, tokens, asked, told)
    if task is None:
        return None
    grade = _grade(asked, task, answer.shape)
    return Lesson(
        networks=[asked.network],
        grade=grade,
        examples=asked.examples,
        optimiser=lambda: Adam(asked.network.parameters(), lr=RATE),
        optimiser_said=f"Adam with rate {RATE:g}",
        loss_said=task.said,
        classes=task.classes,
        data=asked.inputs,
    )


def _task(
    answer: Tensor, classes: int | None, tokens: int | None, asked: Asked, told: Told
) -> Task | None:
    shape = tuple(answer.shape)
    if classes:
        return _asked_for(answer, shape, classes, asked, told)
    if classes is None and len(shape) == 2 and asked.axis == 0 and shape[1] > 1:
        said = (
            f"cross entropy, the answer taken as {shape[1]} classes; if it is not, say --classes 0"
        )
        return Task(shape[1], 1, _form(answer, 1, told), said)
    if classes is None and tokens and len(shape) > 2 and shape[-1] == tokens:
        said = f"cross entropy, the answer taken as scores of {tokens} tokens"
        return Task(tokens, -1, _form(answer, -1, told), said)
    return Task(None, said="squared error against made-up numbers")


def _asked_for(
    answer: Tensor, shape: tuple[int, ...], classes: int, asked: Asked, told: Told
) -> Task | None:
    axes = [axis for axis in (1, len(shape) - 1) if 0 < axis < len(shape)]
    found = [axis for axis in axes if shape[axis] == classes and axis != asked.axis]
    if found:
        form = _form(answer, found[0], told)
        return Task(classes, found[0], form, f"cross entropy over {classes} classes")
    if classes == 2 and answer.numel() == asked.examples:
        return Task(2, form="one score", said="cross entropy of two classes by one score")
    width = shape[-1] if shape else 1
    layers = [
        name
        for name, part in asked.network.named_modules()
        if width in (getattr(part, "out_features", None), getattr(part, "out_channels", None))
    ]
    told.proven(
        "shape-mismatch",
        [f"The answer to {asked.examples} examples is {shape}; none of its axes has {classes}."],
        f"make out_features of layer {layers[-1]} {classes}" if layers else "make the last layer "
        f"answer {classes} numbers for each example",
        answer=list(shape),
        classes=classes,
    )  # fmt: skip
    return None


def _form(answer: Tensor, axis: int, told: Told) -> str:
    """Whether the answer is scores, or already the outcome of a softmax."""
    values = answer.double()
    if float(values.min()) >= 0 and bool(((values.sum(axis) - 1).abs() < ROWS).all()):
        told.remarks.append(
            "The answer ends in a softmax: such a network needs nll_loss of its logarithm; "
            "cross_entropy wants the scores before it."
        )
        return "probabilities"
    if bool((values.exp().sum(axis) - 1).abs().max() < ROWS):
        told.remarks.append("The answer ends in a log-softmax: nll_loss is its loss.")
        return "log-probabilities"
    return "scores"


def _grade(asked: Asked, task: Task, shape: torch.Size) -> Callable[[Tensor | None], Graded]:
    chance = torch.Generator().manual_seed(SEED + 1)
    if task.classes is None:
        goals = LOW + (HIGH - LOW) * torch.rand(shape, generator=chance)
    elif task.form == "one score":
        goals = torch.randint(2, (asked.examples,), generator=chance)
    else:
        without = [size for axis, size in enumerate(shape) if axis != task.axis % len(shape)]
        goals = torch.randint(task.classes, without, generator=chance)

    def grade(rows: Tensor | None) -> Graded:
        some = asked if rows is None else asked.rows(rows)
        answer = some.forward()
        goal = goals.to(answer.device)
        if rows is not None:
            goal = goal.index_select(min(asked.axis, goal.ndim - 1), rows.to(answer.device))
        if task.classes is None:
            return Graded(functional.mse_loss(answer, goal.to(answer)))
        scores = _scores(answer, task)
        flat = scores.flatten(0, -2)
        return Graded(functional.cross_entropy(flat, goal.flatten()), flat, goal.flatten())

    return grade


def _scores(answer: Tensor, task: Task) -> Tensor:
    """The scores with the classes last; a softmax of them gives what the network answers."""
    if task.form == "one score":
        flat = answer.flatten()
        return torch.stack([torch.zeros_like(flat), flat], -1)
    moved = answer.movedim(task.axis, -1)
    return moved.clamp_min(1e-12).log() if task.form == "probabilities" else moved
