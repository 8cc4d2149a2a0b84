"""Metrics with their uncertainty: plain arrays in, plain records out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Z = 1.959963984540054
"""The normal quantile of a two-sided 95 % interval."""

Floats = NDArray[np.floating[Any]]
Whole = NDArray[np.integer[Any]]


def wilson(right: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share, `right` of `total`.

    Source: Wilson 1927, Probable inference, the law of succession, and statistical inference.
    """
    if total == 0:
        return 0.0, 1.0
    share = right / total
    centre = share + Z * Z / (2 * total)
    spread = Z * math.sqrt(share * (1 - share) / total + Z * Z / (4 * total * total))
    scale = 1 + Z * Z / total
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def accuracy(answers: Whole, labels: Whole) -> dict[str, float | int]:
    """The share of right answers, with its Wilson interval."""
    right, total = int((answers == labels).sum()), len(labels)
    low, high = wilson(right, total)
    return {"accuracy": right / max(1, total), "low": low, "high": high, "examples": total}


def mean_with_interval(values: Floats, name: str) -> dict[str, float | int]:
    """The mean over examples with its 95 % interval (normal approximation)."""
    total = len(values)
    mean = float(values.mean(dtype=np.float64))
    error = Z * float(values.std(ddof=1)) / math.sqrt(total) if total > 1 else math.inf
    return {name: mean, "low": mean - error, "high": mean + error, "examples": total}


def decibels(squared_error: float) -> float:
    """Peak signal-to-noise ratio of a mean squared error, for pixels in 0…1."""
    return -10 * math.log10(max(squared_error, 1e-12))


def psnr(squared_errors: Floats) -> dict[str, float | int]:
    """PSNR in dB of the mean squared error over examples; the interval is the mean error's."""
    mean = mean_with_interval(squared_errors, "mse")
    floor = mean["mse"] / 1e6  # an interval that reaches zero error has no decibels
    return {
        "psnr_db": decibels(mean["mse"]),
        "low": decibels(mean["high"]) if math.isfinite(mean["high"]) else -math.inf,
        "high": decibels(max(mean["low"], floor)),
        "examples": mean["examples"],
    }


def confusion(answers: Whole, labels: Whole, classes: int) -> list[list[int]]:
    """How often class `row` was answered with class `column`."""
    flat = np.bincount(labels * classes + answers, minlength=classes * classes)
    table: list[list[int]] = flat.reshape(classes, classes).tolist()
    return table


def per_class(answers: Whole, labels: Whole, classes: int) -> list[dict[str, float | int]]:
    """Each class's share of right answers with its interval."""
    return [accuracy(answers[labels == label], labels[labels == label]) for label in range(classes)]


def calibration(probabilities: Floats, labels: Whole, bins: int = 10) -> dict[str, Any]:
    """How sure the network is against how often it is right, in bins of equal width.

    `error` is the expected calibration error: the mean distance, weighted by examples.
    Source: Guo et al. 2017, On Calibration of Modern Neural Networks.
    """
    sure = np.nan_to_num(probabilities.max(axis=1))
    right = probabilities.argmax(axis=1) == labels
    place = np.minimum((sure * bins).astype(np.int64), bins - 1)
    rows = []
    for number in range(bins):
        chosen = place == number
        total = int(chosen.sum())
        if total:
            low, high = wilson(int(right[chosen].sum()), total)
            rows.append(
                {
                    "from": number / bins,
                    "to": (number + 1) / bins,
                    "examples": total,
                    "confidence": float(sure[chosen].mean()),
                    "accuracy": float(right[chosen].mean()),
                    "low": low,
                    "high": high,
                }
            )
    total = len(labels)
    error = sum(row["examples"] * abs(row["confidence"] - row["accuracy"]) for row in rows) / total
    return {"bins": rows, "error": float(error)}


def most_confident_mistakes(probabilities: Floats, labels: Whole, count: int) -> list[int]:
    """Places of the wrong answers, the surest first."""
    answers = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(answers != labels)
    order = np.argsort(-probabilities[wrong, answers[wrong]], kind="stable")
    return [int(place) for place in wrong[order[:count]]]
