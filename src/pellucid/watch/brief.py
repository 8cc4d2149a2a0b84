"""Steps of a loop that goes on as it has: only what may differ is noted of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from pellucid.watch.losses import Losses
from pellucid.watch.rows import Learnt, PutOff
from pellucid.watch.trace import Pass, Trace
from pellucid.watch.updates import Updates

SURE, EACH = 100, 20
"""Steps from which on a loop may be noted briefly; one step in `EACH` is still noted in full."""


class Brief:
    """Notes a pass like the last one, its loss and its step, in a small part of the time.

    The mode, the line, the loader, the kinds of gradients and the parameters are taken to be as in
    the last step that was noted in full. Looked at each time are which network is called and with
    how many tensors, its mode, whether gradients are recorded, the value of the loss, the shapes
    that a loss function gets, the optimiser, and the learning rates: a step where one of the kinds
    differs is noted in full. Examples are looked at a few steps later.
    """

    def __init__(
        self, trace: Trace, updates: Updates, losses: Losses, learnt: defaultdict[int, Learnt]
    ) -> None:
        self.is_on = False
        self._trace, self._updates, self._losses, self._learnt = trace, updates, losses, learnt
        self._until = 0
        """The step that is to be noted in full again."""
        self._like: tuple[nn.Module, Pass] | None = None
        self._put_off = PutOff()

    def note_like(self, module: nn.Module, given: Any, found: Pass) -> None:
        """A pass that was noted in full, and was made to learn from."""
        one = isinstance(given, Tensor) and given.ndim
        self._like = (module, found) if one else None

    def begin(self, wants: Callable[[int], bool], most_steps: float) -> None:
        """From the coming step on, if the loop has gone on as it was for long. `wants` says of a
        step whether it is to be noted in full."""
        coming = len(self._trace.steps)
        if coming < SURE or not coming % EACH or not self._updates.are_steady:
            return
        next_one = coming - coming % EACH + EACH
        self._until = next(filter(wants, range(coming, next_one)), next_one)
        if coming < self._until < most_steps:
            self.is_on = self._losses.is_brief = True

    def end(self) -> None:
        """What comes now is noted in full."""
        if self.is_on:
            self.is_on = self._losses.is_brief = False
            self._settle()

    def is_of(self, module: nn.Module, given: Any, named: Any) -> bool:
        """Whether a call of a module begins a pass that may be noted briefly."""
        if not self.is_on or self._like is None or named or len(given) != 1:
            return False
        like, found = self._like
        return like is module and module.training == found.training and torch.is_grad_enabled()

    def note_pass(self, batch: Tensor) -> tuple[int, list[float]]:
        """The network's number, and the marks of the batch if it was looked at."""
        assert self._like is not None
        like = self._like[1]
        found = Pass(
            like.model, len(self._trace.steps), like.training, like.dropping, like.norming, True,
            0, like.line, 0, 0, like.loader,
        )  # fmt: skip
        self._trace.passes.append(found)
        if self._put_off.takes(batch):
            self._put_off.add(batch, found)
            return like.model, []
        self._settle()
        rows = self._learnt[like.model].look([batch], learning=True)
        found.examples, found.known, found.repeated = rows.examples, rows.known, rows.repeated
        return like.model, rows.marks

    def note_backward(self, loss: Tensor) -> bool:
        """Whether the backward pass could be noted briefly."""
        self._put_off.note_backward()
        return self.is_on and self._updates.note_backward_again(loss)

    def note_step(self, optimiser: Optimizer) -> bool:
        """Whether the step could be noted briefly."""
        if not self.is_on:
            return False
        count = self._updates.note_step_again(optimiser)
        if not 0 < count < self._until:
            self.end()
        return count > 0

    def _settle(self) -> None:
        """Look at the batches that were put off."""
        if self._like is not None:
            model = self._like[1].model
            learnt = self._learnt[model]
            self._put_off.settle(learnt)
            self._trace.models[model].learnt_from = len(learnt.marks)
