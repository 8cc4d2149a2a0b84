"""How strongly units answer to many pictures, and which units tell classes apart."""

from __future__ import annotations

import torch
from torch import Tensor

from pellucid.base.records import Record
from pellucid.inside.listen import as_maps, listening
from pellucid.inside.subject import Subject

BATCH = 256


def strongest_answers(
    subject: Subject, modules: list[str], most: int
) -> dict[str, tuple[Tensor, Tensor]]:
    """Of each module the largest answer of its first `most` units to each example, and its cell.

    Both (example, unit); cells are counted row by row.
    """
    names = sorted(set(modules))
    values: dict[str, list[Tensor]] = {name: [] for name in names}
    cells: dict[str, list[Tensor]] = {name: [] for name in names}

    def keep(name: str, _module: object, answer: Tensor) -> None:
        best = as_maps(answer)[:, :most].flatten(2).max(dim=2)
        values[name].append(best.values.float())
        cells[name].append(best.indices)

    for batch in torch.split(subject.many.inputs, BATCH):
        with listening(subject.network, names, keep):
            subject.network(batch)
    return {name: (torch.cat(values[name]), torch.cat(cells[name])) for name in names}


def class_answers(values: Tensor, labels: Tensor, subject: Subject) -> Record:
    """The classes that a unit with these answers (example,) answers to, and how selectively.

    Selectivity is (largest − mean of the others) / (|largest| + |mean of the others|) of the class
    means: 0 answers to all alike, 1 to one alone (Morcos et al. 2018, equation 2).
    """
    if labels.ndim != 1 or not subject.classes:
        return {"answers": [], "selectivity": None}
    present = [label for label in range(len(subject.classes)) if bool((labels == label).any())]
    means = torch.stack([values[labels == label].double().mean() for label in present])
    order = means.argsort(descending=True, stable=True)[:3].tolist()
    answers = [
        {"class": subject.classes[present[place]], "mean": float(means[place])} for place in order
    ]
    if len(present) < 2:
        return {"answers": answers, "selectivity": None}
    best = means.max()
    others = (means.sum() - best) / (len(present) - 1)
    size = best.abs() + others.abs()
    return {"answers": answers, "selectivity": float((best - others) / size) if size else 0.0}
