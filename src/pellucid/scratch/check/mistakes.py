"""The usual mistakes in a gradient, recognised by mending them and comparing again.

Each candidate mends the gradient in one way that people get wrong; a constant ratio may come on
top. A mistake is named only if the mended gradient agrees with everything that was measured.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from pellucid.scratch.arrays import Array, sum_to_shape
from pellucid.scratch.catalog import every_op
from pellucid.scratch.check.compare import Measured
from pellucid.scratch.check.factor import Count, name_ratio, times
from pellucid.scratch.check.operands import Named, operand_mistakes
from pellucid.scratch.check.verdict import Mistake
from pellucid.scratch.ops.elementwise import Curve


class Candidate(NamedTuple):
    """A gradient mended in one way."""

    kind: str
    """Empty for the gradient as it is."""
    words: str
    mend: str
    """What was done, with g for the gradient as it was."""
    gradient: Array


class Evidence(NamedTuple):
    """All that is known about one wrong gradient."""

    measured: Measured
    found: Array
    others: Mapping[str, Array]
    """The gradients that `backward` gave for other inputs."""
    around: Sequence[Named]
    """Inputs and what else the functions use, by name."""
    again: Callable[[Array], Array | None] | None
    """This input's gradient for another gradient of the result, where `backward` takes one."""


def recognise(evidence: Evidence) -> Mistake | None:
    """The simplest mistake that explains everything that was measured, or `None`."""
    shape = evidence.measured.base.shape
    plain: list[Mistake] = []
    for candidate in _candidates(evidence):
        if candidate.gradient.shape != shape or not np.isfinite(candidate.gradient).all():
            continue
        named = _with_ratio(candidate, evidence)
        if named is None:
            continue
        if named.kinds[-1] != "ratio":
            return named
        plain.append(named)
    return plain[0] if plain else _additive(evidence) or _empty(evidence)


def _with_ratio(candidate: Candidate, evidence: Evidence) -> Mistake | None:
    """The mistake if the candidate, times a constant, agrees with what was measured."""
    measured = evidence.measured
    ratio = _ratio(candidate.gradient, measured)
    if not np.isfinite(ratio) or ratio == 0 or not measured.fits(ratio * candidate.gradient):
        return None
    named = name_ratio(
        ratio, _counts(evidence), lambda exact: measured.fits(exact * candidate.gradient)
    )
    kinds = (candidate.kind,) if candidate.kind else ()
    if named is None:
        nonzero = sum(slope.value != 0 for slope in measured.slopes.values())
        if nonzero < 2 or candidate.kind:  # any two numbers have some ratio
            return None
        words = f"every number is {1 / ratio:.6g} times the right one"
        return Mistake((*kinds, "ratio"), words, times(ratio, candidate.mend))
    more, words, exact = named
    kinds = (*kinds, *more)
    words = " and ".join(filter(None, (candidate.words, words)))
    return Mistake(kinds, words, times(exact, candidate.mend)) if kinds else None


def _ratio(gradient: Array, measured: Measured) -> float:
    """The constant by which the gradient comes nearest to what was measured."""
    places = [
        place
        for place, slope in measured.slopes.items()
        if np.isfinite(slope.value) and not slope.has_corner
    ]
    found = gradient.ravel()[places]
    expected = np.array([measured.slopes[place].value for place in places])
    below = float((found * found).sum())
    return float((found * expected).sum()) / below if below else 0.0


def _candidates(evidence: Evidence) -> Iterator[Candidate]:
    """The gradient as it is, then mended in each way, the commonest first."""
    g = evidence.found
    yield Candidate("", "", "g", g)
    yield from _reshaped(g, evidence.measured.base.shape)
    yield from _of_another(evidence)
    yield from _without_slope(evidence)
    yield from _without_pull(evidence)
    own = evidence.measured.subject.inputs[evidence.measured.place].name
    others = [named for named in evidence.around if named.name != own]
    expected, shape = evidence.measured.whole, evidence.measured.base.shape
    for kind, words, mend, gradient in operand_mistakes(g, shape, expected, others):
        yield Candidate(kind, words, mend, gradient)


def _reshaped(g: Array, shape: tuple[int, ...]) -> Iterator[Candidate]:
    """The same numbers in another order or shape, or added up."""
    if g.shape != shape and g.size == int(np.prod(shape)):
        flat = [size for size in g.shape if size > 1] == [size for size in shape if size > 1]
        if flat:
            words = f"the shape is {g.shape} in place of {shape}"
            yield Candidate("shape", words, f"g.reshape{shape}", g.reshape(shape))
    if g.ndim >= 2:
        last = g.swapaxes(-1, -2)
        mend = "g.T" if g.ndim == 2 else "g.swapaxes(-1, -2)"
        yield Candidate("transpose", "it is transposed", mend, last)
        for axes, mend in (((-1,), "g[..., ::-1]"), ((-1, -2), "g[..., ::-1, ::-1]")):
            words = "it is turned round, as when a filter is flipped"
            yield Candidate("flip", words, mend, np.flip(g, axes))
    if g.ndim >= len(shape) and g.shape != shape:
        yield from _summed(g, shape)


