"""The questions that a subject's pictures pose to every attribution."""

from __future__ import annotations

import torch
from torch import Tensor

from pellucid.base.records import Record
from pellucid.inside.attribution import Question
from pellucid.inside.points import CONVOLUTIONS, points_of
from pellucid.inside.subject import Subject

LEAST = 4
"""Rows and columns of the maps that Grad-CAM reads, at least."""


def why_not(subject: Subject) -> str:
    """The sentence that says why nothing can be asked; empty where it can."""
    if not subject.is_pictures or not subject.shown.is_floating_point():
        return "The examples are no pictures of numbers: no pixel can speak for an answer."
    outputs = subject.network(subject.shown[:1])
    if not isinstance(outputs, Tensor) or outputs.ndim != 2 or outputs.shape[1] < 2:
        shape = tuple(outputs.shape[1:]) if isinstance(outputs, Tensor) else "no tensor"
        return f"The answer has shape {shape}, not one score a class: there is none to ask about."
    if not subject.network(subject.shown[:1]).isfinite().all():
        return "The network's scores are not finite."
    return ""


def questions(subject: Subject, pictures: Tensor, targets: Tensor | None = None) -> list[Question]:
    """Why the class asked for, else the answered one (or `targets`), for each of (n, c, h, w)."""
    answers = subject.network(pictures).argmax(dim=1) if targets is None else targets
    black = subject.black if subject.black is not None else torch.zeros_like(pictures[0])
    point = map_point(subject)
    made = []
    for place in range(len(pictures)):
        target = subject.target if subject.target is not None else int(answers[place])
        against = subject.against if subject.against != target else None
        picture = pictures[place : place + 1]
        made.append(Question(subject.network, picture, black, target, against, point, subject.seed))
    return made


def map_point(subject: Subject) -> str | None:
    """The module that Grad-CAM reads: of the asked layers, else of all, the last large one."""
    modules = dict(subject.network.named_modules())
    large = [
        point
        for point in points_of(subject.network, subject.shown[:1], subject.layers)
        if min(point.rows, point.columns) >= LEAST
        and (subject.layers or isinstance(modules[point.name], CONVOLUTIONS))
    ]
    return large[-1].read if large else None


def class_name(subject: Subject, number: int | None) -> str | None:
    """A class's name, or its number where it has none."""
    if number is None:
        return None
    return subject.classes[number] if number < len(subject.classes) else str(number)


def posed_as(question: Question, subject: Subject) -> Record:
    """What was asked, with the score and the network's own answer."""
    outputs = subject.network(question.picture)[0]
    answer = int(outputs.argmax())
    return {
        "target": class_name(subject, question.target),
        "against": class_name(subject, question.against),
        "score": float(question.score(question.picture).detach()[0]),
        "answer": class_name(subject, answer),
        "probability": float(torch.softmax(outputs.double(), dim=0)[answer]),
    }
