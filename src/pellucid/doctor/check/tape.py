"""How a script came from its batch to its loss, so that other examples can go the same way.

Written down are the calls of whole networks and, between them, every function of PyTorch that was
given to or made of tensors; what stands in the script before is data. Played again, each call gets
what the calls before it make now.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from pellucid.doctor.check.asked import Graded, mapped, tensors

MOST = 20_000
"""Calls that are kept; a script that makes more before its first backward pass is not followed."""
CLASSES = ("cross_entropy", "nll_loss")


@dataclass
class Entry:
    """One call; its tensors are kept alive, so that each is known by its identity."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    named: dict[str, Any]
    result: Any
    before: Tensor | None = None
    """What the first argument held before the call wrote over it."""
    random: Tensor | None = None
    """The state of chance before the call, where it may draw."""

    @property
    def name(self) -> str:
        return str(getattr(self.function, "__name__", ""))

    def makes(self) -> set[int]:
        made = {id(one) for one in tensors(self.result)}
        return made | {id(self.args[0])} if self.before is not None else made

    def needs(self) -> set[int]:
        return {id(one) for one in tensors((self.args, self.named))}


class Tape(TorchFunctionMode):
    """Writes down what happens outside of networks, once the first of them was called."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Entry] = []
        self.running = False
        """From the first call of a network to the first backward pass."""
        self.inside = False
        """Within a network, whose call is written down as one."""
        self.attempt: tuple[str, list[tuple[int, ...]]] | None = None
        """The function under way outside of networks, with the shapes it got."""
        self.loss: Tensor | None = None
        self.random: Tensor | None = None
        """The state of chance when the network at work was called."""
        self.device = "cpu"
        self.precision: torch.dtype | None = None
        """The device of the first network, and under autocast its precision."""

    def start(self) -> None:
        """A network is called, with gradients."""
        self.running = self.running or self.loss is None
        self.random = torch.get_rng_state()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        named = kwargs or {}
        if self.inside:
            return func(*args, **named)
        name = getattr(func, "__name__", "")
        self.attempt = (name, [tuple(one.shape) for one in tensors((args, named))])
        before = random = None
        learns = any(one.requires_grad for one in tensors((args, named)))
        noting = (self.running or (learns and self.loss is None)) and len(self.entries) < MOST
        target = args[0] if args and _writes(name) else None
        if noting and isinstance(target, Tensor) and not isinstance(target, nn.Parameter):
            before = args[0].detach().clone()
        if noting and "dropout" in name:
            random = torch.get_rng_state()
        result = func(*args, **named)
        self.attempt = None
        if noting and self._matters(name, result, before):
            self.entries.append(Entry(func, tuple(args), dict(named), result, before, random))
        return result

    def _matters(self, name: str, result: Any, before: Tensor | None) -> bool:
        """Before the first network only what has a slope, such as a penalty on the weights."""
        made = [one for one in tensors(result) if not isinstance(one, nn.Parameter)]
        if not self.running:
            return any(one.grad_fn is not None for one in made)
        is_noise = name.startswith("rand") and before is None  # drawn once, it is data
        return not is_noise and (before is not None or bool(made))

    def note_network(
        self, network: nn.Module, args: tuple[Any, ...], named: dict[str, Any], result: Any
    ) -> None:
        if self.running and torch.is_grad_enabled():
            if not self.networks:
                self._note_autocast(network)
            self.entries.append(Entry(network, args, named, result, random=self.random))

    def _note_autocast(self, network: nn.Module) -> None:
        self.device = next(network.parameters()).device.type
        if torch.is_autocast_enabled(self.device):
            self.precision = torch.get_autocast_dtype(self.device)

    def end(self, loss: Tensor) -> None:
        """The first backward pass begins: keep what its loss is made of."""
        if not self.running:
            return
        self.running, self.loss = False, loss
        needed, kept = {id(loss)}, []
        for entry in reversed(self.entries):
            if entry.makes() & needed:
                kept.append(entry)
                needed |= entry.needs()
        self.entries = kept[::-1]

    @property
    def networks(self) -> list[Entry]:
        return [entry for entry in self.entries if isinstance(entry.function, nn.Module)]

    @property
    def data(self) -> list[Tensor]:
        """The tensors that were there before."""
        made: set[int] = set()
        found: dict[int, Tensor] = {}
        for entry in self.entries:
            for one in tensors((entry.args, entry.named)):
                if id(one) not in made and not isinstance(one, nn.Parameter):
                    found[id(one)] = one
            made |= entry.makes()
        return list(found.values())

    def play(self, change: Callable[[Tensor], Tensor], exact: bool = False) -> Graded:
        """The loss again, with `change` of every tensor of data in its place.

        `exact` draws the random numbers of then.
        """
        if self.loss is None:
            raise ValueError("no backward pass was seen")
        with torch.autocast(self.device, dtype=self.precision, enabled=self.precision is not None):
            return self._play(change, exact)

    def _play(self, change: Callable[[Tensor], Tensor], exact: bool) -> Graded:
        made: dict[int, Tensor] = {}

        def now(value: Any) -> Any:
            if not isinstance(value, Tensor):
                return value
            return made[id(value)] if id(value) in made else _changed(value, change)

        scores = labels = None
        for entry in self.entries:
            if entry.before is not None and id(entry.args[0]) not in made:
                made[id(entry.args[0])] = change(entry.before).clone()
            args, named = mapped(now, (entry.args, entry.named))
            if exact and entry.random is not None:
                torch.set_rng_state(entry.random)
            result = entry.function(*args, **named)
            if entry.before is not None:
                made[id(entry.args[0])] = args[0]
            for old, new in zip(tensors(entry.result), tensors(result), strict=True):
                made[id(old)] = new
            if entry.name in CLASSES:
                scores, labels = _classes(args, named)
        return Graded(made[id(self.loss)].sum(), scores, labels)


def _changed(value: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    return value if isinstance(value, nn.Parameter) else change(value)


def _writes(name: str) -> bool:
    """Whether a function writes into its first argument."""
    in_place = name.endswith("_") and not name.endswith("__")
    return in_place or name == "__setitem__" or (name.startswith("__i") and name != "__invert__")


def _classes(args: tuple[Any, ...], named: dict[str, Any]) -> tuple[Tensor | None, Tensor | None]:
    """Scores (n, classes) and labels (n), where the loss was of one label an example."""
    scores = args[0] if args else named.get("input")
    labels = args[1] if len(args) > 1 else named.get("target")
    if not isinstance(scores, Tensor) or not isinstance(labels, Tensor):
        return None, None
    if labels.dtype.is_floating_point or scores.ndim != labels.ndim + 1 or not labels.ndim:
        return None, None
    return scores.movedim(1, -1).flatten(0, -2), labels.flatten()
