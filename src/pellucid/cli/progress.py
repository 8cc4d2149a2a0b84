"""A training as it happens: one moving line in a terminal, one row an epoch everywhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pellucid.base.records import Record
from pellucid.train.recipe import of_task
from pellucid.train.verdict import short_metric
from pellucid.train.watcher import Training, Watcher

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

REFRESH = 0.1
"""Seconds between two drawings of the moving line."""


class ProgressDisplay(Watcher):
    """Draws to `console` (standard error): quiet between epochs where that is no terminal."""

    def __init__(self, console: Console, metric: str = "accuracy") -> None:
        self.console, self.metric = console, metric
        self.moving = console.is_terminal
        self._live: Live | None = None
        self._drawn = 0.0
        self._begun = time.perf_counter()
        self._first_step = 0

    def on_start(self, training: Training) -> None:
        recipe, now = training.recipe, training.progress
        self.console.print(
            f"[bold]{recipe.net}[/] on [bold]{recipe.dataset}[/]{of_task(recipe.task)}: "
            f"{training.parameters:,} parameters, {_epochs(recipe.epochs)} of "
            f"{training.steps_per_epoch:,} steps, seed {recipe.seed} → {training.folder}"
        )
        if now.step:
            self.console.print(f"Resumed in epoch {now.epoch + 1}, at step {now.step:,}.")
        self._begun, self._first_step = time.perf_counter(), now.step
        self.console.print(self._heading(), style="dim")

    def on_step(self, training: Training) -> None:
        if not self.moving:
            return
        now = time.perf_counter()
        if now - self._drawn >= REFRESH:
            self._drawn = now
            self._draw(self._moving_line(training, now))

    def on_epoch(self, training: Training, row: Record) -> None:
        mark = "  ← best" if training.progress.best_epoch == row["epoch"] else ""
        train, validation = row["train"], row["validation"]
        value = short_metric(self.metric, validation[self.metric])
        own = short_metric("accuracy", train["accuracy"]) if "accuracy" in train else "–"
        self.console.print(
            f"{row['epoch']:>5}  {train['loss']:>10.4f}  {own:>9}  "
            f"{validation['loss']:>11.4f}  {value:>15}  {row['seconds']:>7.1f} s{mark}"
        )

    def on_stage(self, training: Training, stage: str) -> None:
        self.stop()
        self.console.print(f"… {stage}", style="dim")

    def on_end(self, training: Training, result: Record) -> None:
        self.stop()

    def stop(self) -> None:
        """Take the moving line away."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _heading(self) -> str:
        return (
            f"{'epoch':>5}  {'train loss':>10}  {'right':>9}  {'valid. loss':>11}  "
            f"{'valid. ' + self.metric.replace('_db', ' dB'):>15}  {'time':>9}"
        )

    def _moving_line(self, training: Training, now: float) -> str:
        where = training.progress
        steps = training.recipe.steps(training.steps_per_epoch)
        share = where.step / steps
        rate = (where.step - self._first_step) / max(1e-9, now - self._begun)
        left = (steps - where.step) / max(1e-9, rate)
        bar = "━" * round(16 * share)
        settled = max(1, where.done - where.done % 20)
        loss = f"loss {where.loss_sum / settled:.4f}" if where.loss_sum else "loss …"
        right = f", {100 * where.right / (settled * training.recipe.batch_size):.1f} % right"
        speed = f"{rate:,.0f} steps/s, " if self.console.width >= 100 else ""
        return (
            f"[cyan]{bar:<16}[/] {100 * share:3.0f} %  epoch {where.epoch + 1} of "
            f"{training.recipe.epochs:g}  {loss}{right if where.right else ''}  "
            f"{speed}{_rough(left)} left"
        )

    def _draw(self, line: str) -> None:
        from rich.live import Live
        from rich.text import Text

        text = Text.from_markup(line)
        if self._live is None:
            self._live = Live(text, console=self.console, transient=True, auto_refresh=False)
            self._live.start()
        self._live.update(text, refresh=True)


def _epochs(count: float) -> str:
    return "1 epoch" if count == 1 else f"{count:g} epochs"


def _rough(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
