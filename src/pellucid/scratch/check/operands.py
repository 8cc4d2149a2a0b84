"""A matrix product in a gradient with its operands transposed or in the wrong order.

For out = x @ weights the gradient of weights is x.T @ d, where d is the gradient of out. Someone
who writes d @ x.T has lost no number of d: it can be solved for, and the right product made of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from pellucid.scratch.arrays import Array, Index

LARGEST = 200_000
"""Numbers in a matrix beyond which solving would take too long."""


class Named(NamedTuple):
    """An array that the user's functions use, with its name there."""

    name: str
    array: Array


class Product(NamedTuple):
    """A product of a known matrix, or its transpose, with an unknown one, or its transpose."""

    known_first: bool
    known_turned: bool
    unknown_turned: bool

    def written(self, known: str) -> str:
        """E.g. `x.T @ d`."""
        one = known + ".T" * self.known_turned
        two = "d" + ".T" * self.unknown_turned
        return f"{one} @ {two}" if self.known_first else f"{two} @ {one}"

    def of(self, known: Array, unknown: Array) -> Array | None:
        """The product, or `None` if the shapes do not meet."""
        one = known.T if self.known_turned else known
        two = unknown.T if self.unknown_turned else unknown
        left, right = (one, two) if self.known_first else (two, one)
        return np.asarray(left @ right) if left.shape[1] == right.shape[0] else None

    def unknown(self, known: Array, product: Array) -> Array | None:
        """What the known matrix was multiplied with; `None` if nothing gives this product."""
        left = known.T if self.known_turned else known
        right = product
        if not self.known_first:
            left, right = left.T, product.T
        if left.shape[0] != right.shape[0]:
            return None
        solved, *_ = np.linalg.lstsq(left, right, rcond=None)
        if not np.allclose(left @ solved, right, rtol=1e-5, atol=1e-6 * np.abs(right).max()):
            return None
        return np.asarray(solved if self.known_first != self.unknown_turned else solved.T)


RIGHT = (Product(True, True, False), Product(False, True, False))
"""`x.T @ d`, the gradient of what stands behind x; `d @ x.T`, of what stands in front of it."""

EVERY = tuple(
    Product(first, known, unknown)
    for unknown in (False, True)
    for first in (True, False)
    for known in (True, False)
)


def operand_mistakes(
    g: Array, shape: Index, expected: Array | None, around: Sequence[Named]
) -> Iterator[tuple[str, str, str, Array]]:
    """Gradients of `shape` whose product was written otherwise in `g`: kind, words, mend, array.

    `expected`: the right gradient, if all of it was measured.
    """
    if g.ndim > 2 or not 1 <= len(shape) <= 2 or g.size > LARGEST:
        return
    product = _as_columns(g)
    aim = None if expected is None else _as_columns(expected)
    matrices = [entry for entry in around if entry.array.ndim == 2 and entry.array.size <= LARGEST]
    pairs = [(right, wrong) for right in RIGHT for wrong in EVERY if wrong != right]
    for name, array in matrices:
        for right, wrong in pairs:
            made = _mended(right, wrong, array.astype(np.float64), product, aim)
            if made is not None and made.size == int(np.prod(shape)):
                written = _as_typed(wrong.written(name), g.ndim)
                meant = _as_typed(right.written(name), len(shape))
                words = f"it is {written} in place of {meant}"
                yield "operands", words, meant, made.reshape(shape)


def _mended(
    right: Product, wrong: Product, known: Array, product: Array, aim: Array | None
) -> Array | None:
    """The right product of the same factors as the wrong one, `product`.

    The unknown factor is solved for from `product`, or, where that leaves it open, from `aim`,
    which is the right product up to a ratio.
    """
    unknown = wrong.unknown(known, product)
    made = None if unknown is None else right.of(known, unknown)
    if aim is None:
        return made
    if made is not None and made.shape == aim.shape and _share(made, aim) is not None:
        return made
    unknown = right.unknown(known, aim)
    again = None if unknown is None else wrong.of(known, unknown)
    if again is None or again.shape != product.shape:
        return None
    share = _share(again, product)
    return None if share is None else share * aim


def _share(one: Array, other: Array) -> float | None:
    """The constant that makes `one` into `other`, or `None` if there is none."""
    below = float((one * one).sum())
    share = float((one * other).sum()) / below if below else 0.0
    near = np.allclose(share * one, other, rtol=1e-4, atol=1e-5 * float(np.abs(other).max()))
    return share if share and near else None


def _as_columns(array: Array) -> Array:
    return array.astype(np.float64).reshape(array.shape if array.ndim == 2 else (-1, 1))


def _as_typed(written: str, dimensions: int) -> str:
    """A row of numbers has no transpose, so nobody types one."""
    return written.replace("d.T", "d") if dimensions < 2 else written


def fitting_products(shape: Index, around: Sequence[Named]) -> list[str]:
    """Products of a matrix and something shaped like another that have the wanted shape."""
    found = []
    for name, array in around:
        for other, like in around:
            if array.ndim != 2 or other == name or like.ndim not in (1, 2):
                continue
            for left, right, words in (
                (array.T.shape, like.shape, f"{name}.T @ d"),
                (like.shape, array.T.shape, f"d @ {name}.T"),
            ):
                if left[-1] == right[0] and (*left[:-1], *right[1:]) == shape:
                    found.append(f"{words}, with d shaped like {other} {like.shape}")
    return found
