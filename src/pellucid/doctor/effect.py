"""A change, what repetitions without and with it came to, and how the run itself stands."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from pellucid.watch.captured import Batch

WELL = 0.6
"""A loss below this share of the trivial answer's is one of a network that has learnt."""
STUCK = 0.97
FREED = 0.9
"""Of the loss of a run that is stuck: what a cure must come to at least."""
FURTHER = 2.0
"""Times as far below the trivial answer's loss as the run, where that has not learnt well."""
GOOD_RIGHT = 0.95
GOOD_SHARE = 0.15
"""Of the trivial answer's loss: nobody looks for a fault below it."""
GOOD_FALL = 0.02
"""The same of the loss before the first step, where the trivial answer's is not known or 0."""
BETTER = 0.95
"""A loss below this share, and falling, is one of a network that is learning."""

Given = tuple[tuple[Any, ...], dict[str, Any]]


class NotPossible(Exception):
    """The bench cannot try this; the text says why."""


@dataclass(frozen=True)
class Change:
    """One thing that a repetition does otherwise. What is None stays as it was."""

    network: Callable[[nn.Module], None] | None = None
    """Changes the copy in place, before its first step."""
    optimiser: Callable[[nn.Module, Optimizer], Optimizer] | None = None
    given: Callable[[Given], Given] | None = None
    """Changes what the network is given."""
    loss: Callable[[Tensor, Tensor], Tensor] | None = None
    """Another loss of answer and targets; judged is still what the script judges by."""
    calls: Mapping[Callable[..., Any], Callable[..., Any]] = field(default_factory=dict)
    """Functions of one tensor that the network calls in place of some of PyTorch's."""
    calls_spared: int = 0
    """Calls of a pass, from the first on, that are not exchanged."""
    calls_most: float = math.inf
    """Calls of a pass, from the first on, that are exchanged."""
    gradients: Callable[[nn.Module], None] | None = None
    """Comes between the backward pass and the step."""
    unclipped: bool = False
    """Leaves gradients as long as they are, where the script clips them."""
    rate: float = 1.0
    """Multiplies every learning rate."""
    of: int | None = None
    """The only optimiser whose rates are meant, where there are several."""
    parts: int = 1
    """Cuts every batch into so many, each with a step of its own."""
    batch: Callable[[Batch], Batch] | None = None
    """Other batches to learn from; judged is by the old ones."""
    dealt_anew: bool = False
    """Deal the examples of all batches into batches of the same sizes, by chance."""


NOTHING = Change()


def itself(x: Tensor) -> Tensor:
    """In place of a call that is to be left out."""
    return x


def starting_at(network: nn.Module) -> Change:
    """Begin with the weights of another network."""
    state = network.state_dict()

    def load(twin: nn.Module) -> None:
        twin.load_state_dict(state)

    return Change(network=load)


@dataclass(frozen=True)
class Outcome:
    """What a repetition came to."""

    losses: tuple[float, ...]
    """The script's loss at each step."""
    loss: float
    """The script's mean loss on the judged batches after the last step, dropout off."""
    right: float | None
    """The share of the judged examples whose class is right, if the targets are classes."""


