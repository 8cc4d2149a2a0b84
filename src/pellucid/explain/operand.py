"""The tensors of a recorded call as arrays, with names for their numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
import torch

from pellucid.scratch.arrays import Array, Index, unbroadcast
from pellucid.scratch.explanation import Place
from pellucid.watch.kept import Kept, is_plain

Namer = Callable[[Kept, Index], Place]
"""Where a number comes from: a name that can be asked, and the place in what it names."""


class Unreadable(Exception):
    """Why the numbers of a tensor cannot be read."""


class Operand:
    """One tensor that a call was given, or gave back."""

    def __init__(self, kept: Kept, namer: Namer) -> None:
        self.kept = kept
        self._namer = namer

    @property
    def shape(self) -> Index:
        return self.kept.shape

    @cached_property
    def array(self) -> Array:
        """The numbers; they share the tensor's memory where NumPy knows their type.

        Raises `Unreadable` for tensors whose numbers do not lie in memory one by one.
        """
        return as_array(self.kept.tensor())

    def read(self, index: Index) -> float:
        """One number, in float64."""
        return float(self.array[index])

    def under(self, index: Index) -> Index:
        """Where the number stands that broadcasting brings to `index`."""
        return unbroadcast(index, self.shape)

    def place(self, index: Index) -> Place:
        """Where the number at `index` comes from."""
        return self._namer(self.kept, tuple(map(int, index)))


def as_array(tensor: torch.Tensor) -> Array:
    """A tensor as a NumPy array without copying, where that is possible."""
    if tensor.is_complex():
        raise Unreadable("its numbers are complex")
    if not is_plain(tensor):
        kind = "quantised" if tensor.is_quantized else str(tensor.layout).split(".")[1]
        raise Unreadable(f"its tensor is {kind}")
    if tensor.device.type == "meta":
        raise Unreadable("its tensor is on the meta device, which holds no numbers")
    if tensor.dtype is torch.bfloat16:
        tensor = tensor.float()  # NumPy has no bfloat16; every one is a float32
    return np.asarray(tensor.numpy(force=True))  # also where a sign or a 0 is only noted
