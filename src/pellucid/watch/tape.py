"""What was heard since the newest steps, out of which a loss's program is cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from pellucid.watch.program import Heard, Program, autocast_of, program_of, version_of
from pellucid.watch.recorder import tensors_in

MOST = 2_000
"""Calls that are kept; a training that makes more between its steps is not written down."""


class Tape:
    """Calls of whole networks and, between them, of PyTorch, in their order.

    A loss may need what was made before another optimiser's step: the points of a generator, of
    which first its judge learns and then itself. So the tape goes back to the step that the same
    optimiser made before.
    """

    def __init__(self) -> None:
        self._heard: list[Heard | int] = []
        """Calls, and the numbers of optimisers that made a step."""
        self._optimisers: set[int] = set()

    def add_pass(
        self, network: nn.Module, args: Any, named: Any, answers: list[Tensor], chance: Tensor
    ) -> None:
        given = list(tensors_in((args, named)))
        self._heard += [found for tensor in given if (found := self._detached(tensor)) is not None]
        versions = {id(tensor): version_of(tensor) for tensor in given}
        precision = autocast_of(answers[0].device.type)
        self._heard.append(
            Heard(network, args, named, answers, None, versions, None, chance, precision)
        )

    def _detached(self, tensor: Tensor) -> Heard | None:
        """The call that cut a tensor off the graph, if it is a network's answer without its graph
        and nobody listened to the cut, as after a backward pass."""
        if tensor.requires_grad or not tensor.numel():
            return None
        passes = (one for one in self._heard if isinstance(one, Heard) and one.is_network)
        for answer in (answer for one in passes for answer in one.value):
            is_answer = answer.requires_grad and answer.data_ptr() == tensor.data_ptr()
            if is_answer and answer.shape == tensor.shape:
                return Heard(Tensor.detach, (answer,), {}, tensor)
        return None

    def add(self, calls: Sequence[Heard]) -> None:
        """Calls after a pass; between a step and the next pass nothing is kept."""
        if self._heard and isinstance(self._heard[-1], Heard):
            self._heard.extend(calls)
        if len(self._heard) > MOST:
            self._heard.clear()

    def note_step(self, optimiser: int) -> None:
        """Forget what came before the step that this optimiser made before this one."""
        again = optimiser in self._optimisers
        self._optimisers.add(optimiser)
        if again and len(self._optimisers) == 1:
            self._heard.clear()
        if optimiser in self._heard:
            del self._heard[: self._heard.index(optimiser) + 1]
        self._heard.append(optimiser)

    def clear(self) -> None:
        self._heard.clear()

    def program(self, loss: Tensor) -> Program | None:
        """How a loss came about; None if it comes from what was not heard."""
        return program_of([one for one in self._heard if isinstance(one, Heard)], loss)
