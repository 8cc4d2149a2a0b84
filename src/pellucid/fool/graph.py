"""A user's network as a list of layers that the proof can see through.

The network is run once on one picture, and every operation of PyTorch is noted. What depends on the
picture becomes a layer in float64; what does not is a constant. Nothing is assumed about how the
module is written: functions, branches on shapes and layers that are called twice are all noted as
they ran.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from pellucid.fool.layers import Layer


class Outside(Exception):
    """An operation that the proof does not cover, in words."""


@dataclass(frozen=True)
class Node:
    """A layer and the places of its inputs in the list; place 0 is the picture."""

    layer: Layer
    inputs: tuple[int, ...]


@dataclass
class Graph:
    """The layers in the order of their work; node i answers value i + 1."""

    nodes: list[Node] = field(default_factory=list)
    answer: int = 0

    @cached_property
    def single(self) -> Graph:
        """The same layers in float32."""
        nodes = [Node(node.layer.single(), node.inputs) for node in self.nodes]
        return Graph(nodes, self.answer)

    def last_readers(self) -> list[int]:
        """For each value the last node that reads it."""
        last = list(range(len(self.nodes) + 1))
        for number, node in enumerate(self.nodes):
            for given in node.inputs:
                last[given] = number
        return last


@dataclass(frozen=True)
class Value:
    """A tensor that depends on the picture: its place, and the map (channels, height, width) it
    is, however it is laid out."""

    place: int
    shape: tuple[int, int, int]
    is_flat: bool = False
    is_nonnegative: bool = False


class Tracer(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's own has no types
    """Notes operations; what was made of what is known by the tensors themselves."""

    def __init__(self, picture: Tensor, readers: Mapping[str, Reader]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's own has no types
        self.graph, self.readers = Graph(), readers
        self.known: dict[int, Value] = {}
        self.kept: list[Tensor] = []  # as long as a tensor lives, no other has its id
        self.know(picture, Value(0, map_shape(picture)))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        everything = [*args, *kwargs.values()]
        flat = [x for one in everything for x in (one if isinstance(one, list | tuple) else [one])]
        if any(isinstance(one, Tensor) and id(one) in self.known for one in flat):
            name = func._schema.name.removeprefix("aten::")
            main = result[0] if isinstance(result, tuple) else result
            if not isinstance(main, Tensor):
                raise Outside(f"{name}, a decision that depends on the picture")
            self.know(main, self._read(name, args, kwargs, main))
        return result

    def know(self, tensor: Tensor, value: Value) -> None:
        self.known[id(tensor)] = value
        self.kept.append(tensor)

    def value(self, tensor: Any) -> Value | None:
        return self.known.get(id(tensor)) if isinstance(tensor, Tensor) else None

    def add(self, layer: Layer, *inputs: int) -> int:
        """The place of the new layer's answer."""
        self.graph.nodes.append(Node(layer, inputs))
        return len(self.graph.nodes)

    def _read(self, name: str, args: Any, kwargs: Any, result: Tensor) -> Value:
        reader = self.readers.get(name if name in self.readers else name.removesuffix("_"))
        if reader is None:
            raise Outside(f"the operation {name}")
        return reader(Call(self, name, args, kwargs, result))


@dataclass(frozen=True)
class Call:
    """One operation with what it was given."""

    tracer: Tracer
    name: str
    args: Sequence[Any]
    kwargs: dict[str, Any]
    result: Tensor

    def at(self, place: int, default: Any = None) -> Any:
        return self.args[place] if len(self.args) > place else default

    @property
    def x(self) -> Value:
        """The first argument, which comes from the picture."""
        found = self.tracer.value(self.args[0])
        if found is None:
            raise Outside(f"{self.name} with something else than the picture's own in front")
        return found

    def constant(self, place: int) -> Tensor | None:
        """An argument that does not depend on the picture, in float64."""
        given = self.at(place)
        if given is None:
            return None
        if self.tracer.value(given) is not None:
            raise Outside(f"{self.name} with weights that depend on the picture")
        return torch.as_tensor(given, dtype=torch.float64).detach().cpu()

    def made(self, layer: Layer, *inputs: int, **more: Any) -> Value:
        place = self.tracer.add(layer, *(inputs or (self.x.place,)))
        return Value(place, map_shape(self.result), is_flat=self.result.ndim == 2, **more)

    def alike(self, layer: Layer, x: Value, is_nonnegative: bool = False) -> Value:
        """A layer that works cell by cell: the map stays, and how it is laid out."""
        place = self.tracer.add(layer, x.place)
        return Value(place, x.shape, x.is_flat, is_nonnegative)

    def then(self, layer: Layer, **more: Any) -> Value:
        """One more layer behind the last."""
        return self.made(layer, len(self.tracer.graph.nodes), **more)


def map_shape(tensor: Tensor) -> tuple[int, int, int]:
    sizes = tuple(tensor.shape)
    if len(sizes) == 4 and sizes[0] == 1:
        return sizes[1], sizes[2], sizes[3]
    if len(sizes) == 2 and sizes[0] == 1:
        return sizes[1], 1, 1
    raise Outside(f"a tensor of shape {sizes}")


Reader = Callable[[Call], Value]
"""Makes of one operation of PyTorch the layer that it is."""
