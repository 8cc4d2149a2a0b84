"""The learning-rate schedule runs at the wrong rhythm, or ends at once."""

from __future__ import annotations

import math
from itertools import pairwise

from pellucid.doctor.cases import STEP, script
from pellucid.doctor.diagnosis import PROCEDURE, Diagnosis
from pellucid.doctor.finding import SUGGESTION, Finding
from pellucid.watch.trace import Trace

OPTIMISER = """\
torch.optim.Adam(network.parameters(), lr=0.01)
schedule = torch.optim.lr_scheduler.ExponentialLR(optimiser, {})"""


class ScheduleMismatch(Diagnosis):
    """The learning-rate schedule runs at the wrong rhythm, or ends at once."""

    GROUP = PROCEDURE
    EXPLAINS = ("learning-rate-too-low", "stopped-too-early", "weights-never-change")
    STEPS = 20
    """Of a training, below which nothing is said."""
    GONE = 1e-3
    """Share of the largest rate, below which no more is learnt."""
    EARLY = 0.5
    """Share of the steps before which a rate should not be gone."""
    AT_ONCE = 0.1
    """The same where nothing else is asked: the loss may have stood still because of the rate."""
    STANDING = 0.05
    """Share of the steps that may have a rate of 0."""
    FALLING = 0.98
    """Losses of a stretch of steps as a share of those before it, if they still fall."""
    TURNS = 3
    """Times that the rate has come down and back up."""
    SICK = script(optimiser=OPTIMISER.format(0.5), step=STEP + "\nschedule.step()")
    HEALTHY = script(optimiser=OPTIMISER.format(0.99), step=STEP + "\nschedule.step()")

    def find(self, trace: Trace) -> Finding | None:
        rates = [max(step.rates, default=0.0) for step in trace.steps]
        if len(trace.optimisers) != 1 or len(rates) < self.STEPS or not max(rates):
            return None
        return (
            self._standing(trace, rates) or self._gone(trace, rates)
            or self._turning(trace, rates) or self._rising(trace, rates)
        )  # fmt: skip

    def _standing(self, trace: Trace, rates: list[float]) -> Finding | None:
        """Steps at a rate of 0 after one that was not."""
        begun = next(k for k, rate in enumerate(rates) if rate)
        still = [k for k, rate in enumerate(rates) if k > begun and not rate]
        if len(still) <= self.STANDING * len(rates):
            return None
        return self.proven(
            trace.steps[still[0]].line,
            [f"{len(still)} of {len(rates)} steps were made with a learning rate of 0, the first "
             f"of them step {still[0]}."],
            "let the schedule run over all steps: compare its length with epochs × batches",
            steps=len(still), first=still[0],
        )  # fmt: skip

    def _gone(self, trace: Trace, rates: list[float]) -> Finding | None:
        """A rate that has died out before half of the steps, while the loss was falling, or at
        once."""
        top = max(rates)
        alive = max(k for k, rate in enumerate(rates) if rate >= self.GONE * top)
        gone = alive + 1
        falls, at_once = self._falls(trace, gone), gone < self.AT_ONCE * len(rates)
        if gone >= self.EARLY * len(rates) or not (falls or at_once):
            return None
        return self.proven(
            trace.steps[gone].line,
            [f"The learning rate fell from {top:.3g} below {self.GONE * top:.3g} at step {gone} of "
             f"{len(rates)}{', while the loss was still falling,' if falls else ''} and stayed "
             f"there: {100 * (1 - gone / len(rates)):.3g} % of the steps taught next to nothing."],
            "call the schedule's step() once an epoch, not once a batch, or give it the number of "
            "batches in all",
            step=gone, steps=len(rates), largest=top,
        )  # fmt: skip

    def _falls(self, trace: Trace, gone: int) -> bool:
        losses = [e.loss for e in trace.backwards if e.step < gone and math.isfinite(e.loss)]
        third = len(losses) // 3
        if not third:
            return True  # so few steps have never been enough
        return sum(losses[-third:]) < self.FALLING * sum(losses[-2 * third : -third])

    def _turning(self, trace: Trace, rates: list[float]) -> Finding | None:
        """A rate that goes down to nothing and back up by small steps, several times an epoch."""
        top = max(rates)
        low = [k for k in range(1, len(rates) - 1) if rates[k] < 0.01 * top
               and rates[k - 1] > rates[k] < rates[k + 1] < 0.5 * top]  # fmt: skip
        if len(low) < self.TURNS:
            return None
        period = (low[-1] - low[0]) / (len(low) - 1)
        epoch = _epoch(trace)
        if epoch is None or period >= epoch:
            return None
        return self.proven(
            trace.steps[low[0]].line,
            [f"The learning rate came down to nothing and went back up {len(low)} times, every "
             f"{period:.3g} steps, while an epoch has {epoch} steps."],
            "call the schedule's step() once an epoch, or give it the number of batches in all",
            turns=len(low), period=period, epoch=epoch,
        )  # fmt: skip

    def _rising(self, trace: Trace, rates: list[float]) -> Finding | None:
        """A warm-up that was still going on when the training ended."""
        pairs = list(pairwise(rates))
        rose = sum(b > a for a, b in pairs)
        if any(b < a for a, b in pairs) or pairs[-1][0] >= pairs[-1][1] or rose < len(pairs) / 2:
            return None
        return self.proven(
            trace.steps[-1].line,
            [f"The learning rate never stopped rising: from {rates[0]:.3g} in the first of "
             f"{len(rates)} steps to {rates[-1]:.3g} in the last. A warm-up is to end early."],
            "give the warm-up fewer steps, a tenth of the training or less, or train for longer",
            kind=SUGGESTION, first=rates[0], last=rates[-1], steps=len(rates),
        )  # fmt: skip


def _epoch(trace: Trace) -> int | None:
    """Batches of the loader that was trained on."""
    for entry in trace.passes:
        if entry.with_graph and entry.loader is not None:
            loader = trace.loaders[entry.loader]
            return math.ceil(len(loader.indices) / loader.batch) if loader.batch else None
    return None


DIAGNOSIS = ScheduleMismatch
