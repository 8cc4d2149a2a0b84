"""By what several networks or passes are judged: by what their loss functions are given."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.doctor.effect import NOTHING, Change, NotPossible
from pellucid.doctor.game import GameJudge
from pellucid.doctor.judged import BEST, Judge, answers_of, are_classes, right_ones
from pellucid.doctor.together import Body, Subject, heard_by, weights_of
from pellucid.watch.captured import Batch
from pellucid.watch.program import Call, Constant, Slot


@dataclass(frozen=True)
class Compared:
    """One call of a loss function: what is compared with which target of the script's."""

    name: str
    scores: Tensor
    target: Tensor


class JointJudge(Judge):
    """The mean loss, and the share of right answers, where an answer is what a loss is given."""

    def __init__(self, batches: list[Batch], network: nn.Module) -> None:
        super().__init__(batches)
        self._network = network
        self._calls = [self._compared(network, batch)[1] for batch in self.batches]

    def graded(self, network: nn.Module, batch: Batch, change: Change) -> tuple[Tensor, list[bool]]:
        loss, calls = self._compared(network, batch, change)
        marks = [right_ones(c.scores, c.target) for c in calls]
        return loss, [one for several in marks for one in several]

    @staticmethod
    def find_target(batch: Batch) -> Tensor | None:
        return None  # a loss may have several, of several answers

    def trivial(self) -> float | None:
        """The loss, if in place of whatever is compared the best constant answer stands."""
        losses = []
        for batch in self.batches:
            try:
                with torch.enable_grad():
                    loss, _ = self._compared(self._network, batch, exchange=self._constant)
            except Exception:
                return None
            if loss.requires_grad:
                return None  # something else is part of it
            losses.append(float(loss.sum()))
        mean = sum(losses) / len(losses)
        return mean if math.isfinite(mean) else None

    def majority(self) -> float | None:
        every = [call.target for calls in self._calls for call in calls]
        if not every or any(not are_classes(target) for target in every):
            return None
        counts = torch.bincount(torch.cat(every).clamp_min(0))
        return float(counts.max() / counts.sum())

    def _constant(self, found: Compared) -> Tensor:
        same = (call for calls in self._calls for call in calls if call.name == found.name)
        every = torch.cat([call.target for call in same])
        best = BEST[found.name](every, tuple(found.scores.shape))
        if best is None:
            return found.scores
        return best.expand(found.scores.shape)

    @staticmethod
    def _compared(
        network: nn.Module, batch: Batch, change: Change = NOTHING,
        exchange: Callable[[Compared], Tensor] | None = None,
    ) -> tuple[Tensor, list[Compared]]:  # fmt: skip
        """The loss, and what loss functions were given on the way to it."""
        calls: list[Compared] = []
        body = batch.given[0]
        assert isinstance(body, Body)
        assert batch.tail is not None
        given = body.program.inputs

        def caller(call: Call, function: Any, args: Any, named: Any) -> Any:
            found = _loss_call(call, args, named, given)
            if found is not None:
                calls.append(found)
                if exchange is not None:
                    args = (exchange(found), *args[1:])
            return function(*args, **named)

        answers = answers_of(network, heard_by(batch, caller), change)
        given = 0
        loss = batch.tail.again(answers, weights_of(network), caller=caller)[0]
        return loss, calls


def _loss_call(call: Call, args: Any, named: Any, given: int) -> Compared | None:
    """A call of a loss function whose target is the script's: one of its first `given` slots."""
    leaf = call.args[1] if len(call.args) > 1 else call.named.get("target")
    is_data = isinstance(leaf, Constant) or (isinstance(leaf, Slot) and leaf.k < given)
    if call.name not in BEST or not args or not is_data or not isinstance(args[0], Tensor):
        return None
    target = args[1] if len(args) > 1 else named["target"]
    return Compared(call.name, args[0], target)


def judge_of(
    batches: list[Batch], subject: Subject, steppers: Mapping[int, int], first: nn.Module
) -> Judge:
    """`steppers` says by step which optimiser made it. Raises `NotPossible` where no one number
    says how well it goes."""
    if _follow_different_losses(batches, steppers):
        return GameJudge(batches)
    if not subject.is_together:
        return Judge(batches)
    try:
        return JointJudge(batches, first)
    except Exception as error:
        raise NotPossible(f"a repetition on a copy failed: {error}") from error


def _follow_different_losses(batches: list[Batch], steppers: Mapping[int, int]) -> bool:
    """Whether a backward pass comes before the steps of more than one optimiser, or losses of
    different kinds before one step, where there are several optimisers."""
    if len(set(steppers.values())) < 2:
        return False
    kinds: dict[int, set[tuple[str, ...]]] = {}
    for batch in batches:
        assert batch.program is not None
        kind = tuple(call.name for call in batch.program.calls)
        kinds.setdefault(batch.step, set()).add(kind)
    learnt = {steppers[step] for step in kinds if step in steppers}
    return len(learnt) > 1 or any(len(found) > 1 for found in kinds.values())
