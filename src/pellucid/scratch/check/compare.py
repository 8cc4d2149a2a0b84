"""A gradient against nudged differences: number by number, and for large inputs along directions.

A large input is nudged along random directions, each of which touches every number, and at a
sample of its numbers; a direction that disagrees is halved until the wrong numbers are found.
"""

from __future__ import annotations

import math

import numpy as np

from pellucid.scratch.arrays import Array, nth_place
from pellucid.scratch.check.slope import Curve, Prober, Slope
from pellucid.scratch.check.subject import Subject
from pellucid.scratch.check.trouble import Raised
from pellucid.scratch.check.verdict import Element, State

EVERY = 500
"""An input with at most so many numbers is compared number by number."""

SAMPLE = 48
"""Numbers of a larger one that are compared one by one."""

DIRECTIONS = 12
HUNTED = 3
"""Wrong numbers that are searched for by halving."""

MARGIN = 5
"""A difference counts beyond so many times the error of the expected number."""


class Measured:
    """What nudging one input gives, whatever `backward` says.

    `pull` is the gradient of the result; `unit` the share by which a right gradient may be off
    through its own rounding.
    """

    def __init__(self, subject: Subject, place: int, pull: Array, unit: float) -> None:
        numbers = subject.inputs[place].numbers
        assert numbers is not None
        self.subject, self.place, self.pull, self.unit = subject, place, pull, unit
        self.prober = Prober(subject.result, pull)
        self.base = numbers
        usual = float(np.sqrt(np.mean(np.square(numbers)))) or 1.0
        self.scales = 2.0 ** np.round(np.log2(np.maximum(np.abs(numbers), usual)))
        """How large a nudge matters; powers of two, so that adding a nudge does not round."""
        self.slopes: dict[int, Slope] = {}
        """By the number's place, counted row by row."""
        self.signs: list[Array] = []
        self.along: list[Slope] = []

    def measure(self, chance: np.random.Generator) -> None:
        """Every number, or a sample of them and random directions."""
        signs = [chance.choice([-1.0, 1.0], self.base.shape) for _ in range(3)]
        self.prober.measure_rounding([self._curve(one * self.scales) for one in signs])
        if self.base.size <= EVERY:
            places = np.arange(self.base.size)
        else:
            places = np.sort(chance.choice(self.base.size, SAMPLE, replace=False))
            for _ in range(DIRECTIONS):
                self.signs.append(chance.choice([-1.0, 1.0], self.base.shape))
                self.along.append(self._slope(self.signs[-1] * self.scales, 1.0))
        for place in places:
            self.at(int(place))

    def at(self, place: int) -> Slope:
        """The slope of one number, measured once."""
        if place not in self.slopes:
            direction = np.zeros(self.base.shape)
            direction.flat[place] = 1.0
            self.slopes[place] = self._slope(direction, float(self.scales.flat[place]))
        return self.slopes[place]

    def _slope(self, direction: Array, scale: float) -> Slope:
        return self.prober.slope(self._curve(direction), scale)

    def _curve(self, direction: Array) -> Curve:
        def curve(nudge: float) -> Array:
            try:
                return self.subject.run({self.place: self.base + nudge * direction})
            except Raised:  # outside of where forward is defined
                return np.full(self.subject.result.shape, np.nan)

        return curve

    @property
    def whole(self) -> Array | None:
        """The gradient, if every number of it was measured and has a slope."""
        slopes = [self.slopes.get(place) for place in range(min(self.base.size, EVERY + 1))]
        if any(found is None or not math.isfinite(found.value) for found in slopes):
            return None
        values = [found.value for found in slopes if found is not None]
        return np.reshape(values, self.base.shape)

    @property
    def typical(self) -> float:
        """The usual size of a number of the gradient."""
        values = [found.value for found in self.slopes.values() if math.isfinite(found.value)]
        return float(np.sqrt(np.mean(np.square(values)))) if values else 0.0

    @property
    def vanishing(self) -> float:
        """An error of a slope that is nothing beside what the result is made of."""
        return 1e-6 * float(np.abs(self.pull * self.subject.result).sum() / self.scales.max())

    def elements(self, found: Array) -> list[Element]:
        """Every measured number beside what `backward` gave."""
        typical = self.typical
        made = []
        for place, expected in sorted(self.slopes.items()):
            number = float(found.flat[place])
            state = self.judge(number, expected, typical)
            index = nth_place(place, self.base.shape)
            made.append(Element(index, number, expected.value, expected.error, state))
        return made

    def judge(self, found: float, expected: Slope, typical: float) -> State:
        """Whether `found` is the expected slope, within errors; `typical` sizes round as well."""
        size = max(abs(expected.value), abs(found) if math.isfinite(found) else 0.0)
        if not math.isfinite(expected.value):
            return "open"
        if expected.has_corner and expected.error > 1e-3 * max(size, 1e-3 * typical):
            return "open"
        margin = MARGIN * expected.error + self.unit * (size + typical)
        if not abs(found - expected.value) <= margin:  # also where found is not a number
            return "wrong"
        is_hidden = margin > max(size, 1e-3 * typical) / 2 and expected.error > self.vanishing
        return "open" if is_hidden else "right"

    def fits(self, found: Array) -> bool:
        """Whether some measured number speaks for `found`, and nothing against it."""
        states = {element.state for element in self.elements(found)}
        return "right" in states and "wrong" not in states and not any(self.disagreeing(found))

    def disagreeing(self, found: Array) -> list[bool]:
        """For each direction whether the gradient foretells another slope."""
        return [
            self._differs(found, signs * self.scales, expected)
            for signs, expected in zip(self.signs, self.along, strict=True)
        ]

    def _differs(self, found: Array, direction: Array, expected: Slope) -> bool:
        products = found * direction
        spread = float(np.sqrt(np.square(products).sum()))
        return self.judge(float(products.sum()), expected, spread) == "wrong"

    def hunt(self, found: Array) -> bool:
        """Halve the directions that disagree until single wrong numbers are measured.

        Returns whether one was found; corners on the way of a direction may be all there is.
        """
        caught = 0
        for signs, differs in zip(self.signs, self.disagreeing(found), strict=True):
            if differs and caught < HUNTED:
                caught += self._halve(found, signs * self.scales)
        return caught > 0

    def _halve(self, found: Array, direction: Array) -> bool:
        """Follow the half that disagrees, down to one number."""
        places = np.flatnonzero(direction)
        while len(places) > 1:
            middle = len(places) // 2
            for half in (places[:middle], places[middle:]):
                part = np.zeros(self.base.shape)
                part.flat[half] = direction.flat[half]
                if self._differs(found, part, self._slope(part, 1.0)):
                    places = half
                    break
            else:
                return False
        place = int(places[0])
        return self.judge(float(found.flat[place]), self.at(place), self.typical) == "wrong"
