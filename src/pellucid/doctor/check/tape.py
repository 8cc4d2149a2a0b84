"""How a script came from its batch to its loss, so that other examples can go the same way.

Written down are the calls of whole networks and, once the first of them was called, every function
of PyTorch that was given to or made of tensors; what stands in the script before is data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from pellucid.doctor.check.asked import Graded, tensors
from pellucid.watch.listener import heard_before
from pellucid.watch.program import Call, Heard, Program, autocast_of, behind, program_of

MOST = 20_000
"""Calls that are kept; a script that makes more before its first backward pass is not followed."""
CLASSES = ("cross_entropy", "nll_loss")


class Tape(TorchFunctionMode):
    """Writes down what happens outside of networks, once the first of them was called."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Heard] = []
        """Up to the end every call, then those that the loss depends on."""
        self.running = False
        """From the first call of a network to the first backward pass."""
        self.inside = False
        """Within a network, whose call is written down as one."""
        self.attempt: tuple[str, list[tuple[int, ...]]] | None = None
        """The function under way outside of networks, with the shapes it got."""
        self.loss: Tensor | None = None
        self.random: Tensor | None = None
        """The state of chance when the network at work was called."""
        self._program: Program | None = None

    def start(self) -> None:
        """A network is called, with gradients."""
        self.running = self.running or self.loss is None
        self.random = torch.get_rng_state()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        named = kwargs or {}
        if self.inside:
            return func(*args, **named)
        given = tensors((args, named))
        self.attempt = (getattr(func, "__name__", ""), [tuple(one.shape) for one in given])
        learns = any(one.requires_grad for one in given)
        noting = (self.running or (learns and self.loss is None)) and len(self.heard) < MOST
        heard = heard_before(func, tuple(args), dict(named)) if noting else None
        result = func(*args, **named)
        self.attempt = None
        if heard is not None:
            heard.value = result
            if self._matters(heard):
                self.heard.append(heard)
        return result

    def _matters(self, heard: Heard) -> bool:
        """Before the first network only what has a slope, such as a penalty on the weights."""
        made = [one for one in heard.results() if not isinstance(one, nn.Parameter)]
        if not self.running:
            return any(one.grad_fn is not None for one in made)
        is_noise = heard.name.startswith("rand") and heard.before is None  # drawn once, it is data
        return not is_noise and bool(made)

    def note_network(
        self, network: nn.Module, args: tuple[Any, ...], named: dict[str, Any], result: Any
    ) -> None:
        if self.running and torch.is_grad_enabled():
            device = next(network.parameters()).device.type
            heard = Heard(network, args, named, result, chance=self.random)
            heard.precision = autocast_of(device)
            self.heard.append(heard)

    def end(self, loss: Tensor) -> None:
        """The first backward pass begins: keep what its loss is made of."""
        if not self.running:
            return
        self.running, self.loss = False, loss
        self.heard = behind(loss, self.heard)
        self._program = program_of(self.heard, loss, whole=True)

    @property
    def networks(self) -> list[Heard]:
        return [one for one in self.heard if one.is_network]

    @property
    def data(self) -> list[Tensor]:
        """The tensors that were there before."""
        if self._program is None:
            return []
        found = {id(entry.tensor): entry.tensor for entry in self._program.constants()}
        return [one for one in found.values() if not isinstance(one, nn.Parameter)]

    def play(self, change: Callable[[Tensor], Tensor], exact: bool = False) -> Graded:
        """The loss again, with `change` of every tensor of data in its place.

        `exact` draws the random numbers of then.
        """
        if self._program is None:
            raise ValueError("no backward pass of a network's answer was seen")
        scores = labels = None

        def caller(call: Call, function: Any, args: Any, named: Any) -> Any:
            nonlocal scores, labels
            if call.name in CLASSES:
                scores, labels = _classes(args, named)
            return function(*args, **named)

        def changed(value: Tensor) -> Tensor:
            return value if isinstance(value, nn.Parameter) else change(value)

        program = self._program if exact else self._program.drawn_anew()
        (loss,) = program.again([], {}, changed, caller=caller)
        return Graded(loss.sum(), scores, labels)


def _classes(args: tuple[Any, ...], named: dict[str, Any]) -> tuple[Tensor | None, Tensor | None]:
    """Scores (n, classes) and labels (n), where the loss was of one label an example."""
    scores = args[0] if args else named.get("input")
    labels = args[1] if len(args) > 1 else named.get("target")
    if not isinstance(scores, Tensor) or not isinstance(labels, Tensor):
        return None, None
    if labels.dtype.is_floating_point or scores.ndim != labels.ndim + 1 or not labels.ndim:
        return None, None
    return scores.movedim(1, -1).flatten(0, -2), labels.flatten()
