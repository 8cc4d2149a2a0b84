"""The bench: the beginning of a training, done again on copies with one thing changed.

From the same weights, with the same batches and the same random numbers, as in the run; then
again with the batches in other orders. What the script computes from an answer up to its loss is
its own (`pellucid.watch.program`). Nothing of the script's is touched: networks and optimisers are
copies, random numbers are put back, and what a network prints meanwhile is not shown.
"""

from __future__ import annotations

import contextlib
import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from pellucid.doctor.effect import (
    BETTER,
    FREED,
    NOTHING,
    Change,
    Effect,
    NotPossible,
    Outcome,
    Standing,
    median,
    starting_at,
)  # fmt: skip
from pellucid.doctor.game import GameJudge
from pellucid.doctor.joint import judge_of
from pellucid.doctor.judged import answers_of, cut, is_mixed
from pellucid.doctor.terms import trivial_of_terms
from pellucid.doctor.together import drawn_anew, subject_of, weights_of
from pellucid.doctor.turns import Turn, is_falling, shuffled, turns_of
from pellucid.watch.aside import aside
from pellucid.watch.captured import Batch, Captured
from pellucid.watch.lines import Line
from pellucid.watch.trace import Trace

REPEATS = 3
"""Orders of the batches in which a change must help: the run's own, and others."""
STEPS = 60
GAME_STEPS = 160
"""The same where several networks work against each other: each has its share of the steps."""
LATE = 4
"""Times as many steps for what shows late, where the run is stuck."""
LATE_SHARE = 0.95
"""What such a change lowers the loss to at least."""
TRIALS = 20
FAITHFUL = 0.02
"""How far the losses of a repetition may lie from the run's, as a share of them, in the median."""
FAITHFUL_STEPS = 10
LEARNT = 0.6
"""Multiplies what a cure must lower the loss to, where the run learns as it is."""


