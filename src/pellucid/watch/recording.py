"""What one forward pass, backward pass and step came to, call by call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from torch import Tensor

from pellucid.watch.calls import Call
from pellucid.watch.kept import Kept, Memories
from pellucid.watch.lines import Line

Index = tuple[int, ...]


@dataclass(frozen=True)
class Made:
    """One number of one result of one call."""

    call: Call
    output: int
    index: Index


class Stopped(NamedTuple):
    """Where a recording ended early, because something raised."""

    error: Exception
    met: str
    """The shapes that met."""
    module: str
    line: Line | None
    phase: str


@dataclass
class Recording:
    """The calls in the order they happened, and names for what went in and came out."""

    calls: list[Call]
    memories: Memories
    answers: dict[str, list[list[Kept]]]
    """By module path, the tensors it answered, call by call."""
    gradients: dict[tuple[str, int, int], Kept]
    """By module path, number of its call and of its output: the gradient of the loss."""
    inputs: dict[str, Kept]
    weights: dict[str, Kept]
    """Parameters and buffers as they were at the start."""
    weight_gradients: dict[str, Kept] = field(default_factory=dict)
    updated: dict[str, Kept] = field(default_factory=dict)
    """Parameters after the optimiser's step."""
    state_before: dict[str, Kept] = field(default_factory=dict)
    """The optimiser's memory before the step, as `old weight.exp_avg`."""
    state: dict[str, Kept] = field(default_factory=dict)
    """The optimiser's memory after the step, as `weight.exp_avg`."""
    loss: Kept | None = None
    optimiser: str = ""
    stopped: Stopped | None = None

    def __post_init__(self) -> None:
        self._maker = {
            kept.number: (call, output) for call in self.calls for output, kept in call.results()
        }
        self._names = {
            (kept.memory.number, kept.generation): (name, kept)
            for kind in (self.weights, self.inputs, self.state_before)
            for name, kept in kind.items()
        }

    def made(self, kept: Kept, index: Index) -> Made | None:
        """The recorded call that made this number, or None where it came from outside."""
        maker = self._maker.get(kept.number)
        if maker is not None:
            return Made(*maker, index)
        place = kept.offset + sum(
            at * stride for at, stride in zip(index, kept.strides, strict=True)
        )
        for earlier in reversed(kept.memory.made):
            if earlier.generation <= kept.generation:
                found = place_in(earlier, place)
                if found is not None:
                    return Made(*self._maker[earlier.number], found)
        return None

    def name(self, kept: Kept, index: Index) -> tuple[str, Index] | None:
        """The name of a number that came from outside: a weight's or an input's, and its place."""
        found = self._names.get((kept.memory.number, kept.generation))
        if found is None:
            return None
        name, named = found
        place = kept.offset + sum(
            at * stride for at, stride in zip(index, kept.strides, strict=True)
        )
        at = place_in(named, place)
        return (name, at) if at is not None else None


def place_in(kept: Kept, place: int) -> Index | None:
    """Where in `kept` the number at `place` of its memory stands, if it is there."""
    left = place - kept.offset
    at = [0] * len(kept.shape)
    axes = sorted(range(len(at)), key=lambda axis: -kept.strides[axis])
    for axis in axes:
        size, stride = kept.shape[axis], kept.strides[axis]
        if size == 0:
            return None
        if size > 1 and stride > 0:
            at[axis] = min(left // stride, size - 1)
            left -= at[axis] * stride
    return tuple(at) if left == 0 and min(at, default=0) >= 0 else None


def tensor_names(values: dict[str, Any], memories: Memories) -> dict[str, Kept]:
    """Each tensor among the values, kept under its name."""
    return {
        name: memories.keep(value) for name, value in values.items() if isinstance(value, Tensor)
    }
