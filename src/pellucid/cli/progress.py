"""A training as it happens, told by the lines of `pellucid.cli.lines`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.base.records import Record
from pellucid.cli.lines import Lines, Standing, epochs_in_words
from pellucid.train.recipe import of_task
from pellucid.train.watcher import Training, Watcher

if TYPE_CHECKING:
    from rich.console import Console

SETTLED_EVERY = 20
"""Steps after which the loop adds up its losses and right answers."""


class ProgressDisplay(Watcher):
    """Draws to `console` (standard error): quiet between epochs where that is no terminal."""

    def __init__(self, console: Console, metric: str = "accuracy") -> None:
        self.console = console
        self.lines = Lines(console, metric)

    def on_start(self, training: Training) -> None:
        recipe, now = training.recipe, training.progress
        self.console.print(
            f"[bold]{recipe.net}[/] on [bold]{recipe.dataset}[/]{of_task(recipe.task)}: "
            f"{training.parameters:,} parameters, {epochs_in_words(recipe.epochs)} of "
            f"{training.steps_per_epoch:,} steps, seed {recipe.seed} → {training.folder}"
        )
        if now.step:
            self.console.print(f"Resumed in epoch {now.epoch + 1}, at step {now.step:,}.")
        self.lines.begin(now.step, is_attacked=recipe.adversarial != "none")

    def on_step(self, training: Training) -> None:
        if self.lines.is_due:
            self.lines.move(standing(training))

    def on_epoch(self, training: Training, row: Record) -> None:
        self.lines.row(row, is_best=training.progress.best_epoch == row["epoch"])

    def on_stage(self, training: Training, stage: str) -> None:
        self.lines.stage(stage)

    def on_end(self, training: Training, result: Record) -> None:
        self.stop()

    def stop(self) -> None:
        """Take the moving line away."""
        self.lines.stop()


def standing(training: Training) -> Standing:
    """Where a training stands; loss and right answers are those that are added up already."""
    recipe, now = training.recipe, training.progress
    settled = max(1, now.done - now.done % SETTLED_EVERY)
    return Standing(
        step=now.step,
        steps=recipe.steps(training.steps_per_epoch),
        epoch=now.epoch + 1,
        epochs=recipe.epochs,
        loss=now.loss_sum / settled if now.loss_sum else None,
        right=now.right / (settled * recipe.batch_size) if now.right else None,
    )
