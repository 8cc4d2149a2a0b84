"""Who wants to see a training happen: called at named moments, changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from pellucid.base.records import Record

if TYPE_CHECKING:
    from pellucid.train.recipe import Recipe


@dataclass
class Progress:
    """Where a training stands. All of it is kept in a checkpoint."""

    epoch: int = 0
    """The epoch under way, from 0."""
    step: int = 0
    """Steps done in all."""
    done: int = 0
    """Steps done in this epoch."""
    loss_sum: float = 0.0
    """Sum of the batch losses of this epoch."""
    right: float = 0.0
    """Right answers among this epoch's training examples."""
    seen: int = 0
    """Training examples of this epoch."""
    best: float | None = None
    """The best validation value so far."""
    best_epoch: int = 0
    """The epoch, from 1, that reached it."""
    risen: int = 0
    """The epoch, from 1, that was last better than all before it: patience counts from here."""
    seconds: float = 0.0
    """Seconds of training so far, over all sittings."""
    ended: str = ""
    """Why training ended: `finished`, `patience`, `until`; empty while it goes on."""


@dataclass
class Training:
    """What watchers may look at."""

    recipe: Recipe
    network: nn.Module
    folder: str
    steps_per_epoch: int
    progress: Progress
    parameters: int = 0
    facts: dict[str, Any] = field(default_factory=dict)


class Watcher:
    """Override the moments that matter to you."""

    def on_start(self, training: Training) -> None:
        """Before the first step, also when a run is resumed."""

    def on_batch(self, training: Training, inputs: Tensor, targets: Tensor) -> None:
        """Before the forward pass."""

    def on_loss(self, training: Training, output: Tensor, loss: Tensor) -> None:
        """After the forward pass."""

    def on_backward(self, training: Training) -> None:
        """The gradients are there; the weights are still the old ones."""

    def on_step(self, training: Training) -> None:
        """The weights are the new ones; the gradients are still there."""

    def on_epoch(self, training: Training, row: Record) -> None:
        """An epoch's metrics are there, as a line of `metrics.jsonl`."""

    def on_stage(self, training: Training, stage: str) -> None:
        """Something other than training begins, e.g. `judging on the test set`."""

    def on_end(self, training: Training, result: Record) -> None:
        """The result is there."""


class Watchers(Watcher):
    """Several watchers as one. Each moment calls those alone that override it."""

    def __init__(self, watchers: Sequence[Watcher]) -> None:
        for moment in (name for name in vars(Watcher) if name.startswith("on_")):
            calls = [
                getattr(watcher, moment)
                for watcher in watchers
                if getattr(type(watcher), moment) is not getattr(Watcher, moment)
            ]
            setattr(self, moment, _call_all(calls))


def _call_all(calls: list[Any]) -> Any:
    if len(calls) == 1:
        return calls[0]

    def call(*arguments: Any) -> None:
        for each in calls:
            each(*arguments)

    return call
