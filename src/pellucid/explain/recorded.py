"""What was recorded, ready to be asked: every number by name, and where it comes from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pellucid.base.errors import WrongUse, unknown_name
from pellucid.explain.address import parse
from pellucid.explain.book import rule_for, short_name
from pellucid.explain.explained import Explained, NotCovered, Where
from pellucid.explain.foreach import PREFIX, arguments_of_one
from pellucid.explain.operand import Unreadable, as_array
from pellucid.explain.reading import Reading
from pellucid.scratch.arrays import Array, Index
from pellucid.scratch.explanation import Explanation, Place
from pellucid.watch.calls import Call
from pellucid.watch.kept import Kept
from pellucid.watch.recording import Made, Recording, place_in

MOVE = "Move"
"""The op of a number that was only moved."""
EMPTY = frozenset({"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided",
                   "empty_permuted"})  # fmt: skip
"""Calls that only take memory: what stands there is no number yet."""


@dataclass(frozen=True)
class Number:
    """One recorded number."""

    recorded: Recorded
    kept: Kept
    index: Index
    follow: bool = False
    """Whether copies and views are passed over, down to the call that computed the number."""

    @property
    def value(self) -> float:
        try:
            return float(as_array(self.kept.tensor())[self.index])
        except Unreadable as reason:
            raise WrongUse(self.name, f"a number that cannot be read, as {reason}", "a real number",
                           "ask for what was made of it") from reason  # fmt: skip

    @property
    def name(self) -> str:
        """How to ask for it."""
        return str(self.recorded.place(self.kept, self.index))

    def explain(self, top: int | None = None) -> Explained | NotCovered:
        """The number written out, with its `top` largest terms if so many are wanted.

        `NotCovered` with the call's name where no rule writes it out, and where it was not
        computed at all but came from outside: a weight, an input, a label.
        """
        found = self.recorded.explain(self.kept, self.index)
        if self.follow and isinstance(found, Explained) and found.op == MOVE:
            inner = self.recorded.ask(str(found.terms[0].source[0])).explain()
            if isinstance(inner, Explained):
                found = replace(inner, name=self.name)
        return found if top is None or isinstance(found, NotCovered) else found.top(top)

    def __repr__(self) -> str:
        return f"Number({self.name} = {self.value:.6g})"


class Recorded:
    """A recording and names for its numbers.

    A name is a module's path (its answer), a weight's, `input`, `loss`, `gradient of NAME`,
    `new WEIGHT` (after the step), `WEIGHT.exp_avg` and its like (the optimiser's memory after
    the step), or `#17`, a call by its number; `@1` asks for a module's second call, `:1` for the
    second tensor of an answer.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.named = dict(_named(recording))
        self._name_of: dict[int, str] = {}
        for name, kept in self.named.items():
            self._name_of.setdefault(kept.number, name)
        self._memo: dict[Any, Any] = {}

    @property
    def calls(self) -> list[Call]:
        return self.recording.calls

    def names(self) -> dict[str, Index]:
        """What can be asked: every name with its shape."""
        return {name: kept.shape for name, kept in self.named.items()}

    def at(self, name: str, index: int | Index = ()) -> Number:
        """The number at `index` of what `name` names.

        Raises `WrongUse` with the near misses, or with the places that there are.
        """
        kept = self._kept(name)
        places = index if isinstance(index, tuple) else (index,)
        fits = len(places) == len(kept.shape) and all(
            -size <= place < size for place, size in zip(places, kept.shape, strict=True)
        )
        if not fits:
            ranges = ", ".join(f"0 … {size - 1}" for size in kept.shape)
            raise WrongUse(
                name, f"the index {list(places)}",
                f"{len(kept.shape)} places in [{ranges}]" if kept.shape else "none: one number",
                f"write {name}[{', '.join('0' for _ in kept.shape)}] for the first one",
            )  # fmt: skip
        counted = zip(places, kept.shape, strict=True)
        return Number(self, kept, tuple(place % size for place, size in counted), follow=True)

    def at_all(self, name: str) -> Array:
        """All numbers of what `name` names, as an array.

        Raises `WrongUse` with the near misses if there is no such name.
        """
        return as_array(self._kept(name).tensor())

    def largest_output(self) -> Number:
        """The largest number of the network's answer to the first example."""
        output = self.at_all("network")
        first = output[:1] if output.ndim else output
        at = np.unravel_index(int(first.argmax()), first.shape) if output.ndim else ()
        return self.at("network", tuple(map(int, at)))

    def ask(self, address: str) -> Number:
        """The number that an address such as `conv2[0, 3, 10, 4]` names.

        The first index may be left out where there is one example only.
        """
        name, index = parse(address)
        known = self.named.get(name)
        if known is not None and len(index) == len(known.shape) - 1 and known.shape[0] == 1:
            index = (0, *index)
        return self.at(name, index)

    def gradient(self, name: str, index: int | Index = ()) -> Number:
        """By how much the loss changes when the number at `index` of `name` changes a little."""
        if self.recording.loss is None:
            raise WrongUse("gradient", "a recording without a backward pass", "one with a loss",
                           "record with loss=, a function of the network's answer")  # fmt: skip
        return self.at(f"gradient of {name}", index)

    def update(self, name: str, index: int | Index = ()) -> Number:
        """The weight after the optimiser's step."""
        if not self.recording.updated:
            raise WrongUse("update", "a recording without a step", "one with an optimiser",
                           "record with loss= and optimiser=")  # fmt: skip
        return self.at(f"new {name}", index)

    def sample(self, count: int, seed: int = 0) -> list[Number]:
        """`count` numbers drawn uniformly from every real number that was recorded.

        Drawn with replacement; memory that was only taken, not written, holds no numbers.
        """
        results = [
            kept
            for call in self.calls
            if short_name(call.name) not in EMPTY
            for _, kept in call.results()
            if kept.dtype.is_floating_point or kept.dtype.is_complex
        ]
        ends = np.cumsum([kept.numel() for kept in results])
        if not len(ends) or not ends[-1]:
            raise WrongUse("sample", "no recorded numbers", "a network that computes some",
                           "record a forward pass first")  # fmt: skip
        drawn = np.random.default_rng(seed).integers(int(ends[-1]), size=count)
        numbers = []
        for place in drawn:
            which = int(np.searchsorted(ends, place, side="right"))
            kept = results[which]
            inner = int(place) - (int(ends[which - 1]) if which else 0)
            at = np.unravel_index(inner, kept.shape) if kept.shape else ()
            numbers.append(Number(self, kept, tuple(map(int, at))))
        return numbers

    def explain(self, kept: Kept, index: Index) -> Explained | NotCovered:
        """Any kept number written out by the call that made it."""
        name = str(self.place(kept, index))
        made = self.recording.made(kept, index)
        if made is None:
            reason = "it came from outside and was not computed"
            return NotCovered("none", reason, name, None, _value(kept, index))
        call = made.call
        where = Where(call.name, call.number, call.phase, call.module, call.line)
        try:
            found = self._written_out(made)
        except Unreadable as reason:
            return NotCovered(call.name, str(reason), name, where, _value(kept, index))
        return Explained(**{**vars(found), "name": name, "where": where, "index": index})

    def _written_out(self, made: Made) -> Explanation:
        """By the rule for the call. Raises `Unreadable` with the reason if that cannot be done."""
        call, short = made.call, short_name(made.call.name)
        one = short.removeprefix(PREFIX)
        rule = rule_for(f"aten.{one}.of")
        if short in EMPTY:
            raise Unreadable("its memory was only taken, not yet written")
        if rule is None:
            raise Unreadable("there is no rule for this call")
        reading = Reading(call, made.output, made.index, self.place, self._memo)
        if one != short:
            reading.arguments = arguments_of_one(call, made.output, one)
        return rule(reading)

    def place(self, kept: Kept, index: Index) -> Place:
        """What a number is called: followed through views to where it was made or came in."""
        for _ in range(64):  # a chain of views is short; a circle cannot be, but would hang
            named = self._name_of.get(kept.number)
            if named is not None:
                return Place(named, index)
            outside = self.recording.name(kept, index)
            made = self.recording.made(kept, index)
            if made is None:
                if outside is not None:
                    return Place(*outside)
                return Place(f"a tensor {kept.shape} from outside", index)
            result = made.call.outputs[made.output]
            source = None if result is None else made.call.viewed(result)
            if result is None or source is None:
                break
            steps = zip(made.index, result.strides, strict=True)
            inner = place_in(source, result.offset + sum(at * step for at, step in steps))
            if inner is None:
                break
            kept, index = source, inner
        assert made is not None
        name = self._name_of.get(_number_of(made.call, made.output))
        if name is None:
            name = f"#{made.call.number}" + (f":{made.output}" if made.output else "")
        return Place(name, made.index)

    def _kept(self, name: str) -> Kept:
        if name in self.named:
            return self.named[name]
        if name.startswith("#"):
            number, _, output = name[1:].partition(":")
            if number.isdecimal() and int(number) < len(self.calls):
                outputs = dict(self.calls[int(number)].results())
                if (int(output) if output.isdecimal() else 0) in outputs:
                    return outputs[int(output) if output else 0]
        raise unknown_name("recorded name", name, self.named)


def _value(kept: Kept, index: Index) -> float:
    """The recorded number, where it is a real one."""
    try:
        return float(as_array(kept.tensor())[index])
    except Unreadable:
        return math.nan


def _number_of(call: Call, output: int) -> int:
    kept = call.outputs[output]
    assert kept is not None
    return kept.number


def _named(recording: Recording) -> Iterator[tuple[str, Kept]]:
    """Every name; where two names mean the same tensor the first is the one that is shown."""
    yield from recording.inputs.items()
    yield from recording.weights.items()
    for path, calls in recording.answers.items():
        for number, tensors in enumerate(calls):
            for output, kept in enumerate(tensors):
                again, piece = f"@{number}" if number else "", f":{output}" if output else ""
                yield f"{path}{again}{piece}", kept
                arrived = recording.gradients.get((path, number, output))
                if arrived is not None:
                    yield f"gradient of {path}{again}{piece}", arrived
    if recording.loss is not None:
        yield "loss", recording.loss
    for name, kept in recording.weight_gradients.items():
        yield f"gradient of {name}", kept
    for name, kept in recording.updated.items():
        yield f"new {name}", kept
    yield from recording.state.items()
