"""How large the weights and the activations of every layer are, and how many are exactly zero.

Activations are those of a few hundred validation pictures.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from pellucid.base.records import Record
from pellucid.inside.listen import describe, leaves, listening, title
from pellucid.inside.subject import Reading, Subject

BINS = 48
PASSIVE = (nn.Flatten, nn.Unflatten, nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d)
RECTIFIERS = (nn.ReLU, nn.ReLU6, nn.Hardtanh)


def measure(subject: Subject) -> Reading:
    """Histograms with mean, spread and share of zeros: `weights` and `activations` in the facts."""
    activations: dict[str, Record] = {}
    names = [
        name for name, module in leaves(subject.network).items() if not isinstance(module, PASSIVE)
    ]

    def keep(name: str, module: nn.Module, answer: Tensor) -> None:
        activations[name] = {
            "name": title(name),
            "kind": describe(module),
            **statistics(answer),
            "silent": _silent(module, answer),
        }

    with listening(subject.network, names, keep):
        subject.network(subject.examples)
    weights = [
        {"name": name, "shape": list(weight.shape), **statistics(weight.detach())}
        for name, weight in subject.network.named_parameters()
        if weight.ndim > 1
    ]
    silent = [f"{title(name)} was never called." for name in names if name not in activations]
    return Reading(
        {
            "weights": weights,
            "activations": list(activations.values()),
            "examples": len(subject.examples),
            "error": 0.0,
            "limits": [
                f"Activations are those of {len(subject.examples)} validation examples.",
                "Biases and the scales of norms are left out; what a network computes without a "
                "module of its own (a plain function call) is not heard.",
            ],
            "skipped": silent,
        }
    )


def statistics(values: Tensor) -> Record:
    """Counts in `BINS` bins of equal width from `low` to `high`, and moments in float64.

    `counts` leaves exact zeros out, whose share is `zeros`: after a rectifier they would be all
    that is seen. Numbers that are not finite are counted apart and left out of the rest.
    """
    flat = values.reshape(-1).to(torch.float64).numpy()
    finite = flat[np.isfinite(flat)]
    record: Record = {"count": len(flat), "not_finite": len(flat) - len(finite)}
    if not len(finite):
        return {
            **record,
            "counts": [],
            "low": None,
            "high": None,
            "mean": None,
            "std": None,
            "zeros": None,
        }
    low, high = float(finite.min()), float(finite.max())
    if low == high:  # all the same: one bin around it
        low, high = low - 0.5, high + 0.5
    drawn = finite[finite != 0]
    counts, _ = np.histogram(drawn, bins=BINS, range=(low, high))
    return {
        **record,
        "counts": counts.tolist() if len(drawn) else [],
        "low": low,
        "high": high,
        "mean": math.fsum(finite) / len(finite),
        "std": float(finite.std()),
        "zeros": float((finite == 0).mean()),
    }


def _silent(module: nn.Module, answer: Tensor) -> Record | None:
    """After a rectifier: units that were zero everywhere, of how many; None elsewhere."""
    if not isinstance(module, RECTIFIERS) or answer.ndim < 2:
        return None
    axis = 1 if answer.ndim != 3 else 2  # (n, unit, …), or (n, place, unit)
    units = answer.movedim(axis, 0).reshape(answer.shape[axis], -1)
    return {"units": len(units), "silent": int((units == 0).all(dim=1).sum())}
