"""Why this answer: which pixels speak for it, by every method, each with its error."""

from __future__ import annotations

import torch
from torch import Tensor

from pellucid.base.records import Record
from pellucid.inside.attribution import (
    Attribution,
    DoesNotApply,
    Question,
    attribute,
    is_baseline,
    out_of_reach,
    within_reach,
)
from pellucid.inside.checks import looks_like_probabilities
from pellucid.inside.subject import Reading, Subject
from pellucid.inside.why import posed_as, questions, why_not


def measure(subject: Subject) -> Reading:
    """`<method>` (picture, c, h, w) for each method; `template.weights` of the linear template."""
    if reason := why_not(subject):
        return Reading({"methods": [], "pictures": [], **_told(0.0, [reason])})
    asked = questions(subject, subject.shown)
    tensors: dict[str, Tensor] = {"stored": subject.stored}
    methods: list[Record] = []
    skipped: list[str] = []
    for name, line in within_reach().items():
        replies = _replies(name, asked)
        if isinstance(replies, str):
            skipped.append(replies)
            continue
        tensors[name] = torch.stack([reply.values for reply in replies]).float()
        for extra in replies[0].extras:
            tensors[f"{name}.{extra}"] = torch.stack([one.extras[extra] for one in replies])
        methods.append(
            {
                "name": name,
                "line": line,
                "baseline": is_baseline(name),
                "error": max(reply.error for reply in replies),
                "replies": [{"error": one.error, **one.facts} for one in replies],
            }
        )
    skipped += _not_installed()
    pictures = [
        {**entry, **posed_as(question, subject)}
        for entry, question in zip(subject.pictures, asked, strict=False)
    ]
    error = max((method["error"] for method in methods), default=0.0)
    facts = {"methods": methods, "pictures": pictures, **_told(error, skipped)}
    if looks_like_probabilities(subject.network(subject.examples)):
        facts["limits"].append(
            "The network answers with probabilities, not with scores before a softmax: of a sure "
            "answer they hardly change, so its maps are faint and full of rounding."
        )
    return Reading(facts, tensors)


def _not_installed() -> list[str]:
    """A sentence for each package that would bring further methods."""
    lacking = out_of_reach()
    return [
        f"{', '.join(name for name in lacking if lacking[name] == package)}: "
        f"pip install {package} to have them, too."
        for package in sorted(set(lacking.values()))
    ]


def _replies(name: str, asked: list[Question]) -> list[Attribution] | str:
    """One reply a picture, or the sentence that says why there is none."""
    replies = []
    for question in asked:
        try:
            replies.append(attribute(name, question))
        except DoesNotApply as reason:
            return f"{name}: {reason}"
        except RuntimeError as error:  # no way back, or a dtype that the module does not take
            said = str(error).splitlines()[0].rstrip(".")
            return f"{name}: PyTorch has no way back through this network ({said})."
    return replies


def _told(error: float, skipped: list[str]) -> Record:
    return {
        "error": error,
        "limits": [
            "An attribution explains this score of this network at this picture, not what the "
            "picture shows.",
            "Black is what stands for an absent pixel; another choice gives other maps.",
        ],
        "skipped": skipped,
    }