def _summed(g: Array, shape: tuple[int, ...]) -> Iterator[Candidate]:
    try:
        fits = np.broadcast_shapes(g.shape, shape) == g.shape
    except ValueError:
        return
    if not fits:
        return
    added = g.ndim - len(shape)
    axes = tuple(
        axis
        for axis in range(g.ndim)
        if axis < added or (shape[axis - added] == 1 and g.shape[axis] > 1)
    )
    word = f"axis {axes[0]}" if len(axes) == 1 else f"axes {', '.join(map(str, axes))}"
    mend = f"g.sum(axis={axes[0] if len(axes) == 1 else axes}"
    mend += f").reshape{shape}" if 1 in shape else ")"
    words = f"{word}, along which broadcasting repeated the input, {_is_or_are(axes)} not summed"
    yield Candidate("not-summed", words, mend, sum_to_shape(g, shape))


def _is_or_are(axes: Sequence[int]) -> str:
    return "is" if len(axes) == 1 else "are"


def _of_another(evidence: Evidence) -> Iterator[Candidate]:
    """The gradient that was given for another input."""
    for name, gradient in evidence.others.items():
        words = f"it belongs to another input: what is given for {name} is its gradient"
        yield Candidate("swapped", words, f"what you return for {name}", gradient)
        if gradient.ndim == 2:
            words += ", transposed"
            mend = f"({name}'s gradient).T"
            yield Candidate("swapped", words, mend, gradient.T)


def _without_slope(evidence: Evidence) -> Iterator[Candidate]:
    """A curve's slope left out: of the input itself, or of the result."""
    measured = evidence.measured
    name = measured.subject.inputs[measured.place].name
    if evidence.found.shape == measured.base.shape:
        for curve, steepness in _slopes(measured.base).items():
            words = f"the slope of {curve} at {name} is left out"
            yield Candidate("slope", words, f"g * slope of {curve} at {name}",
                            evidence.found * steepness)  # fmt: skip
    if evidence.again is None or measured.subject.result.ndim == 0:
        return
    out = measured.subject.result.astype(np.float64)
    for curve, pull in _pulls_through(out, measured.pull).items():
        gradient = evidence.again(pull)
        if gradient is not None:
            words = f"the slope of {curve}, which comes last in forward, is left out"
            yield Candidate("slope", words, f"begin with gradient = {curve}'s backward", gradient)


def _slopes(x: Array) -> dict[str, Array]:
    """The slope of every curve that is defined at all the numbers of x."""
    found = {"the square": 2 * x}
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for kind in every_op():
            if issubclass(kind, Curve):
                curve = kind()
                curve(x)
                found[curve.name()] = np.asarray(curve.slope(x), np.float64)
    return {name: slope for name, slope in found.items() if np.isfinite(slope).all()}


def _pulls_through(out: Array, pull: Array) -> dict[str, Array]:
    """The gradient before the curve that made the result, worked out from the result."""
    found = {
        "ReLU": pull * (out > 0),
        "Sigmoid": pull * out * (1 - out),
        "Tanh": pull * (1 - out * out),
        "Exp": pull * out,
    }
    if out.ndim:
        found["Softmax"] = out * (pull - (pull * out).sum(axis=-1, keepdims=True))
    return found


def _without_pull(evidence: Evidence) -> Iterator[Candidate]:
    """The gradient of the result, which arrives, is not multiplied in."""
    again, pull = evidence.again, evidence.measured.pull
    if again is None:
        return
    doubled = again(2 * pull)
    if doubled is None or not np.array_equal(doubled, evidence.found):
        return
    words = "the gradient of the result, which backward is given, is not used"
    if pull.size == 1 or pull.shape == evidence.found.shape:
        pulled = evidence.found * (pull.reshape(()) if pull.size == 1 else pull)
        yield Candidate("unused", words, "gradient * g", pulled)


def _additive(evidence: Evidence) -> Mistake | None:
    """A term proportional to the input is missing, as a penalty on large weights gives."""
    measured, g = evidence.measured, evidence.found
    if g.shape != measured.base.shape:
        return None
    places = list(measured.slopes)
    missing = np.array([measured.slopes[place].value for place in places]) - g.ravel()[places]
    x = measured.base.ravel()[places]
    below = float((x * x).sum())
    share = float((missing * x).sum()) / below if below else 0.0
    if len(places) < 2 or not np.isfinite(share) or not measured.fits(g + share * measured.base):
        return None
    name = measured.subject.inputs[measured.place].name
    words = f"a term {share:.6g} · {name} is missing, as a penalty on large numbers gives"
    return Mistake(("penalty",), words, f"g + {share:.6g} * {name}")


def _empty(evidence: Evidence) -> Mistake | None:
    if np.any(evidence.found):
        return None
    return Mistake(("zero",), "every number of it is 0: nothing is passed on", "")


def _counts(evidence: Evidence) -> list[Count]:
    """Sizes that a mean may be over, with the words for what they count, the likeliest first."""
    own = evidence.measured.subject.inputs[evidence.measured.place].name
    around = [*evidence.around, Named("the result", evidence.measured.subject.result)]
    around.sort(key=lambda named: named.name == own)  # a mean is rarely over the weights' own
    words: dict[int, list[str]] = {}
    rows: dict[int, int] = {}
    for name, array in around:
        words.setdefault(array.size, []).append(f"the numbers of {name}")
        if array.ndim > 1 and 1 < len(array) < array.size:
            rows.setdefault(array.size, len(array))
    for name, array in around:
        for axis, size in enumerate(array.shape):
            kind = ("rows", "columns")[axis] if array.ndim == 2 else f"length of axis {axis}"
            words.setdefault(size, []).append(f"the {kind} of {name}")
    return [
        Count(size, " or ".join(what[:2]), rows.get(size, 0))
        for size, what in words.items()
        if size > 1
    ]
