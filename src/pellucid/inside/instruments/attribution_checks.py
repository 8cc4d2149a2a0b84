"""Whether the maps of "why" can be trusted: what they do when the network is destroyed, and more.

Each method is held against chance and against the picture's own edges.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from pellucid.base.records import Record
from pellucid.inside.attribution import (
    DoesNotApply,
    Question,
    attribute,
    is_baseline,
    within_reach,
)
from pellucid.inside.curves import insertion_and_deletion
from pellucid.inside.planted import TRIALS, masses
from pellucid.inside.randomised import cascade, likeness, stages
from pellucid.inside.subject import Reading, Subject
from pellucid.inside.why import questions, why_not

PICTURES = 16
"""Pictures for the curves; the spread over them is stated."""
DESTROYED = 3
"""Pictures whose maps are compared while the network is destroyed."""
ALIKE = 0.5
"""A rank correlation from which a map is told to look the same as before."""
SIGMAS = 2.0
"""Standard errors by which a method must do better than a baseline."""


def measure(subject: Subject) -> Reading:
    """`<method>.deletion`, `.insertion` (place,) and `.destroyed` (stage,); verdicts in facts."""
    if reason := why_not(subject):
        return Reading({"methods": [], **_told(0.0, [reason])})
    pictures = _spread_out(subject.many.inputs, PICTURES)
    asked = questions(subject, pictures)
    tensors: dict[str, Tensor] = {}
    measured: dict[str, Record] = {}
    skipped: list[str] = []
    planted = masses()
    gains: dict[str, Tensor] = {}
    for name in within_reach():
        try:
            curves = [insertion_and_deletion(one, attribute(name, one).values) for one in asked]
            destroyed = _destroyed(subject, name, asked[:DESTROYED])
        except (DoesNotApply, RuntimeError) as reason:
            skipped.append(f"{name}: {str(reason).splitlines()[0].rstrip('.')}.")
            continue
        inserted, deleted = (torch.stack([pair[way] for pair in curves]) for way in (0, 1))
        gains[name] = (inserted - deleted).mean(dim=1)
        tensors[f"{name}.insertion"] = inserted.mean(dim=0)
        tensors[f"{name}.deletion"] = deleted.mean(dim=0)
        tensors[f"{name}.destroyed"] = destroyed
        measured[name] = {
            **_facts(name, gains[name], inserted, deleted, destroyed, planted.get(name)),
            "relabelled": _relabelled(subject, name, asked[:DESTROYED]),
        }
    for name, facts in measured.items():
        facts["verdict"] = _verdict(name, facts, gains)
    error = max((facts["gain_error"] for facts in measured.values()), default=0.0)
    named = stages(subject)
    facts = {
        "methods": list(measured.values()),
        "stages": named,
        "pictures": len(pictures),
        "planted": {"pictures": TRIALS},
        **_told(error, skipped),
    }
    return Reading(facts, tensors)


def _spread_out(inputs: Tensor, count: int) -> Tensor:
    """Examples at even distances."""
    places = torch.linspace(0, len(inputs) - 1, min(count, len(inputs))).round().long()
    return inputs[torch.unique(places)]


def _destroyed(subject: Subject, name: str, asked: list[Question]) -> Tensor:
    """The likeness (stage,) of the maps to the original ones, while layers turn random."""
    rows = []
    for question in asked:
        before = attribute(name, question).values
        rows.append([likeness(question, before, after) for after in _maps(subject, name, question)])
    return torch.tensor(rows).nanmean(dim=0)


def _relabelled(subject: Subject, name: str, asked: list[Question]) -> float | None:
    """The likeness of the maps to those of the network that learned shuffled labels."""
    if subject.relabelled is None:
        return None
    found = [
        likeness(
            question,
            attribute(name, question).values,
            attribute(name, replace(question, weights=subject.relabelled)).values,
        )
        for question in asked
    ]
    return sum(found) / len(found)


def _maps(subject: Subject, name: str, question: Question) -> Iterator[Tensor]:
    for changed in cascade(subject, question):
        yield attribute(name, changed).values


def _facts(
    name: str,
    gain: Tensor,
    inserted: Tensor,
    deleted: Tensor,
    destroyed: Tensor,
    planted: Record | None,
) -> Record:
    deviation = float(gain.std()) if len(gain) > 1 else 0.0
    return {
        "name": name,
        "baseline": is_baseline(name),
        "insertion": float(inserted.mean()),
        "deletion": float(deleted.mean()),
        "gain": float(gain.mean()),
        "gain_error": deviation / len(gain) ** 0.5,
        "likeness": float(destroyed[-1]) if len(destroyed) else None,
        "planted": planted,
    }


def _verdict(name: str, facts: Record, gains: dict[str, Tensor]) -> Record:
    """`fails`: sentences that say where the method fails; empty where it passes."""
    if facts["baseline"]:
        return {"fails": []}
    fails = []
    alike = facts["likeness"]
    if alike is not None and alike > ALIKE:
        fails.append(
            f"The map stays the same when all weights are shuffled (rank correlation {alike:.2f})."
        )
    nonsense = facts["relabelled"]
    if nonsense is not None and nonsense > ALIKE:
        fails.append(
            "The map stays the same when the network learns shuffled labels (rank correlation "
            f"{nonsense:.2f})."
        )
    for other in ("random-order", "edges"):
        if other not in gains:
            continue
        ahead = gains[name] - gains[other]
        error = float(ahead.std()) / len(ahead) ** 0.5 if len(ahead) > 1 else 0.0
        if float(ahead.mean()) <= SIGMAS * error:
            words = {"random-order": "chance", "edges": "the picture's edges"}[other]
            fails.append(
                f"Its order of the pixels is not better than that of {words} "
                f"({float(ahead.mean()):+.3f} ± {error:.3f})."
            )
    return {"fails": fails}


def _told(error: float, skipped: list[str]) -> Record:
    return {
        "error": error,
        "limits": [
            f"The curves are means over at most {PICTURES} pictures, the likeness over "
            f"{DESTROYED}; the error is the standard error of the area between the two curves.",
            "Pictures with pixels removed are none that the network has learned from, so a curve "
            "judges a method and the network's surprise together.",
            "The planted tag is put to a small network of its own, so its numbers say what a "
            "method can do, not what it did here.",
        ],
        "skipped": skipped,
    }
