"""How a training looks while it happens: one moving line in a terminal, one row an epoch."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pellucid.base.records import Record
from pellucid.train.verdict import short_metric

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

REFRESH = 0.1
"""Seconds between two drawings of the moving line."""


@dataclass
class Standing:
    """Where a training stands, for the moving line."""

    step: int
    steps: int
    epoch: int
    """From 1."""
    epochs: float
    loss: float | None = None
    """Mean over the steps of this epoch so far."""
    right: float | None = None
    """Share of right answers, likewise."""


class Lines:
    """Draws to `console` (standard error): quiet between epochs where that is no terminal."""

    def __init__(self, console: Console, metric: str = "accuracy") -> None:
        self.console, self.metric = console, metric
        self.is_moving = console.is_terminal
        self._live: Live | None = None
        self._drawn = 0.0
        self._begun = time.perf_counter()
        self._first_step = 0

    def begin(self, first_step: int = 0, is_attacked: bool = False) -> None:
        """The heading of the epochs' rows; time is counted from here.

        A training that is attacked has one column more: what is read rightly all the same.
        """
        self._begun, self._first_step = time.perf_counter(), first_step
        heading = (
            f"{'epoch':>5}  {'train loss':>10}  {'right':>9}  {'valid. loss':>11}  "
            f"{'valid. ' + self.metric.replace('_db', ' dB'):>15}  "
            f"{'attacked  ' if is_attacked else ''}{'time':>9}"
        )
        self.console.print(heading, style="dim")

    @property
    def is_due(self) -> bool:
        """Is there a moving line, and is it time to draw it anew?"""
        return self.is_moving and time.perf_counter() - self._drawn >= REFRESH

    def move(self, standing: Standing) -> None:
        """Draw the moving line."""
        from rich.live import Live
        from rich.text import Text

        self._drawn = time.perf_counter()
        text = Text.from_markup(self.moving_line(standing, self._drawn))
        if self._live is None:
            self._live = Live(text, console=self.console, transient=True, auto_refresh=False)
            self._live.start()
        self._live.update(text, refresh=True)

    def moving_line(self, standing: Standing, now: float) -> str:
        """Bar, share, epoch, loss, right answers, speed and the time that is left."""
        share = standing.step / standing.steps
        rate = (standing.step - self._first_step) / max(1e-9, now - self._begun)
        left = (standing.steps - standing.step) / max(1e-9, rate)
        bar = "━" * round(16 * share)
        loss = "loss …" if standing.loss is None else f"loss {standing.loss:.4f}"
        right = "" if standing.right is None else f", {100 * standing.right:.1f} % right"
        speed = f"{rate:,.0f} steps/s, " if self.console.width >= 100 else ""
        return (
            f"[cyan]{bar:<16}[/] {100 * share:3.0f} %  epoch {standing.epoch} of "
            f"{standing.epochs:g}  {loss}{right}  {speed}{_rough(left)} left"
        )

    def row(self, row: Record, is_best: bool = False) -> None:
        """An epoch that is over, as a line of `metrics.jsonl`."""
        train, validation = row["train"], row["validation"]
        value = short_metric(self.metric, validation[self.metric])
        robust = validation.get("robust")
        attacked = "" if robust is None else f"{short_metric('accuracy', robust):>8}  "
        own = short_metric("accuracy", train["accuracy"]) if "accuracy" in train else "–"
        self.console.print(
            f"{row['epoch']:>5}  {train['loss']:>10.4f}  {own:>9}  {validation['loss']:>11.4f}  "
            f"{value:>15}  {attacked}{row['seconds']:>7.1f} s{'  ← best' if is_best else ''}"
        )

    def stage(self, words: str) -> None:
        """Something other than training begins."""
        self.stop()
        self.console.print(f"… {words}", style="dim")

    def stop(self) -> None:
        """Take the moving line away."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def epochs_in_words(count: float) -> str:
    """`1 epoch`, `10 epochs`."""
    return "1 epoch" if count == 1 else f"{count:g} epochs"


def _rough(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
