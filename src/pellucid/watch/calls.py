"""One call of PyTorch that was recorded: what went in, what came out, and who asked for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from torch import Tensor
from torch._ops import OpOverload

from pellucid.watch.kept import Kept
from pellucid.watch.lines import Line


@dataclass(slots=True)
class Call:
    """One call below autograd, where PyTorch does its arithmetic."""

    number: int
    function: OpOverload
    given: tuple[Any, ...]
    """Its arguments in order; each tensor in them is a `Kept`, as it was before the call."""
    named: dict[str, Any]
    outputs: tuple[Kept | None, ...]
    """What it gave back, then what it left in the other arguments that it wrote into."""
    phase: str
    """`forward`, `backward` or `step`."""
    module: str
    """The path of the module that was at work, in the backward pass the one it belongs to."""
    line: Line | None
    forward: int | None = None
    """In the backward pass: the number of the forward call whose gradient this works out."""
    chance: Tensor | None = None
    """The state of the random generator before the call, if it draws."""

    @property
    def name(self) -> str:
        """E.g. `aten.convolution.default`."""
        return str(self.function)

    def arguments(self) -> dict[str, Any]:
        """Everything by the names of PyTorch's own schema, with the defaults filled in."""
        known: dict[str, Any] = {}
        for place, argument in enumerate(self.function._schema.arguments):
            if place < len(self.given):
                known[argument.name] = self.given[place]
            elif argument.name in self.named:
                known[argument.name] = self.named[argument.name]
            else:
                known[argument.name] = argument.default_value
        return known

    def results(self) -> Iterator[tuple[int, Kept]]:
        """The outputs that are tensors, each with its place."""
        for place, kept in enumerate(self.outputs):
            if kept is not None:
                yield place, kept

    def inputs(self) -> Iterator[Kept]:
        """The tensors among the arguments."""
        for value in (*self.given, *self.named.values()):
            yield from _kept_in(value)

    def viewed(self, result: Kept) -> Kept | None:
        """The input that a result is only another view of, if it is one."""
        for source in self.inputs():
            if source.memory is result.memory and source.generation == result.generation:
                return source
        return None

    def shapes(self) -> str:
        """The shapes that met, for people."""
        return shapes_of(self.function, (*self.given, *self.named.values()))


def _kept_in(value: Any) -> Iterator[Kept]:
    if isinstance(value, Kept):
        yield value
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _kept_in(entry)


def shapes_of(function: OpOverload, values: tuple[Any, ...]) -> str:
    """`convolution of (1, 3, 8, 8) and (4, 1, 3, 3)`."""
    shapes = [
        str(tuple(entry.shape))
        for value in values
        for entry in (value if isinstance(value, list | tuple) else [value])
        if isinstance(entry, Kept | Tensor)
    ]
    name = str(function).split(".")[1]
    return f"{name} of {' and '.join(shapes)}" if shapes else name


@lru_cache(maxsize=4096)
def written(function: OpOverload) -> tuple[tuple[int, str], ...]:
    """The arguments that a call writes into: place and name, by its schema."""
    silent = SILENT_WRITERS.get(str(function), ())
    return tuple(
        (place, argument.name)
        for place, argument in enumerate(function._schema.arguments)
        if (argument.alias_info is not None and argument.alias_info.is_write)
        or argument.name in silent
    )


SILENT_WRITERS = {
    "aten.native_batch_norm.default": ("running_mean", "running_var"),
    "aten.cudnn_batch_norm.default": ("running_mean", "running_var"),
    "aten.miopen_batch_norm.default": ("running_mean", "running_var"),
}
"""Calls that write into arguments without saying so in their schema."""


@lru_cache(maxsize=4096)
def draws(function: OpOverload) -> bool:
    """Whether a call takes numbers from a random generator."""
    import torch

    return torch.Tag.nondeterministic_seeded in function.tags
