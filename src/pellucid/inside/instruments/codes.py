"""An autoencoder's code: the code of a picture, walks through it, and what each number does."""

from __future__ import annotations

import torch
from torch import Tensor

from pellucid.base.records import Record
from pellucid.inside.listen import leaves, listening, replacing, title
from pellucid.inside.subject import Reading, Subject

DIMENSIONS = 8
STEPS = (-2.0, -1.0, 0.0, 1.0, 2.0)
"""Places on the way along one number of the code, in its own spreads."""
WALK = 8
BATCH = 256


def measure(subject: Subject) -> Reading:
    """`codes` (picture, number), `along` (number, step, c, h, w), `walk` (place, c, h, w)."""
    narrow = _narrowest(subject)
    if not narrow:
        reason = "The answer is no picture that passed through a layer smaller than itself."
        return Reading({"dimensions": [], **_told(0.0, [reason])})
    codes = _codes(subject, narrow, subject.many.inputs)
    mean, spread = codes.double().mean(dim=0), codes.double().std(dim=0, correction=0)
    order = spread.argsort(descending=True, stable=True)[:DIMENSIONS].tolist()
    own = _codes(subject, narrow, subject.shown)
    error = float((_decoded(subject, narrow, own) - subject.network(subject.shown)).abs().max())
    along = [_along(subject, narrow, own[0], place, float(spread[place])) for place in order]
    tensors = {"codes": own, "stored": subject.stored}
    if along:
        tensors["along"] = torch.stack(along)
    if len(own) > 1:
        shares = torch.linspace(0, 1, WALK).view(-1, 1)
        tensors["walk"] = _decoded(subject, narrow, own[0] + shares * (own[-1] - own[0]))
    dimensions = [
        {
            "number": place,
            "mean": float(mean[place]),
            "spread": float(spread[place]),
            "effect": float((made[-1] - made[0]).abs().mean()) / (STEPS[-1] - STEPS[0]),
        }
        for place, made in zip(order, along, strict=True)
    ]
    facts = {"layer": title(narrow), "size": own.shape[1], "dimensions": dimensions,
             "steps": list(STEPS)}  # fmt: skip
    return Reading({**facts, **_told(error, [])}, tensors)


def _narrowest(subject: Subject) -> str:
    """The module through whose few numbers everything passes; empty where there is none."""
    given = subject.shown[:1]
    sizes: list[tuple[int, str]] = []

    def note(name: str, _module: object, answer: Tensor) -> None:
        sizes.append((answer[0].numel(), name))

    with listening(subject.network, list(leaves(subject.network)), note):
        answer = subject.network(given)
    if not isinstance(answer, Tensor) or answer.shape != given.shape or not sizes:
        return ""
    size, name = min(sizes, key=lambda one: one[0])
    if size >= given[0].numel() or not name:
        return ""
    return name if _all_passes_through(subject, name) else ""


def _all_passes_through(subject: Subject, name: str) -> bool:
    """Whether two different pictures with the same code come out the same."""
    pair = torch.stack([subject.many.inputs[0], subject.many.inputs[-1]])
    with replacing(subject.network, name, lambda answer: answer[:1].expand_as(answer)):
        answers = subject.network(pair)
    return not torch.equal(pair[0], pair[1]) and torch.allclose(answers[0], answers[1], atol=1e-6)


def _codes(subject: Subject, name: str, inputs: Tensor) -> Tensor:
    """The codes (example, number)."""
    found: list[Tensor] = []

    def keep(_name: str, _module: object, answer: Tensor) -> None:
        found.append(answer.flatten(1).clone())

    for batch in torch.split(inputs, BATCH):
        with listening(subject.network, [name], keep):
            subject.network(batch)
    return torch.cat(found)


def _decoded(subject: Subject, name: str, codes: Tensor) -> Tensor:
    """What the network makes of codes (n, number)."""
    given = subject.shown[:1].expand(len(codes), *subject.shape)
    with replacing(subject.network, name, lambda answer: codes.view_as(answer)):
        made: Tensor = subject.network(given)
    return made


def _along(subject: Subject, name: str, code: Tensor, place: int, spread: float) -> Tensor:
    """The pictures (step, c, h, w) as one number of the first picture's code moves."""
    moved = code.repeat(len(STEPS), 1)
    moved[:, place] += spread * torch.tensor(STEPS)
    return _decoded(subject, name, moved)


def _told(error: float, skipped: list[str]) -> Record:
    return {
        "error": error,
        "limits": [
            f"The {DIMENSIONS} numbers of the code that vary most over the examples; each is moved "
            "while the others stay as they are in the first picture.",
            "The error is by how much the picture differs when its own code is put back in place.",
        ],
        "skipped": skipped,
    }
