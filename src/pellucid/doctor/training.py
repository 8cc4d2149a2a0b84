"""The doctor beside a training of Pellucid's own: what is said is said in the recipe's words."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from pellucid.base.records import Record, write_json
from pellucid.doctor.course import record_of
from pellucid.doctor.examination import Examination, examine, time_for_trials
from pellucid.doctor.finding import Finding
from pellucid.train.watcher import Training, Watcher
from pellucid.watch.follower import Follower
from pellucid.watch.trace import Trace

FILE = "findings.json"
SHARE_WHERE_LEARNT = 0.1
"""What trials may take of a training whose loss has come down: only suggestions are to be had."""
LEARNT = 0.6
"""Loss of the last tenth as a share of the first tenth's, below which something was learnt."""
_OWN = Path(__file__).resolve().parents[1]


class Doctor(Watcher):
    """Watches a training from its first step on, and examines it when its result is there.

    The findings are written into the run's folder, as `findings.json`.
    """

    def __init__(self) -> None:
        self.follower = Follower()
        self.examination: Examination | None = None
        self._stack = ExitStack()
        self._training: Training | None = None
        self._begun = time.monotonic()

    @property
    def trace(self) -> Trace:
        return self.follower.trace

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Whatever ends the training inside the block, it is examined; once."""
        try:
            yield
        finally:
            self._stack.close()
            if self._training is not None and self.examination is None and self.trace.steps:
                self._examine(self._training)

    def on_start(self, training: Training) -> None:
        self._training = training
        self._begun = time.monotonic()
        self._stack.enter_context(self.follower.watching())

    def on_stage(self, training: Training, stage: str) -> None:
        self._stack.close()  # the training is over; its network is only judged from here on

    def on_end(self, training: Training, result: Record) -> None:
        self._examine(training)

    def _examine(self, training: Training) -> None:
        seconds = self._seconds(time.monotonic() - self._begun)
        found = examine(self.trace, self.follower.captured, seconds)
        found.findings = [_in_recipe_words(finding, training) for finding in found.findings]
        self.examination = found
        write_json(Path(training.folder) / FILE, record_of(found, self.trace))

    def _seconds(self, took: float) -> float:
        losses = [entry.loss for entry in self.trace.backwards]
        tenth = max(1, len(losses) // 10)
        learnt = losses and sum(losses[-tenth:]) < LEARNT * sum(losses[:tenth])
        return SHARE_WHERE_LEARNT * took if learnt else time_for_trials(None, took)


def _in_recipe_words(finding: Finding, training: Training) -> Finding:
    """Lines of Pellucid's own loop say nothing to a reader; options of the command do."""
    if finding.where and _OWN in Path(finding.where.file).parents:
        finding = replace(finding, where=None)
    if finding.name in ("learning-rate-too-high", "learning-rate-too-low"):
        factor = finding.numbers["tried"] / finding.numbers["rate"]
        rate = training.recipe.learning_rate * factor
        finding = replace(finding, prescription=f"try --learning-rate {rate:.2g}")
    return finding
