"""A number written out as a sum of terms, able to be run again."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, overload

import numpy as np

from pellucid.scratch.arrays import Array, Index

LINES = 12  # of an explanation in words: as many as are read at a glance


class Place(NamedTuple):
    """One number of one input: what to ask next."""

    input: str
    """The input's name, as in the operation's formula."""
    at: Index

    def __str__(self) -> str:
        return f"{self.input}[{', '.join(map(str, self.at))}]" if self.at else self.input


class Term(NamedTuple):
    """One of the numbers that are summed."""

    label: str
    """In words and signs, e.g. `a[0, 2] · b[2, 1]`."""
    value: float
    source: tuple[Place, ...] = ()
    """The inputs' numbers that it is made of."""
    size: float | None = None
    """The magnitude that its own roundings act on, if that is more than |value|."""


class Terms(Sequence[Term]):
    """Many terms as one array of values; a term is put in words only when it is looked at.

    `describe(k)` gives the label and the source of the k-th. A weight's gradient can have a
    million terms, of which someone reads ten.
    """

    def __init__(
        self,
        values: Array,
        describe: Callable[[int], tuple[str, tuple[Place, ...]]],
        sizes: Array | None = None,
    ) -> None:
        self.values = np.asarray(values, np.float64).ravel()
        self.sizes = np.abs(self.values) if sizes is None else np.asarray(sizes).ravel()
        self._describe = describe

    def __len__(self) -> int:
        return len(self.values)

    @overload
    def __getitem__(self, place: int) -> Term: ...
    @overload
    def __getitem__(self, place: slice) -> list[Term]: ...
    def __getitem__(self, place: int | slice) -> Term | list[Term]:
        if isinstance(place, slice):
            return [self[one] for one in range(len(self))[place]]
        number = range(len(self))[place]  # counts from the end where negative, or IndexError
        label, source = self._describe(number)
        return Term(label, float(self.values[number]), source, float(self.sizes[number]))


@dataclass(frozen=True)
class Explanation:
    """The number `value`, which an operation computed, as the sum of `terms` and `rest`.

    The terms are worked out in float64 from the inputs' numbers, never from the result, so that
    `recompute()` is a second, independent way to the same number.
    """

    op: str
    index: Index
    value: float
    """What the operation computed."""
    terms: Sequence[Term]
    roundings: int
    """n of the bound: how many roundings may follow one another on the way to the value."""
    unit: float
    """u of the bound: the largest relative error of one rounding, e.g. 2⁻²⁴ for float32."""
    rest: float = 0.0
    """The sum of the terms that were cut off."""
    rest_count: int = 0
    rest_size: float = 0.0
    smallest: float = 0.0
    """The smallest number with full precision; what is below it, libraries may round to 0."""
    largest: float = math.inf
    """The largest number; what is above it becomes infinite."""

    def recompute(self) -> float:
        """The sum of the terms, added without any rounding but the last."""
        return _exact_sum([*_values(self.terms).tolist(), self.rest])

    @property
    def bound(self) -> float:
        """How far value and `recompute()` may lie apart by rounding alone: n·u·Σ|terms|.

        Source: Higham 2002, Accuracy and Stability of Numerical Algorithms, section 4.2.
        """
        return self.roundings * (self.unit * self._reach() + self.smallest)

    @property
    def difference(self) -> float:
        """The distance between value and `recompute()`; 0 where both are the same infinity.

        What is too large for the value's precision counts as infinite. A value that is infinite or
        not a number may come from terms that are too large before they cancel.
        """
        again = self.recompute()
        if abs(again) > self.largest and math.isinf(self.value):
            again = math.copysign(math.inf, again)
        same = again == self.value or (math.isnan(again) and math.isnan(self.value))
        overflows = not math.isfinite(self.value) and self._reach() > self.largest
        return 0.0 if same or overflows else abs(self.value - again)

    def _reach(self) -> float:
        """How large the sum may become on the way."""
        return float(_sizes(self.terms).sum()) + self.rest_size

    @property
    def agrees(self) -> bool:
        """Whether value and `recompute()` are equal within rounding."""
        difference = self.difference
        return difference == 0 or (math.isfinite(difference) and difference <= self.bound)

    def cut(self, count: int) -> Explanation:
        """The same with the `count` largest terms, largest first, and the others as one sum."""
        values, sizes = _values(self.terms), _sizes(self.terms)
        order = np.argsort(-np.abs(values), kind="stable")
        kept, dropped = order[:count], order[count:]
        return replace(
            self,
            terms=[self.terms[int(place)] for place in kept],
            rest=_exact_sum([*values[dropped].tolist(), self.rest]),
            rest_count=self.rest_count + len(dropped),
            rest_size=self.rest_size + float(sizes[dropped].sum()),
        )

    def __str__(self) -> str:
        """The terms in lines, at most `LINES` (then the largest), and whether the sum is right."""
        shown = self if len(self.terms) <= LINES else self.cut(LINES)
        lines = [(term.value, term.label) for term in shown.terms]
        if shown.rest_count:
            lines.append((shown.rest, f"{shown.rest_count} smaller terms together"))
        verdict = "equal within rounding" if self.agrees else "NOT equal"
        distances = f"difference {self.difference:.2g}, bound {self.bound:.2g}"
        lines.append((self.recompute(), f"the sum: {verdict} ({distances})"))
        at = f" at [{', '.join(map(str, self.index))}]" if self.index else ""
        return "\n".join(
            [
                f"{self.op}{at} = {self.value:.6g}",
                *(f"{value:12.6g}   {what}" for value, what in lines),
            ]
        )

    def as_record(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            "op": self.op,
            "index": list(self.index),
            "value": self.value,
            "recomputed": self.recompute(),
            "difference": self.difference,
            "bound": self.bound,
            "agrees": self.agrees,
            "terms": [
                {"label": term.label, "value": term.value, "from": [*map(str, term.source)]}
                for term in self.terms
            ],
            "rest": {"count": self.rest_count, "value": self.rest},
        }


def _values(terms: Sequence[Term]) -> Array:
    if isinstance(terms, Terms):
        return terms.values
    return np.array([term.value for term in terms], np.float64)


def _sizes(terms: Sequence[Term]) -> Array:
    if isinstance(terms, Terms):
        return terms.sizes
    return np.array([abs(term.value) if term.size is None else term.size for term in terms])


def _exact_sum(values: list[float]) -> float:
    if all(map(math.isfinite, values)):
        return math.fsum(values)
    return sum(values)  # infinities and "not a number" go through; fsum would raise
