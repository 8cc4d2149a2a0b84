"""Check a backward pass that was written by hand: nudge the inputs and compare."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.base.errors import BadData, WrongUse
from pellucid.base.seeds import named_seed
from pellucid.scratch.arrays import Array
from pellucid.scratch.check.compare import Measured
from pellucid.scratch.check.mistakes import Evidence, recognise
from pellucid.scratch.check.operands import Named, fitting_products
from pellucid.scratch.check.subject import Function, Subject
from pellucid.scratch.check.trouble import Raised
from pellucid.scratch.check.verdict import Mistake, OfInput, State, Verdict

__all__ = ["Verdict", "check"]


def check(
    forward: Function, backward: Function, *inputs: Any, of: Sequence[str] = (), seed: int = 0
) -> Verdict:
    """Compare `backward` with what nudging the inputs does to `forward`.

    `forward(*inputs)` gives a number or an array, or a pair of that and what `backward` needs.
    `backward(gradient, *inputs)` gives one gradient for each input, `None` where there is none;
    without `gradient` where the result is a single number. `of` names the inputs that it gives
    gradients for, if not for all. The same `seed` nudges in the same directions.

    Raises `WrongUse` or `BadData` where the two cannot be called so, or do not give numbers.
    """
    subject = Subject(forward, backward, inputs, of)
    chance = np.random.default_rng(named_seed(seed, "check"))
    pull = np.ones(subject.result.shape)
    if subject.takes_gradient:
        pull = np.asarray(chance.standard_normal(subject.result.shape))
    subject, found = _gradients(subject, pull)
    places = [
        place
        for place, gradient in enumerate(found)
        if gradient is not None and subject.inputs[place].is_real
    ]
    if not places:
        raise WrongUse(
            "backward",
            "no gradient of an input that holds real numbers",
            "at least one",
            "return the gradients; give inputs as real numbers, as in 1.0 for 1",
        )
    told = [_of_input(subject, place, found, pull, chance) for place in places]
    _check_something_is_judged(told)
    names = [entry.name for entry in subject.inputs]
    left_out = [name for place, name in enumerate(names) if place not in places]
    return Verdict(tuple(told), tuple(left_out), seed, tuple(subject.remarks))


def _gradients(subject: Subject, pull: Array) -> tuple[Subject, list[Array | None]]:
    """What `backward` gives, and the subject with whole numbers as real ones where they can be."""
    try:
        found = subject.gradients(pull)
    except Raised as error:
        raise _with_shapes(error, subject) from error
    whole = [
        place
        for place, (entry, gradient) in enumerate(zip(subject.inputs, found, strict=True))
        if gradient is not None and not entry.is_real and entry.numbers is not None
    ]
    if not whole:
        return subject, found
    try:
        real = subject.with_real(whole)
        return real, real.gradients(pull)
    except Raised:  # labels and places work as whole numbers only
        return subject, found


def _with_shapes(error: Raised, subject: Subject) -> Raised:
    """The error with the products that would fit, where a matrix product did not."""
    names = subject.of or [entry.name for entry in subject.inputs if entry.is_real]
    around = _around(subject)
    hints = [
        f"{entry.name} {entry.shape} is the shape of {product}"
        for entry in subject.inputs
        if entry.name in names
        for product in fitting_products(entry.shape, [n for n in around if n.name != entry.name])[
            :1
        ]
    ]
    if not hints or "ValueError" not in error.found:
        return error
    return Raised(error.where, error.found, error.expected, f"{error.fix} — {'; '.join(hints)}")


def _of_input(
    subject: Subject,
    place: int,
    found: Sequence[Array | None],
    pull: Array,
    chance: np.random.Generator,
) -> OfInput:
    """Compare one input's gradient, and say what is wrong with it."""
    entry, gradient = subject.inputs[place], found[place]
    assert gradient is not None
    measured = Measured(subject, place, pull, _unit(subject, place, gradient))
    measured.measure(chance)
    g = gradient.astype(np.float64)
    is_shaped = g.shape == entry.shape
    if is_shaped:
        measured.hunt(g)
    elements = tuple(measured.elements(g)) if is_shaped else ()
    states: set[State] = {element.state for element in elements}
    state: State = "wrong" if "wrong" in states or not is_shaped else "open"
    state = "right" if state == "open" and "right" in states else state
    mistake = None
    if state == "wrong":
        mistake = _mistake(subject, place, found, measured)
    return OfInput(
        name=entry.name,
        shape=entry.shape,
        state=state,
        found_shape=g.shape,
        elements=elements,
        size=measured.base.size,
        directions=len(measured.along),
        mistake=mistake,
    )


def _mistake(
    subject: Subject, place: int, found: Sequence[Array | None], measured: Measured
) -> Mistake | None:
    own, gradient = subject.inputs[place], found[place]
    assert gradient is not None

    def again(pull: Array) -> Array | None:
        other = subject.gradients(pull)[place]
        return None if other is None else other.astype(np.float64)

    others = {
        entry.name: other.astype(np.float64)
        for entry, other in zip(subject.inputs, found, strict=True)
        if other is not None and entry is not own
    }
    around = _around(subject)
    evidence = Evidence(
        measured,
        gradient.astype(np.float64),
        others,
        around,
        again if subject.takes_gradient else None,
    )
    recognised = recognise(evidence)
    if recognised or gradient.shape == own.shape:
        return recognised
    products = fitting_products(own.shape, [entry for entry in around if entry.name != own.name])
    words = f"a gradient has the shape of what it is the gradient of: {own.shape}"
    return Mistake(("shape",), words, products[0] if products else "")


def _around(subject: Subject) -> list[Named]:
    """Arrays that the functions use: their inputs, and what they take from outside by name."""
    found = {entry.name: entry.numbers for entry in subject.inputs if entry.numbers is not None}
    for function in (subject.forward, subject.backward):
        try:
            outside = inspect.getclosurevars(function)
        except TypeError:  # built in, or an object that can be called
            continue
        for name, value in {**outside.globals, **outside.nonlocals}.items():
            if isinstance(value, np.ndarray) and value.dtype.kind in "iuf":
                found.setdefault(name, value)
    return [Named(name, array) for name, array in found.items()]


def _unit(subject: Subject, place: int, gradient: Array) -> float:
    """By which share a right gradient may be off: single precision has 7 digits, sums fewer."""
    given = getattr(subject.inputs[place].given, "dtype", None)
    kinds = {str(kind).rpartition(".")[2] for kind in (given, gradient.dtype, subject.result.dtype)}
    return 1e-4 if kinds & {"float32", "float16", "bfloat16"} else 1e-6


def _check_something_is_judged(told: Sequence[OfInput]) -> None:
    if all(entry.state == "open" for entry in told):
        raise BadData(
            f"inputs {', '.join(entry.name for entry in told)}",
            "a corner or a jump of forward at every number, so that it has no slope there",
            "inputs at which forward is smooth, away from 0 for ReLU and without equal numbers",
            "draw the inputs at random, as in np.random.default_rng(0).normal(size=(4, 3))",
        )
