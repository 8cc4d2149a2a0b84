"""How well a linear reading of each layer alone tells the classes: accuracy by depth.

Source: Alain, Bengio 2016, Understanding intermediate layers using linear classifier probes.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.base.records import Record
from pellucid.base.seeds import named_seed
from pellucid.inside.listen import as_maps, listening
from pellucid.inside.points import points_of
from pellucid.inside.subject import Reading, Subject
from pellucid.train.metrics import wilson

FEATURES = 1024
"""Numbers of a layer that are read; larger maps are averaged over neighbouring cells first."""
LEAST = 40
"""Examples below which nothing is fitted."""
PENALTIES = (0.1, 1.0, 10.0, 100.0, 1000.0, 10_000.0)
BATCH = 256


def measure(subject: Subject) -> Reading:
    """`layers[]`: accuracy with its 95 % interval; the first entry reads the pixels themselves."""
    labels = subject.many.labels
    if reason := _why_not(subject, labels):
        return Reading({"layers": [], "own": None, **_told(0.0, [reason])})
    features, outputs = _features(subject)
    chance = torch.Generator().manual_seed(named_seed(subject.seed, "probes"))
    order = torch.randperm(len(labels), generator=chance)  # data sets may be sorted by class
    labels = labels[order]
    layers = [_probe(name, values[order], labels) for name, values in features.items()]
    own = None
    if outputs.ndim == 2 and outputs.shape[1] >= int(labels.max()) + 1:
        own = _judged(outputs[order].argmax(dim=1)[1::2], labels[1::2])
    error = max((layer["high"] - layer["low"]) / 2 for layer in layers)
    return Reading({"layers": layers, "own": own, **_told(error, [])})


def _why_not(subject: Subject, labels: Tensor) -> str:
    if not subject.is_pictures or not subject.classes or labels.ndim != 1:
        return "The examples are no pictures with class labels: there is nothing to read."
    if len(labels) < LEAST or len(torch.unique(labels)) < 2:
        return f"Fewer than {LEAST} examples of two classes: too few to fit a reading."
    return ""


def _features(subject: Subject) -> tuple[dict[str, Tensor], Tensor]:
    """The numbers that are read of pixels and layers, (example, feature), and the outputs."""
    points = points_of(subject.network, subject.shown[:1], subject.layers)
    titles = {point.read: point.title for point in points}
    parts: dict[str, list[Tensor]] = {"pixels": []}
    outputs: list[Tensor] = []

    def keep(name: str, _module: object, answer: Tensor) -> None:
        parts.setdefault(titles[name], []).append(compressed(as_maps(answer)))

    for batch in torch.split(subject.many.inputs, BATCH):
        parts["pixels"].append(compressed(batch))
        with listening(subject.network, list(titles), keep):
            answer = subject.network(batch)
        outputs.append(answer if isinstance(answer, Tensor) else torch.zeros(len(batch)))
    return {name: torch.cat(found) for name, found in parts.items()}, torch.cat(outputs)


def compressed(maps: Tensor) -> Tensor:
    """(example, unit, row, column) → (example, at most about `FEATURES`) by averaging cells."""
    units, rows, columns = maps.shape[1:]
    shrink = math.sqrt(min(1.0, FEATURES / (units * rows * columns)))
    if shrink < 1:
        size = (max(1, int(rows * shrink)), max(1, int(columns * shrink)))
        maps = functional.adaptive_avg_pool2d(maps, size)
    return maps.flatten(1)


def _probe(name: str, features: Tensor, labels: Tensor) -> Record:
    """Fitted on every other example, judged on the rest; they come in a random order."""
    fit, judge = features[::2].double(), features[1::2].double()
    mean, spread = fit.mean(dim=0), fit.std(dim=0).clamp(min=1e-8)
    fit, judge = (fit - mean) / spread, (judge - mean) / spread
    known = labels[::2]
    held = len(fit) // 5
    shares = [
        float((read(ridge(fit[held:], known[held:], penalty), fit[:held]) == known[:held])
              .double().mean())
        for penalty in PENALTIES
    ]  # fmt: skip
    penalty = PENALTIES[shares.index(max(shares))]
    answers = read(ridge(fit, known, penalty), judge)
    return {
        "name": name,
        "features": fit.shape[1],
        "penalty": penalty,
        **_judged(answers, labels[1::2]),
    }


def ridge(features: Tensor, labels: Tensor, penalty: float) -> tuple[Tensor, Tensor]:
    """Weights (feature, class) and biases (class,) that bring features nearest to ±1 targets."""
    targets = 2 * functional.one_hot(labels, int(labels.max()) + 1).double() - 1
    centre, middle = features.mean(dim=0), targets.mean(dim=0)
    inner = features - centre
    square = inner.T @ inner + penalty * torch.eye(inner.shape[1], dtype=torch.float64)
    weights = torch.linalg.solve(square, inner.T @ (targets - middle))
    return weights, middle - centre @ weights


def read(reading: tuple[Tensor, Tensor], features: Tensor) -> Tensor:
    """The class with the largest score, (example,)."""
    weights, biases = reading
    return (features @ weights + biases).argmax(dim=1)


def _judged(answers: Tensor, labels: Tensor) -> Record:
    right, total = int((answers == labels).sum()), len(labels)
    low, high = wilson(right, total)
    return {"accuracy": right / total, "low": low, "high": high, "examples": total}


def _told(error: float, skipped: list[str]) -> Record:
    return {
        "error": error,
        "limits": [
            "A random half of the examples fits the reading (ridge regression, its penalty chosen "
            "on a fifth of them), the other half judges it; the error is half of the interval.",
            f"Maps with more than {FEATURES} numbers are averaged over neighbouring cells first, "
            "so what only fine detail tells is lost to this reading.",
            "That a reading can tell the classes does not mean that the network uses it.",
        ],
        "skipped": skipped,
    }
