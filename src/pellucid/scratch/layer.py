"""`Layer`: a piece of a network that owns the numbers which are learnt."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike

from pellucid.base.errors import WrongUse
from pellucid.scratch.arrays import Array
from pellucid.scratch.tensor import Tensor, Value


class Layer(ABC):
    """Weights, and what is done with them.

    What a layer keeps as an attribute tells what it is: a tensor with a gradient is a parameter
    (learnt), a NumPy array is a statistic (kept with the weights, not learnt), a layer or a list
    of layers is a part of it. The names are PyTorch's wherever PyTorch has the same layer.

    A subclass's docstring says in its first line what the layer is for, then on labelled lines its
    `Formula:`, `Shapes:`, `Parameters:`, `Modes:` (only if training differs from judging), `Like:`
    (the same in PyTorch, and what is left out) and, where it is more than an operation, `Source:`.
    """

    training: bool = True
    """Whether it is learning, or being judged: dropout and batch norm behave differently."""

    # `Any` lets each layer name its own inputs and results.
    @abstractmethod
    def forward(self, *inputs: Any) -> Any:
        """The result for the inputs, all of them tensors."""

    def __call__(self, *inputs: Value) -> Any:
        """`forward`; arrays are taken as tensors without a gradient."""
        return self.forward(
            *(entry if isinstance(entry, Tensor) else Tensor(entry) for entry in inputs)
        )

    def children(self) -> dict[str, Layer]:
        """The layers that this one is made of, by name."""
        found: dict[str, Layer] = {}
        for name, value in vars(self).items():
            if isinstance(value, Layer):
                found[name] = value
            elif isinstance(value, list):
                parts = {f"{name}.{number}": entry for number, entry in enumerate(value)}
                found |= {key: entry for key, entry in parts.items() if isinstance(entry, Layer)}
        return found

    def layers(self) -> Iterator[Layer]:
        """This layer and all below it."""
        yield self
        for child in self.children().values():
            yield from child.layers()

    def named_parameters(self) -> dict[str, Tensor]:
        """What is learnt, by name, e.g. `conv1.weight`."""
        own = {
            name: value
            for name, value in vars(self).items()
            if isinstance(value, Tensor) and value.requires_grad
        }
        for name, child in self.children().items():
            own |= {f"{name}.{below}": value for below, value in child.named_parameters().items()}
        return own

    def parameters(self) -> list[Tensor]:
        """What is learnt; a tensor with two names comes once."""
        return list({id(value): value for value in self.named_parameters().values()}.values())

    def state_dict(self) -> dict[str, Array]:
        """Parameters and statistics by name, as plain arrays."""
        own = {
            name: value.data if isinstance(value, Tensor) else value
            for name, value in vars(self).items()
            if isinstance(value, np.ndarray) or (isinstance(value, Tensor) and value.requires_grad)
        }
        for name, child in self.children().items():
            own |= {f"{name}.{below}": value for below, value in child.state_dict().items()}
        return own

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Take over parameters and statistics; the precision is that of the given arrays.

        Raises `WrongUse` if a name is missing or unknown, or if a shape differs.
        """
        own = {name: array.shape for name, array in self.state_dict().items()}
        given = {name: np.shape(array) for name, array in state.items()}
        for name in own.keys() | given.keys():
            if own.get(name) != given.get(name):
                raise WrongUse(
                    f"{type(self).__name__}.load_state_dict",
                    f"{name} {given.get(name, 'missing')}",
                    f"{name} {own.get(name, 'left out')}",
                    "give the state of a network with the same layers and sizes",
                )
        self._put({name: np.array(array) for name, array in state.items()})

    def astype(self, kind: DTypeLike) -> Self:
        """The same layer with all its numbers in the precision `kind`, e.g. `np.float64`."""
        self._put({name: array.astype(kind) for name, array in self.state_dict().items()})
        return self

    def _put(self, state: Mapping[str, Array]) -> None:
        for name, value in vars(self).items():
            if isinstance(value, Tensor) and name in state:
                value.data = state[name]
            elif isinstance(value, np.ndarray):
                setattr(self, name, state[name])
        for name, child in self.children().items():
            below = name + "."
            child._put(
                {key[len(below) :]: array for key, array in state.items() if key.startswith(below)}
            )

    def train(self, learning: bool = True) -> Self:
        """Behave as in training, all layers below included."""
        for layer in self.layers():
            layer.training = learning
        return self

    def eval(self) -> Self:
        """Behave as when being judged, all layers below included."""
        return self.train(False)
