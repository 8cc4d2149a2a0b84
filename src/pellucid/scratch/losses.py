"""Losses: one number that says how wrong the answers are.

Learning is making it smaller. Each is made of the operations, so its gradient comes by itself;
each is a mean over all examples, so that a larger batch does not mean a larger step.
"""

from __future__ import annotations

import numpy as np

from pellucid.base.errors import WrongUse
from pellucid.scratch.arrays import Array, Index
from pellucid.scratch.ops.elementwise import Log, ReLU, Softplus
from pellucid.scratch.ops.movement import Gather
from pellucid.scratch.ops.softmax import LogSoftmax
from pellucid.scratch.tensor import Tensor, Value, apply

SMALLEST = float(np.exp(-100.0))
"""Probabilities below it count as it: −ln 0 would be infinite, and one such example all there is.
The same limit as in PyTorch, which cuts the logarithm at −100."""


def squared_error(prediction: Tensor, actual: Value) -> Tensor:
    """Twice as far off is four times as bad: the mean answer is the best one.

    Formula:  mean of (prediction − actual)²
    Shapes:   prediction and actual alike → ()
    Like:     torch.nn.functional.mse_loss
    """
    distance = _distance("squared_error", prediction, actual)
    return (distance * distance).mean()


def absolute_error(prediction: Tensor, actual: Value) -> Tensor:
    """Twice as far off is twice as bad: the middle answer is the best one, outliers count little.

    Formula:  mean of |prediction − actual|
    Shapes:   prediction and actual alike → ()
    Like:     torch.nn.functional.l1_loss
    """
    return _absolute(_distance("absolute_error", prediction, actual)).mean()


def huber(prediction: Tensor, actual: Value, delta: float = 1.0) -> Tensor:
    """Squared where the answer is near, absolute where it is far: smooth, and calm at outliers.

    Formula:  mean of ½ d² where d ≤ delta, else delta · (d − ½ delta), d = |prediction − actual|
    Shapes:   prediction and actual alike → ()
    Like:     torch.nn.functional.huber_loss
    Source:   Huber 1964, Robust estimation of a location parameter, section 1
    """
    distance = _absolute(_distance("huber", prediction, actual))
    near = distance - apply(ReLU(), distance - delta)  # the smaller of distance and delta
    return (near * (distance - near * 0.5)).mean()


def cross_entropy(scores: Tensor, labels: Value, smoothing: float = 0.0) -> Tensor:
    """How surprised the network is by the true class, with its scores taken as a softmax.

    Formula:  mean of −ln softmax(scores)[label]; with `smoothing` s, the label counts 1 − s and a
              share s is spread evenly over all classes
    Shapes:   scores (…, classes), labels (…) whole numbers in 0 … classes−1 → ()
    Like:     torch.nn.functional.cross_entropy, which wants the classes on the second axis
    Source:   smoothing: Szegedy et al. 2016, Rethinking the Inception architecture, section 7
    """
    logarithms = apply(LogSoftmax(), scores)
    loss = negative_log_likelihood(logarithms, labels)
    return loss if smoothing == 0 else loss * (1 - smoothing) - logarithms.mean() * smoothing


def negative_log_likelihood(logarithms: Tensor, labels: Value) -> Tensor:
    """The same for a network that already gives the logarithms of probabilities.

    Formula:  mean of −logarithms[label]
    Shapes:   logarithms (…, classes), labels (…) whole numbers in 0 … classes−1 → ()
    Like:     torch.nn.functional.nll_loss, which wants the classes on the second axis
    """
    places = labels.data if isinstance(labels, Tensor) else np.asarray(labels)
    _check_labels(places, logarithms.shape)
    return -apply(Gather(-1), logarithms, places[..., None]).mean()


def binary_cross_entropy(probabilities: Tensor, actual: Value) -> Tensor:
    """How surprised the network is, where each answer is the probability of a yes.

    Formula:  mean of −(actual · ln p + (1 − actual) · ln(1 − p)); no logarithm below −100
    Shapes:   probabilities in 0 … 1 and actual in 0 … 1 alike → ()
    Like:     torch.nn.functional.binary_cross_entropy; at p = 0 and 1 themselves our gradient is 0
    """
    yes = _same_shape("binary_cross_entropy", probabilities, actual)
    low, high = probabilities.data.min(initial=0), probabilities.data.max(initial=0)
    if low < 0 or high > 1:
        raise WrongUse(
            "binary_cross_entropy",
            f"answers from {low:.4g} to {high:.4g}",
            "probabilities, 0 to 1",
            "put them through a Sigmoid, or use binary_cross_entropy_from_logits",
        )
    told = yes * _logarithm(probabilities) + (1 - yes) * _logarithm(1 - probabilities)
    return -told.mean()


def binary_cross_entropy_from_logits(logits: Tensor, actual: Value) -> Tensor:
    """The same from scores that have no sigmoid yet: exact however sure the network is.

    Formula:  mean of −(actual · ln σ(x) + (1 − actual) · ln(1 − σ(x))) = ln(1 + eˣ) − actual · x
    Shapes:   logits and actual (0 … 1) alike → ()
    Like:     torch.nn.functional.binary_cross_entropy_with_logits
    """
    yes = _same_shape("binary_cross_entropy_from_logits", logits, actual)
    return (apply(Softplus(), logits) - yes * logits).mean()


def _distance(where: str, prediction: Tensor, actual: Value) -> Tensor:
    return prediction - _same_shape(where, prediction, actual)


def _absolute(x: Tensor) -> Tensor:
    return apply(ReLU(), x) + apply(ReLU(), -x)


def _logarithm(probabilities: Tensor) -> Tensor:
    """ln, of nothing smaller than `SMALLEST`."""
    return apply(Log(), apply(ReLU(), probabilities - SMALLEST) + SMALLEST)


def _same_shape(where: str, prediction: Tensor, actual: Value) -> Tensor:
    """`actual` as a tensor. (n, 1) against (n,) would broadcast to n · n differences, unnoticed."""
    target = actual if isinstance(actual, Tensor) else Tensor(actual)
    if target.shape != prediction.shape:
        raise WrongUse(
            where,
            f"answers {prediction.shape} and targets {target.shape}",
            "the same shape",
            "reshape one of them",
        )
    return target


def _check_labels(labels: Array, shape: Index) -> None:
    if not np.issubdtype(labels.dtype, np.integer) or labels.shape != shape[:-1]:
        raise WrongUse(
            "labels",
            f"{labels.dtype} {labels.shape} for scores {shape}",
            f"whole numbers {shape[:-1]}, one for each row of scores",
            "give the number of the true class; for a yes or no use binary_cross_entropy",
        )
    low, high = int(labels.min(initial=0)), int(labels.max(initial=0))
    if low < 0 or high >= shape[-1]:
        raise WrongUse(
            "labels",
            f"numbers from {low} to {high}",
            f"0 to {shape[-1] - 1}, as there are {shape[-1]} scores",
            "count the classes from 0, and give the last layer an output for each",
        )
