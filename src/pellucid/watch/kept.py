"""Tensors as they were at one moment, without copying them until something writes over them.

PyTorch changes tensors in place all the time: an optimiser's step, batch norm's counter, a ReLU
that reuses its input. A `Kept` shares its memory with the tensor it stands for; just before a call
writes into that memory, everything kept there is copied once.
"""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor

from pellucid.base.errors import WrongUse

Key = tuple[int, int, tuple[int, ...], tuple[int, ...]]
"""Where in a memory a tensor lies: its generation there, offset, sizes and strides."""


class Memory:
    """One block of memory that tensors and their views share."""

    __slots__ = ("anchor", "generation", "kept", "made", "number")

    def __init__(self, number: int, anchor: Tensor) -> None:
        self.number = number
        self.anchor = anchor  # keeps the block alive, so that its address names nothing else
        self.generation = 0
        """How often a recorded call has written into it."""
        self.kept: list[Kept] = []
        """What still shares this memory, and would be changed by writing into it."""
        self.made: list[Kept] = []
        """What calls left here, in their order; not what only views it."""


class Kept:
    """A tensor as it was when it was kept."""

    __slots__ = (
        "_tensor",
        "_version",
        "generation",
        "memory",
        "number",
        "offset",
        "shared",
        "strides",
    )

    def __init__(self, number: int, tensor: Tensor, memory: Memory) -> None:
        self.number = number
        self._tensor = tensor
        self.memory = memory
        self.generation = memory.generation
        self.offset, _, self.strides = _layout(tensor)
        self.shared = True
        self._version = _version(tensor)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self._tensor.shape)

    @property
    def dtype(self) -> torch.dtype:
        return self._tensor.dtype

    def numel(self) -> int:
        return self._tensor.numel()

    def raw(self) -> Tensor:
        """The very tensor, for looking at its place in memory or its graph; not for its numbers."""
        return self._tensor

    def tensor(self) -> Tensor:
        """The tensor with the numbers it had, detached.

        Raises `WrongUse` if something wrote into it that the recording did not see.
        """
        if self.shared and _version(self._tensor) != self._version:
            raise WrongUse(
                "recording",
                f"a tensor {self.shape} that was changed in place after it was recorded",
                "the numbers as they were",
                "ask before the next step or in-place change, or record again",
            )
        return self._tensor.detach()

    def settle(self) -> None:
        """Take PyTorch's count of changes as it is now: it counts a call after the call."""
        if self.shared:
            self._version = _version(self._tensor)

    def copy(self) -> None:
        """Stop sharing memory: from now on nothing that happens elsewhere changes it."""
        if self.shared:
            self._tensor = self._tensor.detach().clone()  # keeps the order in memory
            self.shared = False

    def forget_graph(self) -> None:
        """Let go of the autograd graph, which would keep all its buffers alive."""
        if self.shared:
            self._tensor = self._tensor.detach()


class Memories:
    """All memory seen so far."""

    def __init__(self) -> None:
        self._by_address: dict[int, Memory] = {}
        self._numbers = itertools.count()
        self.latest: dict[tuple[int, Key], Kept] = {}
        """What was kept last at one place of one memory."""

    def of(self, tensor: Tensor) -> Memory:
        address = tensor.untyped_storage()._cdata if is_plain(tensor) else -id(tensor)
        memory = self._by_address.get(address)
        if memory is None:
            memory = Memory(len(self._by_address), tensor)
            self._by_address[address] = memory
        return memory

    def keep(self, tensor: Tensor) -> Kept:
        """`tensor` as it is now; the same `Kept` as before if nothing has happened since."""
        memory = self.of(tensor)
        place = (memory.number, key_of(tensor, memory.generation))
        kept = self.latest.get(place)
        if kept is None or (kept.shared and kept._version != _version(tensor)):
            kept = self.keep_anew(tensor)
        return kept

    def keep_anew(self, tensor: Tensor) -> Kept:
        """Like `keep`, always as a record of its own, e.g. for the result of a call."""
        memory = self.of(tensor)
        kept = Kept(next(self._numbers), tensor, memory)
        memory.kept.append(kept)
        self.latest[memory.number, key_of(tensor, memory.generation)] = kept
        return kept

    def before_writing(self, tensor: Tensor) -> None:
        """Copy what lies where `tensor` lies: a call is about to write there."""
        memory = self.of(tensor)
        for kept in memory.kept:
            kept.copy()
        memory.kept.clear()
        memory.generation += 1

    def all_kept(self) -> list[Kept]:
        """What still shares memory."""
        return [kept for memory in self._by_address.values() for kept in memory.kept]


def is_plain(tensor: Tensor) -> bool:
    """Whether its numbers lie in memory one beside the other: not sparse, not quantised."""
    return tensor.layout is torch.strided and not tensor.is_quantized


def key_of(tensor: Tensor, generation: int) -> Key:
    return (generation, *_layout(tensor))


def _layout(tensor: Tensor) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    """Offset, sizes and strides."""
    if not is_plain(tensor):
        return 0, tuple(tensor.shape), (0,) * tensor.ndim
    return int(tensor.storage_offset()), tuple(tensor.shape), tensor.stride()


def _version(tensor: Any) -> int:
    """PyTorch's count of in-place changes; tensors of inference mode have none."""
    return -1 if tensor.is_inference() else int(tensor._version)