@dataclass(frozen=True)
class Effect:
    """The same repetitions without and with a change."""

    without: tuple[Outcome, ...]
    changed: tuple[Outcome, ...]
    measure: str = "loss"
    """By what they are judged."""
    is_only_sooner: bool = False
    """Whether as many steps come further with the change, and the whole run came further still."""

    def lowers_loss_to(self, share: float) -> bool:
        """Whether in every repetition the loss is at most this share of what it is without."""
        return all(
            math.isfinite(b.loss) and (not math.isfinite(a.loss) or b.loss <= share * a.loss)
            for a, b in zip(self.without, self.changed, strict=True)
        )

    def falls_on_by(self, share: float, first: float) -> bool:
        """Whether in every repetition the loss falls further by this share of its fall so far, from
        `first` on. For losses of which nobody knows how low they can be."""
        return all(
            first > a.loss and a.loss - b.loss >= share * (first - a.loss)
            for a, b in zip(self.without, self.changed, strict=True)
        )

    def raises_right_by(self, points: float) -> bool:
        """Whether in every repetition so many more of the examples are right."""
        return all(
            a.right is not None and b.right is not None and b.right >= a.right + points
            for a, b in zip(self.without, self.changed, strict=True)
        )

    def cures(self, standing: Standing, share: float) -> bool:
        """Whether in every repetition the loss is at most this share of what it is without, and
        comes below what the whole run has reached, too; or twice as far below the trivial
        answer."""
        reached = standing.reached
        beats = not math.isfinite(reached) or self.after <= share * reached
        return (beats and self.lowers_loss_to(share)) or self._goes_further(standing)

    def _goes_further(self, standing: Standing) -> bool:
        """Whether these few steps with the change come clearly below the best answer that looks at
        no input, and in every repetition twice as far below it as the whole run and as the same
        steps without. Where much of the loss can never be learnt, no share of it says that."""
        trivial = standing.trivial
        if trivial is None or not math.isfinite(standing.reached) or standing.beats_trivial:
            return False
        return all(
            trivial - b.loss >= (1 - FREED) * trivial
            and trivial - b.loss >= FURTHER * (trivial - min(a.loss, standing.reached))
            for a, b in zip(self.without, self.changed, strict=True)
        )

    def sentence(self, what: str) -> str:
        """What was tried and what came of it, in numbers."""
        steps = len(self.changed[0].losses)
        text = (
            f"The first {steps} steps again on a copy with {what}: {self.measure} "
            f"{self.after:.4g} instead of {self.before:.4g}"
        )
        right = [outcomes[0].right for outcomes in (self.changed, self.without)]
        if right[0] is not None and right[1] is not None:
            text += f", {100 * right[0]:.3g} % right instead of {100 * right[1]:.3g} %"
        return f"{text} ({len(self.changed)} of {len(self.changed)} repetitions)."

    @property
    def share(self) -> float:
        """The loss with the change as a share of the loss without; 0 if that is not finite."""
        return self.after / self.before if math.isfinite(self.before) and self.before else 0.0

    @property
    def right(self) -> float | None:
        """The smallest share that is right with the change."""
        known = [outcome.right for outcome in self.changed if outcome.right is not None]
        return min(known, default=None)

    @property
    def before(self) -> float:
        return median([outcome.loss for outcome in self.without])

    @property
    def after(self) -> float:
        return median([outcome.loss for outcome in self.changed])


@dataclass(frozen=True)
class Standing:
    """How the run itself went, judged as its repetitions are."""

    first: float
    """The loss before the first step."""
    reached: float
    """The loss after the last."""
    trivial: float | None
    """The loss of the best answer that looks at no input, where it is known."""
    right: float | None
    majority: float | None
    """The share of the judged examples that belong to the most frequent class."""
    knows_floor: bool
    """Whether the loss function is one of which it is known how low it can get."""
    improving: bool
    """Whether the last third of the steps had a lower loss than the third before it."""

    @property
    def beats_trivial(self) -> bool:
        if self.right is not None and self.majority is not None:
            return self.right > self.majority + 0.5 * (1 - self.majority)
        bound = self.first if self.trivial is None else self.trivial
        return self.reached < WELL * bound

    @property
    def is_good(self) -> bool:
        """It has learnt so well that no cure is worth a trial."""
        if self.right is not None and self.right >= GOOD_RIGHT:
            return True
        if self.trivial is not None and self.trivial > 0:
            return self.reached <= GOOD_SHARE * self.trivial
        return 0 < self.reached <= GOOD_FALL * self.first

    @property
    def is_stuck(self) -> bool:
        """It is no better than the best answer that looks at no input."""
        return self.trivial is not None and self.reached >= STUCK * self.trivial

    @property
    def learns(self) -> bool:
        """It beats the trivial answer clearly, or a little and gets better still."""
        if self.beats_trivial:
            return True
        bound = self.first if self.trivial is None else self.trivial
        return self.improving and self.reached < BETTER * bound


def median(values: list[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2]
