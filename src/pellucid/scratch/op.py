"""`Op`: one operation in one class, forward, backward and written out."""

from __future__ import annotations

import functools
import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np

from pellucid.base.errors import WrongUse
from pellucid.scratch.arrays import Array, Index
from pellucid.scratch.explanation import Explanation, Place, Term


class Op(ABC):
    """One operation that ran once: it keeps what its backward and its explanation need.

    An instance holds the settings, e.g. `Sum(axes=0)`. Calling it with arrays runs it. In a graph
    of tensors the instance is the node: `tensor.made_by`.

    A subclass's docstring says in its first line what the operation means, then on labelled lines
    its `Formula:`, `Shapes:`, `Backward:` and `Source:`.
    """

    ROUNDINGS: ClassVar[int] = 2
    """Roundings on the way to the result besides one for each addition of a term."""

    arrays: tuple[Array, ...]
    """The inputs, never written to."""
    result: Array
    wanted: tuple[bool, ...]
    """For which inputs a gradient is needed; `backward` may give `None` for the others."""

    def __call__(self, *arrays: Array) -> Array:
        """Run once and keep the inputs and the result."""
        if hasattr(self, "result"):
            raise WrongUse(
                self.name(),
                "an operation that has run already",
                "a new one for each call, as it keeps its inputs for the way back",
                f"write {self.name()}(…) again",
            )
        self.arrays = arrays
        return self.seen(arrays, self.forward(*arrays)).result

    def seen(self, arrays: tuple[Array, ...], result: Array) -> Self:
        """Stand for a call that happened elsewhere, e.g. in PyTorch: nothing is computed."""
        self.arrays = arrays
        self.result = np.asarray(result)
        self.wanted = tuple(np.issubdtype(array.dtype, np.floating) for array in arrays)
        return self

    # `Any` lets each operation name its own inputs, in place of one `*arrays` for all.
    @abstractmethod
    def forward(self, *arrays: Any, **named: Any) -> Array:
        """The result for the inputs, which are in `self.arrays` already."""

    @abstractmethod
    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        """The gradient of each input, given the gradient of the result.

        A gradient says by how much the loss changes for a small change of each number; so each is
        shaped like what it is the gradient of. `None` for inputs that are not real numbers.
        """

    @abstractmethod
    def terms(self, index: Index) -> Sequence[Term]:
        """What is summed to give the number at `index`, worked out from the inputs' numbers."""

    def explain(self, index: int | Index) -> Explanation:
        """The number at `index` of the result, written out.

        Raises `WrongUse` with the valid range if there is no such number.
        """
        place = self._checked(index)
        terms = self.terms(place)
        is_real = np.issubdtype(self.result.dtype, np.floating)
        limits = np.finfo(self.result.dtype) if is_real else None
        return Explanation(
            op=self.name(),
            index=place,
            value=float(self.result[place]),
            terms=terms,
            roundings=len(terms) + self.roundings(),
            unit=float(limits.eps) / 2 if limits else 0.0,
            smallest=float(limits.tiny) if limits else 0.0,
            largest=float(limits.max) if limits else math.inf,
        )

    def roundings(self) -> int:
        """Like `ROUNDINGS`, for operations where it depends on the inputs' shapes."""
        return self.ROUNDINGS

    def _checked(self, index: int | Index) -> Index:
        """`index` counted from the front."""
        places = index if isinstance(index, tuple) else (index,)
        shape = self.result.shape
        fits = len(places) == len(shape) and all(
            -size <= place < size for place, size in zip(places, shape, strict=True)
        )
        if not fits:
            raise WrongUse(
                self.name(),
                f"index {places}",
                f"{len(shape)} places inside the shape {shape}",
                "count each place from 0, or from −1 backwards",
            )
        return tuple(int(place) % size for place, size in zip(places, shape, strict=True))

    def place(self, number: int, index: Index) -> Place:
        """The number at `index` of the input `number`, by the input's name."""
        return Place(_input_name(type(self), number), tuple(map(int, index)))

    def read(self, number: int, index: Index) -> float:
        """The number itself, as a float64."""
        return float(self.arrays[number][index])

    @classmethod
    def name(cls) -> str:
        """What the operation is called."""
        return cls.__name__


@functools.cache
def _input_name(op: type[Op], number: int) -> str:
    """The name of an input: a parameter of `forward`, with its number where it takes many."""
    parameters = list(inspect.signature(op.forward).parameters.values())[1:]
    if parameters[0].kind is inspect.Parameter.VAR_POSITIONAL:
        return f"{parameters[0].name}{number}"
    return parameters[number].name
