"""The two functions under test: how they are called, and what they may not do."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.base.errors import BadData, WrongUse, near_misses
from pellucid.scratch.arrays import Array
from pellucid.scratch.check.given import by_input, read_gradient, read_input, read_result
from pellucid.scratch.check.trouble import guarded

Function = Callable[..., Any]
Numbers = Mapping[int, Array]
"""Input → its numbers, for the inputs that are nudged."""

GRADIENT, MEMORY = "the gradient of the result", "what forward kept"
"""What `backward` may take besides the inputs."""


class Subject:
    """`forward` and `backward` with the inputs at which they are compared.

    Raises `WrongUse` or `BadData` where they cannot be called, or do not keep to the convention.
    """

    def __init__(
        self, forward: Function, backward: Function, given: Sequence[Any], of: Sequence[str] = ()
    ) -> None:
        self.forward, self.backward = forward, backward
        names = input_names(forward, len(given))
        self.inputs = [read_input(name, value) for name, value in zip(names, given, strict=True)]
        self.of = self._known(of)
        self.remarks: list[str] = []
        self.result, self.memory, _ = self._forward({})
        self._check_repeats()
        sources = names if self.memory is None else [MEMORY]
        self.takes = _what_backward_takes(forward, backward, sources, self.result.size == 1)

    @property
    def takes_gradient(self) -> bool:
        return GRADIENT in self.takes

    def run(self, changed: Numbers) -> Array:
        """The result of `forward`, in its own precision, with some inputs changed."""
        return self._forward(changed)[0]

    def gradients(self, pull: Array) -> list[Array | None]:
        """What `backward` gives for each input, where `pull` is the gradient of the result."""
        _, memory, values = self._forward({})  # a method keeps what it needs on the way
        offered = dict(zip((entry.name for entry in self.inputs), values, strict=True))
        offered |= {GRADIENT: _in_the_kind_of(values, pull), MEMORY: memory}
        returned = guarded(
            self.backward, "backward", [offered[name] for name in self.takes], self.takes
        )
        self._note_changes(values, "backward")
        found = by_input(returned, self.inputs, self.of)
        return [read_gradient(found.get(entry.name), entry.name) for entry in self.inputs]

    def with_real(self, places: Sequence[int]) -> Subject:
        """The same with the whole numbers of some inputs taken as real ones."""
        given = [
            entry.numbers.astype(np.float64) if place in places and entry.numbers is not None
            else entry.given
            for place, entry in enumerate(self.inputs)
        ]  # fmt: skip
        return Subject(self.forward, self.backward, given, self.of)

    def _forward(self, changed: Numbers) -> tuple[Array, Any, list[Any]]:
        """The result, what `forward` keeps for `backward` (or `None`), and what it was given."""
        values = [
            entry.like_given(changed.get(place, entry.numbers))
            for place, entry in enumerate(self.inputs)
        ]
        names = [entry.name for entry in self.inputs]
        returned, memory = guarded(self.forward, "forward", values, names), None
        if isinstance(returned, tuple) and len(returned) == 2:
            returned, memory = returned
        elif isinstance(returned, tuple):
            raise WrongUse(
                "forward",
                f"{len(returned)} results",
                "one, or a pair: the result, and what backward needs",
                "return one array; join several, or give each a function of its own",
            )
        if not changed:
            self._note_changes(values, "forward")
        return read_result(returned, "forward", must_be_finite=not changed), memory, values

    def _check_repeats(self) -> None:
        """Chance in `forward` would look like a slope."""
        again = self.run({})
        if again.shape == self.result.shape and np.array_equal(again, self.result):
            return
        raise BadData(
            "forward",
            "two different results for the same inputs",
            "the same result each time",
            "draw random numbers outside and pass them in, or begin forward with a fixed seed",
        )

    def _note_changes(self, values: Sequence[Any], where: str) -> None:
        """Remark on inputs that the function wrote into."""
        for entry, value in zip(self.inputs, values, strict=True):
            if entry.numbers is None:
                continue
            after = read_input(entry.name, value).numbers
            if after is None or not np.array_equal(after, entry.numbers):
                remark = f"{where} writes into its input {entry.name}; work on a copy"
                if remark not in self.remarks:
                    self.remarks.append(remark)

    def _known(self, of: Sequence[str]) -> list[str]:
        names = [entry.name for entry in self.inputs]
        for name in of:
            if name not in names:
                close = near_misses(name, names)
                fix = f"did you mean {close[0]}?" if close else "choose one of them"
                raise WrongUse("--of", repr(name), f"one of {', '.join(names)}", fix)
        return list(of)


def _in_the_kind_of(values: Sequence[Any], pull: Array) -> Any:
    """The gradient of the result as people expect it: a tensor, a number, a list or an array."""
    for value in values:
        if hasattr(value, "new_tensor"):
            return value.new_tensor(pull)
    if not any(isinstance(value, np.ndarray | np.generic) for value in values):
        return pull.tolist()
    return pull.copy()[()]  # a NumPy number where the result is one, as NumPy's sums give


def input_names(forward: Function, count: int) -> list[str]:
    """The names of `forward`'s parameters for `count` inputs.

    Raises `WrongUse` if it takes another number of them.
    """
    try:
        signature = inspect.signature(forward)
    except (TypeError, ValueError):  # some built-in functions have none
        return [f"input{place}" for place in range(count)]
    positional = _positional(signature)
    try:
        signature.bind(*range(count))
    except TypeError as error:
        words = ", ".join(positional)
        raise WrongUse(
            "forward",
            f"{count} inputs" if count != 1 else "1 input",
            f"{len(positional)}: {words}" if words else "a forward that takes inputs",
            f"give one for each, as in: inputs = ({words},)" if words else "def forward(x): …",
        ) from error
    extra = [f"input{place}" for place in range(len(positional), count)]
    return [*positional, *extra][:count]


def _positional(signature: inspect.Signature) -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [name for name, entry in signature.parameters.items() if entry.kind in kinds]


def _what_backward_takes(
    forward: Function, backward: Function, sources: Sequence[str], is_single: bool
) -> list[str]:
    """The arguments of `backward` in order.

    As many as `sources` where the result is a single number; one more, the gradient of the
    result, which comes first unless its name shows that it comes later; or that alone.
    """
    try:
        signature = inspect.signature(backward)
    except (TypeError, ValueError):
        return [GRADIENT, *sources]
    names = _positional(signature)
    count = len(sources)
    fits = {number: _binds(signature, number) for number in (0, 1, count, count + 1)}
    foreign = [place for place, name in enumerate(names[: count + 1]) if name not in sources]
    known = {*input_names(forward, count)} if MEMORY not in sources else set()
    is_open = any(p.kind is p.VAR_POSITIONAL for p in signature.parameters.values())
    starts_with_it = _is_gradient(names) or (is_open and bool(names) and names[0] not in known)
    if fits[count + 1] and (not fits[count] or starts_with_it or not is_single):
        place = foreign[0] if len(foreign) == 1 else 0
        return [*sources[:place], GRADIENT, *sources[place:]]
    if fits[count] and is_single and not (count == 1 and _is_gradient(names)):
        return list(sources)
    if fits[1]:
        return [GRADIENT]
    if fits[0] and is_single:
        return []
    wanted = ", ".join(["gradient", *(name for name in sources if name != MEMORY)])
    memory = ", memory" if MEMORY in sources else ""
    raise WrongUse(
        "backward",
        f"parameters ({', '.join(names)})",
        f"({wanted}{memory})" + ("" if not is_single else f", or ({wanted[10:]}{memory[2:]})"),
        f"write: def backward({wanted}{memory}): …",
    )


def _binds(signature: inspect.Signature, count: int) -> bool:
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True


def _is_gradient(names: Sequence[str]) -> bool:
    """Whether the first parameter's name says that it is the gradient of the result."""
    usual = ("grad", "gradient", "upstream", "dout", "dy", "dz", "delta", "pull")
    return bool(names) and (names[0] in usual or names[0].startswith("grad"))
