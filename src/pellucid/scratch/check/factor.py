"""A constant ratio between two gradients, and what people forget that makes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

SIMPLE = (2, 3, 4)


class Count(NamedTuple):
    """A size that a mean may be over."""

    number: int
    what: str
    rows: int = 0
    """For the numbers of an array with several axes: how many rows they lie in."""


class Cause(NamedTuple):
    """One reason why a gradient has to be multiplied by `ratio`."""

    ratio: Fraction
    kind: str
    words: str


def name_ratio(
    ratio: float, counts: Sequence[Count], is_it: Callable[[float], bool]
) -> tuple[tuple[str, ...], str, float] | None:
    """Why a gradient has to be multiplied by `ratio`: kinds, words, and the exact ratio.

    `counts`: sizes that a mean may be over, the likeliest first. `is_it` tells whether an exact
    ratio agrees with everything measured. `None` if nobody would forget such a ratio.
    """
    sign = -1.0 if ratio < 0 else 1.0
    kinds: tuple[str, ...] = ("sign",) if ratio < 0 else ()
    words = ["the sign is wrong"] if ratio < 0 else []

    def agrees(size: float) -> bool:
        return abs(size / abs(ratio) - 1) < 1e-2 and is_it(sign * size)

    if agrees(1.0):
        return kinds, " and ".join(words), sign
    singles = list(_singles(counts))
    found = [cause for cause in singles if agrees(float(cause.ratio))]
    if found:
        kinds += tuple(dict.fromkeys(cause.kind for cause in found[:3]))
        words.append(", or ".join(dict.fromkeys(cause.words for cause in found[:3])))
        return kinds, " and ".join(words), sign * float(found[0].ratio)
    for first in singles:
        for second in singles:
            both = float(first.ratio * second.ratio)
            if first.kind == "factor" != second.kind and agrees(both):
                words += [first.words, second.words]
                return (*kinds, first.kind, second.kind), " and ".join(words), sign * both
    return None


def _singles(counts: Sequence[Count]) -> Iterator[Cause]:
    """The likeliest first."""
    for number in SIMPLE:
        yield Cause(Fraction(number), "factor", f"a factor {number} is missing")
        yield Cause(Fraction(1, number), "factor", f"there is a factor {number} too many")
    for number, what, rows in counts:
        if rows:
            for wrong, right in ((rows, number), (number, rows)):
                words = f"1/n has the wrong n: {wrong} in place of {right} ({what} lie in {rows} "
                yield Cause(Fraction(wrong, right), "wrong-count", words + "rows)")
    for number, what, _ in counts:
        words = f"n = {number} ({what})"
        yield Cause(Fraction(1, number), "count", f"1/n is missing, with {words}")
        yield Cause(Fraction(number), "count", f"a 1/n too many, with {words}")


def times(ratio: float, expression: str) -> str:
    """`expression` multiplied by the ratio, as one would write it."""
    if ratio == 1:
        return expression
    if ratio == -1:
        return f"-({expression})" if " " in expression else f"-{expression}"
    nice = Fraction(ratio).limit_denominator(10**7)
    top, bottom = nice.numerator, nice.denominator
    if abs(float(nice) / ratio - 1) > 1e-12:
        return f"{ratio:.6g} * {expression}"
    above = expression if top == 1 else f"{top} * {expression}"
    above = f"-({expression})" if top == -1 else above
    return above if bottom == 1 else f"{above} / {bottom}"
