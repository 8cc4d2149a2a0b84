"""The networks that were called as a whole, with what of them is asked at every pass."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, distributed, nn
from torch.compiler import is_compiling
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from pellucid.watch.trace import Model

AGAIN = 20
"""Passes noted in full, after which layers are listed anew: they may have been exchanged."""


@dataclass
class Known:
    """One network."""

    number: int
    module: nn.Module
    dropouts: list[_DropoutNd] = field(default_factory=list)
    norms: list[_BatchNorm] = field(default_factory=list)
    """Batch norms that keep running statistics."""
    weights: list[nn.Parameter] = field(default_factory=list)
    passes: int = 0

    def list_layers(self) -> None:
        parts = list(self.module.modules())
        self.dropouts = [part for part in parts if isinstance(part, _DropoutNd)]
        norms = [part for part in parts if isinstance(part, _BatchNorm)]
        self.norms = [part for part in norms if part.track_running_stats]
        self.weights = list(self.module.parameters())

    def dropping(self) -> int:
        """Dropout layers that drop now."""
        return sum([part.training and part.p > 0 for part in self.dropouts])

    def norming(self) -> int:
        """Batch norms that use the batch's own statistics now."""
        return sum([part.training for part in self.norms])


class Networks:
    """Every network by its identity; `models` gets a description of each, `owners` the names of
    parameters."""

    def __init__(self, models: list[Model], owners: dict[int, str]) -> None:
        self._models, self._owners = models, owners
        self._known: dict[int, Known] = {}
        self._other: nn.Module | None = None
        """The module without parameters, a loss for instance, that was called last."""

    def __iter__(self) -> Iterator[nn.Module]:
        return (known.module for known in self._known.values())

    def weights(self) -> Iterator[Tensor]:
        for known in self._known.values():
            yield from known.weights

    def is_one(self, module: nn.Module) -> bool:
        """Whether a module that nobody called but the script is a network: it has parameters."""
        if module is self._other:
            return False
        found = id(module) in self._known or next(module.parameters(), None) is not None
        if not found:
            self._other = module
        return found

    def called(self, module: nn.Module) -> Known:
        """The network, once more."""
        known = self._known.get(id(module))
        if known is None:
            known = self._known[id(module)] = Known(len(self._known), module)
            known.list_layers()
            self._describe(known)
        known.passes += 1
        if known.passes % AGAIN == 0:
            known.list_layers()
        return known

    def _describe(self, known: Known) -> None:
        shares = [float(part.p) for part in known.dropouts if part.p > 0]
        self._models.append(
            Model(
                type(known.module).__name__,
                len(shares),
                max(shares, default=0.0),
                len(known.norms),
                sum(weight.numel() for weight in known.weights),
                sum(weight.numel() for weight in known.weights if weight.requires_grad),
            )
        )
        for name, weight in known.module.named_parameters():
            self._owners.setdefault(id(weight), name)


class CallsOfDropout:
    """Calls of `functional.dropout` in a pass that no dropout layer has made."""

    def __init__(self, stack: Sequence[tuple[nn.Module, Any]]) -> None:
        self._stack = stack
        """The modules that are at work, the innermost last."""
        self.clear()

    def clear(self) -> None:
        self.on = self.off = 0
        """Calls that drop, and that would in training."""
        self.share = 0.0

    def wrapped(self, function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        @functools.wraps(function)
        def watched(
            input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
        ) -> Tensor:
            if is_compiling():
                return function(input, p, training, inplace)
            if self._stack and p > 0 and not isinstance(self._stack[-1][0], _DropoutNd):
                self.on += bool(training)
                self.off += not training
                self.share = max(self.share, p)
            return function(input, p, training, inplace)

        return watched

    def describe(self, model: Model, network: Known) -> None:
        """Count them among the network's dropouts."""
        if self.on or self.off:
            layers = sum(part.p > 0 for part in network.dropouts)
            model.dropouts = max(model.dropouts, layers + self.on + self.off)
            model.share = max(model.share, self.share)


def plain(module: nn.Module) -> nn.Module:
    """The network itself, where it was compiled: a copy of it is not to be compiled again."""
    inner = getattr(module, "_orig_mod", module)
    return inner if isinstance(inner, nn.Module) else module


def is_alone() -> bool:
    """Whether no other processes train the same network: they would wait for a question that is put
    to one of them only."""
    started = distributed.is_available() and distributed.is_initialized()
    return not started or distributed.get_world_size() == 1
