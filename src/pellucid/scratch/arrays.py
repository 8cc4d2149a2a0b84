"""What the operations say about arrays and their shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Index = tuple[int, ...]
Window = tuple[Any, ...]
"""What NumPy takes in brackets: places, ranges, `…` and new axes."""


def sum_to_shape(gradient: Array, shape: Index) -> Array:
    """The gradient of an array of `shape` that broadcasting stretched to the gradient's shape.

    A number that was used several times gets the sum of what its copies get.
    """
    if gradient.shape == shape:
        return gradient
    added = gradient.ndim - len(shape)
    stretched = [
        axis for axis in range(added, gradient.ndim) if shape[axis - added] != gradient.shape[axis]
    ]
    return np.asarray(gradient.sum(axis=(*range(added), *stretched))).reshape(shape)


def unbroadcast(index: Index, shape: Index) -> Index:
    """Where in an array of `shape` the number stands that broadcasting put to `index`."""
    own = index[len(index) - len(shape) :]
    return tuple(0 if size == 1 else place for place, size in zip(own, shape, strict=True))


def nth_place(number: int, sizes: Sequence[int]) -> Index:
    """Where the `number`-th number of an array of these sizes stands, counted row by row."""
    places = []
    for size in reversed(sizes):
        number, place = divmod(number, size)
        places.append(place)
    return tuple(reversed(places))


def window(*places: Any) -> Window:
    """`x[window(..., *ranges)]`: places and ranges of several axes put together."""
    return places


def positive_axes(axes: int | tuple[int, ...] | None, dimensions: int) -> tuple[int, ...]:
    """Axes counted from the front; `None` means all of them."""
    if axes is None:
        return tuple(range(dimensions))
    several = (axes,) if isinstance(axes, int) else axes
    return tuple(sorted(axis % dimensions for axis in several))


def moments(x: Array, axes: tuple[int, ...]) -> tuple[Array, Array]:
    """Mean and variance (divided by n, not n − 1) of `x` over `axes`, which stay with size 1."""
    mean = x.mean(axis=axes, keepdims=True)
    return mean, np.square(x - mean).mean(axis=axes, keepdims=True)