class Bench:
    """Does the captured beginning of a training again, and asks questions of its networks."""

    def __init__(self, trace: Trace, captured: Captured, seconds: float = math.inf) -> None:
        self._trace = trace
        self.captured = captured
        self._standing: Standing | None = None
        self._until = time.monotonic() + seconds
        self.steps = min(STEPS, max(FAITHFUL_STEPS, len(trace.steps) // 2))
        """Steps of a trial: half of the run's, and few enough for `TRIALS` in the time."""
        self._known: dict[tuple[int, int, int], tuple[Change, Outcome]] = {}
        self.batches: list[Batch] = []
        self.why_not = captured.why_not or self._set_up()
        if not self.why_not:
            if self.is_game:
                self.steps = min(GAME_STEPS, max(FAITHFUL_STEPS, len(trace.steps) // 2))
            started = time.monotonic()
            self.why_not = self._unfaithful()
            self._pace = (time.monotonic() - started) / FAITHFUL_STEPS
            if math.isfinite(seconds):
                most = int(seconds / TRIALS / self._pace)
                self.steps = max(FAITHFUL_STEPS, min(self.steps, most))

    def _set_up(self) -> str:
        captured = self.captured
        if not captured.optimisers or not captured.networks:
            return "no step of an optimiser on a network was seen"
        if time.monotonic() > self._until:
            return "no time was left for it"
        self.subject = subject_of(captured)
        self.batches = [batch for batch in self.subject.beginning if batch.is_fresh()]
        if len(self.batches) < min(3, len(captured.beginning) or 1):
            return "the batches were written into after they were used"
        every = self.batches + [batch for batch in self.subject.later if batch.is_fresh()]
        try:
            with _aside():
                self.judge = judge_of(every, self.subject, captured.steppers, self.first())
        except NotPossible as error:
            return str(error)
        return ""

    def _unfaithful(self) -> str:
        try:
            losses = self.run(steps=FAITHFUL_STEPS).losses
        except NotPossible as error:
            return str(error)
        by_step = [[batch.loss for batch in turn.batches] for turn in self._turns()]
        far = [
            abs(mine - sum(own)) / (abs(sum(own)) + 1e-6)
            for mine, own in zip(losses, by_step, strict=False)
            if own and math.isfinite(sum(own))
        ]
        if far and median(far) > FAITHFUL:
            return "its steps, done again on a copy, did not give the same losses"
        return ""

    def first(self) -> nn.Module:
        """A copy of the network as it was before its first step."""
        return self.beginning()[0]

    def beginning(self) -> tuple[nn.Module, list[Optimizer]]:
        """Copies of the network before its first step, and of its optimisers."""
        with _aside():
            return copy.deepcopy((self.subject.first, self.subject.optimisers))

    def final(self) -> nn.Module:
        """A copy of the network as it is after the run."""
        with _aside():
            return copy.deepcopy(self.subject.final)

    def reached(self) -> Outcome:
        """What the whole run came to, judged as the repetitions are."""
        with _aside():
            try:
                loss, right = self.judge(self.final())
            except Exception:
                if self._trace.crash is None:
                    raise
                return Outcome((), math.inf, None)  # the script's own loss refuses it too
        return Outcome((), loss, right)

    def standing(self) -> Standing:
        """How the run went. Raises `NotPossible`."""
        if self._standing is None:
            with _aside():
                first, _ = self.judge(self.first())
            reached, trivial = self.reached(), self.judge.trivial()
            knows_floor = trivial is not None
            if trivial is None and not self.is_game:
                with _aside():
                    trivial = trivial_of_terms(self.judge.batches, self.first())
            self._standing = Standing(
                first, reached.loss, trivial, reached.right, self.judge.majority(), knows_floor,
                self._is_improving(),
            )  # fmt: skip
        return self._standing

    def _is_improving(self) -> bool:
        if self.is_game:
            return self.reached().loss < BETTER * self.judge(self.first())[0]
        return is_falling([entry.loss for entry in self._trace.backwards])

    def effect(self, change: Change) -> Effect:
        """Every repetition without and with the change. Raises `NotPossible`."""
        numbers = range(REPEATS)
        return Effect(
            tuple(self.run(repetition=k) for k in numbers),
            tuple(self.run(change, repetition=k) for k in numbers),
            self.judge.MEASURE,
        )

    def cure(
        self, change: Change, share: float, learnt: float = LEARNT, freed: float = FREED
    ) -> Effect | None:
        """The effect of a change that helps in every repetition, and with which these few steps
        come below what the whole run has reached: to `share` of either loss, and further, by
        `learnt`, where the run learns as it is; to `freed`, where it is stuck. Or they come twice
        as far below the trivial answer. None if it does not.

        Raises `NotPossible`.
        """
        standing = self.standing()
        if standing.is_good:
            return None
        if standing.is_stuck:
            share = max(share, freed)
        elif standing.learns and not self.is_game:
            share *= learnt
        return self._in_all(change, lambda effect: effect.cures(standing, share))

    def sooner(self, change: Change, share: float) -> Effect | None:
        """The effect of a change with which as many steps come to this share of the loss, in every
        repetition, wherever the whole run came to. Raises `NotPossible`."""
        if self.standing().is_good:
            return None
        effect = self._in_all(change, lambda effect: effect.lowers_loss_to(share))
        return effect and replace(effect, is_only_sooner=True)

    def _in_all(self, change: Change, helps: Callable[[Effect], bool]) -> Effect | None:
        """The effect of a change that helps; one repetition is mostly enough to see that it does
        not."""
        if not helps(Effect((self.run(),), (self.run(change),))):
            return None
        effect = self.effect(change)
        return effect if helps(effect) else None

    def late(self, change: Change) -> Effect | None:
        """The effect of a change that helps a run which is stuck, but only after many more steps
        than a trial has, and comes below what the whole run reached. Raises `NotPossible`."""
        steps = LATE * self.steps
        left = self._until - time.monotonic()
        if not self.standing().is_stuck or steps * self._pace > left / LATE:
            return None
        whole = Effect((self.reached(),), (self.run(change, steps),))
        if not whole.lowers_loss_to(LATE_SHARE):
            return None
        pairs = [[self.run(each, steps, k) for k in range(REPEATS)] for each in (NOTHING, change)]
        effect = Effect(tuple(pairs[0]), tuple(pairs[1]), self.judge.MEASURE)
        return effect if effect.lowers_loss_to(LATE_SHARE) else None

    def further(self) -> Effect:
        """The run's end, and the same steps again from there on. Raises `NotPossible`."""
        change, reached = self.from_the_end(), self.reached()
        steps = max(self.steps, min(STEPS, len(self._trace.steps)))
        again = tuple(self.run(change, steps, k) for k in range(REPEATS))
        return Effect((reached,) * REPEATS, again)

    def from_the_end(self, **others: Any) -> Change:
        """Begin with the weights that the run came to, and with other changes."""
        return replace(starting_at(self.final()), **others)

    def judge_as_in_evaluation(self, network: nn.Module) -> tuple[float, float | None]:
        """Loss and share right with the statistics that batch norms have kept."""
        with _aside():
            return self.judge(network, norms=False)

    def best(self, changes: Sequence[Change]) -> int:
        """Which change comes to the lowest loss in one repetition, tried in their order until two
        in a row are worse than the best so far. Raises `NotPossible`."""
        losses: list[float] = []
        for change in changes:
            losses.append(self.run(change).loss)
            if len(losses) > 2 and min(losses[-2:]) > min(losses):
                break
        return losses.index(min(losses))

    def run(
        self, change: Change = NOTHING, steps: int | None = None, repetition: int = 0
    ) -> Outcome:
        """One repetition of the first steps.

        Raises `NotPossible` if it fails or time is over.
        """
        steps = steps or self.steps
        key = (id(change), steps, repetition)
        if key in self._known:
            return self._known[key][1]
        try:
            with _aside():
                outcome = self._run(change, steps, repetition)
        except NotPossible:
            raise
        except Exception as error:
            if change is NOTHING and not self._ended_so(error):
                raise NotPossible(f"a repetition on a copy failed: {error}") from error
            outcome = Outcome((), math.inf, None)  # no cure: it does not even run
        self._known[key] = change, outcome
        return outcome

    def _ended_so(self, error: Exception) -> bool:
        """Whether the run itself ended in this error, in its training."""
        crash = self._trace.crash
        return crash is not None and str(error).strip().split("\n")[0] == crash.text

    def trained(self, change: Change, steps: int, repetition: int = 0) -> nn.Module:
        """The copy after so many steps, in eval mode. Raises `NotPossible`."""
        with _aside():
            return self._train(change, steps, repetition)[0].eval()

    def _run(self, change: Change, steps: int, repetition: int) -> Outcome:
        network, losses = self._train(change, steps, repetition)
        if not math.isfinite(losses[-1]):
            return Outcome(tuple(losses), math.inf, None)
        loss, right = self.judge(network, change)
        return Outcome(tuple(losses), loss, right)

    def _train(self, change: Change, steps: int, repetition: int) -> tuple[nn.Module, list[float]]:
        """A copy after so many steps, or where its loss was no number any more."""
        network, optimisers = self.beginning()
        if change.network:
            change.network(network)
        if change.optimiser:
            optimisers = [change.optimiser(network, optimiser) for optimiser in optimisers]
        dealt = self._dealt(repetition, change.dealt_anew)
        if change.parts > 1:
            dealt = [
                replace(turn, batches=[part])
                for turn in dealt
                for batch in turn.batches
                for part in cut(batch, change.parts)
            ]
            steps *= change.parts
        if change.batch:
            batches = [[change.batch(batch) for batch in turn.batches] for turn in dealt]
            dealt = [replace(t, batches=b) for t, b in zip(dealt, batches, strict=True)]
        losses: list[float] = []
        for number in range(steps):
            if time.monotonic() > self._until:
                raise NotPossible("no time was left for it")
            turn = dealt[number % len(dealt)]
            loss = 0.0
            for batch in turn.batches:
                self._forget_gradients(network, batch)
                loss += self._learn(network, batch, change, repetition)
            losses.append(loss)
            if not math.isfinite(loss):
                break
            self._step(network, optimisers[turn.optimiser], change, turn)
        return network, losses

    def _forget_gradients(self, network: nn.Module, batch: Batch) -> None:
        """All but those that the script let this loss's be added to."""
        kept = {self.subject.names.get(key) for key in batch.gathered}
        for name, weight in weights_of(network).items():
            if name not in kept:
                weight.grad = None

    def _learn(self, network: nn.Module, batch: Batch, change: Change, repetition: int) -> float:
        network.train(batch.training) if not is_mixed(network) else None
        if repetition:
            torch.manual_seed(1_000 * repetition + batch.step)
            batch = drawn_anew(batch)
        elif batch.chance is not None:
            torch.set_rng_state(batch.chance)
        answers = answers_of(network, batch, change)
        own = self.judge.loss_of(network, batch, answers)
        loss = own
        if change.loss:
            loss = change.loss(answers[0], self.judge.target_of(batch))
        loss.backward()  # type: ignore[no-untyped-call]
        return float(own.detach().sum())

    def _step(self, network: nn.Module, optimiser: Optimizer, change: Change, turn: Turn) -> None:
        held = [weight for group in optimiser.param_groups for weight in group["params"]]
        if self.captured.clipped is not None and not change.unclipped:
            nn.utils.clip_grad_norm_(held, self.captured.clipped)
        if change.gradients:
            change.gradients(network)
        if type(optimiser) is type(self.subject.optimisers[turn.optimiser]):
            for group, rate in zip(
                optimiser.param_groups, self.captured.rates.get(turn.number, ()), strict=False
            ):
                group["lr"] = rate * (change.rate if change.of in (None, turn.optimiser) else 1)
        type(optimiser).step(optimiser)  # an instance's own `step` may belong to a schedule

    @property
    def is_game(self) -> bool:
        """Whether several optimisers follow losses of their own, one against the other."""
        return isinstance(self.judge, GameJudge)

    def rated(self) -> list[int | None]:
        """The optimisers whose rates are tried each by itself; None stands for all together."""
        return list(range(len(self.subject.optimisers))) if self.is_game else [None]

    def line(self, of: int | None) -> Line | None:
        """Where an optimiser makes its steps."""
        steps = (number for number, which in self.captured.steppers.items() if which == of)
        return self._trace.steps[next(steps)].line if of is not None else None

    def is_plain_descent(self) -> bool:
        """Whether the optimiser is gradient descent without momentum."""
        optimiser = self.subject.optimisers[0]
        return type(optimiser) is torch.optim.SGD and not optimiser.defaults.get("momentum")

    def _turns(self) -> list[Turn]:
        return turns_of(self.batches, self.captured.steppers, len(self.subject.optimisers))

    def _dealt(self, repetition: int, anew: bool) -> list[Turn]:
        turns = self._turns()
        if anew:
            dealt = self.judge.dealt_anew([turn.batches for turn in turns], seed=repetition)
            turns = [replace(t, batches=b) for t, b in zip(turns, dealt, strict=True)]
        return shuffled(turns, repetition) if repetition else turns

    def rate(self, of: int | None = None) -> float:
        """The largest learning rate of an optimiser's first step; 0 if there is none."""
        steps = (number for number, which in self.captured.steppers.items() if which == (of or 0))
        first = self.captured.rates.get(next(steps, -1), ())
        return max(first, default=0.0)


@contextlib.contextmanager
def _aside() -> Iterator[None]:
    with aside(), torch.enable_grad():
        yield
