"""Numbers to start from: they decide whether a training can begin at all.

Weights have PyTorch's shapes, (outputs, inputs, …filter…). An output sums `fan_in` products, so
its variance is fan_in times that of one product; on the way back an input sums `fan_out`. Keep
these sums near 1 and neither signals nor gradients vanish or explode from layer to layer.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from pellucid.scratch.arrays import Array, Index

Initialiser = Callable[[Index, np.random.Generator], Array]
PRECISION = np.float32
"""As in PyTorch: half the memory of float64 and about twice the speed, accurate enough to learn."""


def zeros(shape: Index) -> Array:
    """All 0.

    Reason: right for a bias, which has nothing to break even for. Wrong for weights: all units of
    a layer would compute the same, get the same gradient and stay the same for ever.
    """
    return np.zeros(shape, PRECISION)


def ones(shape: Index) -> Array:
    """All 1.

    Reason: the scale of a norm begins by changing nothing.
    """
    return np.ones(shape, PRECISION)


def normal(shape: Index, chance: np.random.Generator, deviation: float = 0.01) -> Array:
    """Drawn from a normal distribution with mean 0.

    Formula:   variance = deviation²
    Reason:    different numbers for every unit, so that they learn different things; small, so
               that curves begin where they are steep. The deviation is a guess that does not look
               at the layer's size: too small for a narrow layer, too large for a wide one.
    Source:    Krizhevsky et al. 2012, ImageNet classification with deep networks, section 5
    """
    return (deviation * chance.standard_normal(shape)).astype(PRECISION)


def xavier(shape: Index, chance: np.random.Generator) -> Array:
    """Drawn evenly between two limits that the layer's size sets; also called Glorot.

    Formula:   limit = √(6 / (fan_in + fan_out)), so variance = 2 / (fan_in + fan_out)
    Reason:    fan_in · variance = 1 keeps signals as large as they are, fan_out · variance = 1
               keeps gradients; the mean of the two fans is the compromise. Meant for curves that
               are straight around 0, such as tanh, and for layers without a curve.
    Source:    Glorot and Bengio 2010, Understanding the difficulty of training, eq. 16
    """
    fan_in, fan_out = fans(shape)
    limit = math.sqrt(6 / (fan_in + fan_out))
    return chance.uniform(-limit, limit, shape).astype(PRECISION)


def kaiming(shape: Index, chance: np.random.Generator) -> Array:
    """Drawn from a normal distribution with a deviation that the layer's size sets; also He.

    Formula:   variance = 2 / fan_in
    Reason:    ReLU makes half of the numbers 0 and so halves their mean square; the 2 makes up
               for it, and thirty layers in a row still pass a signal on.
    Source:    He et al. 2015, Delving deep into rectifiers, eq. 10
    """
    fan_in, _ = fans(shape)
    return normal(shape, chance, math.sqrt(2 / fan_in))


def orthogonal(shape: Index, chance: np.random.Generator) -> Array:
    """Rows at right angles to each other, each of length 1 (columns, if there are more rows).

    Formula:   Q of the QR decomposition of a normal matrix, its signs those of R's diagonal;
               variance = 1 / max(rows, columns)
    Reason:    such a matrix turns a vector and keeps its length: applied again at every step of a
               recurrent network, it neither blows up nor forgets.
    Source:    Saxe et al. 2014, Exact solutions to the nonlinear dynamics of learning, section 3
    """
    rows, columns = shape[0], math.prod(shape[1:])
    tall = chance.standard_normal((max(rows, columns), min(rows, columns)))
    turned, upper = np.linalg.qr(tall)
    turned = turned * np.sign(np.diag(upper))  # without this some turns are drawn more often
    return (turned if rows >= columns else turned.T).reshape(shape).astype(PRECISION)


def fans(shape: Index) -> tuple[int, int]:
    """How many products an output sums, and in how many an input takes part."""
    window = math.prod(shape[2:])
    return shape[1] * window, shape[0] * window
