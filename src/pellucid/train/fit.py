"""Train one network by one recipe, into one run folder that survives whatever happens."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from pellucid.base.errors import WrongUse
from pellucid.base.records import (
    Record,
    append_json_line,
    sweep_unfinished,
    write_json,
    write_text,
)
from pellucid.base.seeds import named_seed
from pellucid.data.dataset import Dataset
from pellucid.data.load import load as load_data
from pellucid.train.batches import Feed
from pellucid.train.build import build, check_fit, check_learns, example_inputs
from pellucid.train.defaults import default_recipe
from pellucid.train.environment import choose_device, describe, precision
from pellucid.train.evaluate import evaluate
from pellucid.train.hardening import Hardening, adversary_of, robustness
from pellucid.train.interrupt import Interrupt
from pellucid.train.keep import Keeper
from pellucid.train.lock import alone
from pellucid.train.loop import Loop
from pellucid.train.optimiser import WeightAverage, make_optimiser
from pellucid.train.ranks import Ranks
from pellucid.train.recipe import Recipe
from pellucid.train.result import finish
from pellucid.train.runs import GIVEN, Run, check_same_data, new_folder, runs_folder
from pellucid.train.schedule import rate_at
from pellucid.train.task import Task, make_task, uses_convolution
from pellucid.train.threads import threads_for, using
from pellucid.train.watcher import Progress, Training, Watcher, Watchers


def fit(
    network: str | nn.Module | None = None,
    dataset: str | Dataset = "digits",
    recipe: Recipe | None = None,
    *,
    runs: str | Path | None = None,
    name: str | None = None,
    watchers: Sequence[Watcher] = (),
    look_at_test: bool = True,
) -> Run:
    """Train a network on a data set and return the run.

    `network` is a name (`pellucid nets list`), `module:factory`, or an `nn.Module`; without it the
    usual one for the data is taken. `dataset` is a name, a path or a `Dataset`. Without a recipe
    the known-good one for this network and data is taken; its `dataset` and `net` are filled in.
    Raises `PellucidError` for everything that does not fit, before anything is written.
    """
    _check_kinds(network, dataset)
    data = dataset if isinstance(dataset, Dataset) else load_data(dataset)
    given = network if isinstance(network, nn.Module) else None
    net = GIVEN + type(given).__name__ if given is not None else network
    label = dataset if isinstance(dataset, str) else data.card.name
    if recipe is None:
        recipe = default_recipe(label, data.as_record(), net=net if isinstance(net, str) else None)
    recipe = recipe.with_changes({"dataset": label, "net": net or recipe.net})
    return Sitting(recipe, data, given).start(
        runs_folder(runs), name, watchers=watchers, look_at_test=look_at_test
    )


def _check_kinds(network: object, dataset: object) -> None:
    """Refuse what is neither a name nor the thing itself."""
    if not isinstance(network, str | nn.Module | None):
        raise WrongUse(
            "pellucid.fit, network",
            f"a {type(network).__name__}",
            "a name, 'module:factory' or a torch.nn.Module",
            "hand over the network itself, e.g. build() instead of build",
        )
    if not isinstance(dataset, str | Dataset):
        raise WrongUse(
            "pellucid.fit, dataset",
            f"a {type(dataset).__name__}",
            "a name, a path as text or a pellucid.Dataset",
            "make one of arrays: pellucid.data.arrays.from_arrays(inputs, labels)",
        )


def resume(run: Run, watchers: Sequence[Watcher] = (), dataset: Dataset | None = None) -> Run:
    """Go on with a run from its last checkpoint, to the same bits as if it had never stopped."""
    recipe = run.recipe
    data = dataset or load_data(recipe.dataset, **data_settings(recipe))
    return Sitting(recipe, data, run.given).resume(run, watchers)


def data_settings(recipe: Recipe) -> Record:
    """Those of the recipe's settings that its data set knows."""
    from pellucid.data.load import accepted_settings

    known = accepted_settings(recipe.dataset)
    return {key: value for key, value in recipe.options.items() if key in known}


def two_batches(data: Dataset, recipe: Recipe) -> Dataset:
    """A data set of two batches a split, for trying everything out; the test set stays sealed."""
    count = slice(0, 2 * recipe.batch_size)
    return replace(data, train=data.train.take(count), validation=data.validation.take(count))


class Sitting:
    """One sitting of training: everything is built and checked before anything is written."""

    def __init__(self, recipe: Recipe, data: Dataset, given: nn.Module | None = None) -> None:
        self.begun = time.perf_counter()
        self.recipe, self.data, self.given = recipe, data, given
        self.ranks = Ranks.join()
        self.device = choose_device(recipe.device, self.ranks)
        self.task: Task = make_task(recipe, data.as_record())
        self.ranks.share_loss(self.task, recipe.batch_size)
        torch.manual_seed(named_seed(recipe.seed, "weights"))
        if given is None:
            self.network = build(recipe.net, self.task, recipe.options)
        else:
            check_fit(given, self.task, recipe.net)
            self.network = given
        check_learns(self.network, self.task, recipe.net)
        self.network.to(self.device)
        if uses_convolution(self.network):
            self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        torch.manual_seed(named_seed(recipe.seed, "training", self.ranks.rank))
        self.feed = Feed(
            data.train, self.task, recipe, self.device, self.ranks.rank, self.ranks.world
        )
        adversary = adversary_of(
            recipe, self.network, self.task, precision(recipe.precision, self.device)
        )
        self.hardening = Hardening(adversary, recipe, self.feed.share) if adversary else None
        self.optimiser = make_optimiser(self.network, recipe)
        self.average = WeightAverage(self.network, recipe.average) if recipe.average else None
        self.progress = Progress()
        example = example_inputs(self.task, count=1).to(self.device)
        self.threads = threads_for(recipe.threads, self.network, example, recipe.batch_size)

    def start(
        self, runs: Path, name: str | None, watchers: Sequence[Watcher], look_at_test: bool
    ) -> Run:
        """A new run from its first step."""

        def write(folder: Path) -> None:
            write_json(folder / "recipe.json", self.recipe.as_record())
            write_json(folder / "data.json", self.data.as_record())
            about = {
                **describe(self.device, self.ranks),
                "threads": self.threads,
                "look_at_test": look_at_test,
            }
            write_json(folder / "environment.json", about)
            write_text(folder / "notes.md", "")

        made = self.ranks.same(lambda: str(new_folder(self.recipe, runs, name, write)))
        run = Run(Path(made), self.given)
        with using(self.threads), self._alone(run):
            return self._train(run, self._keeper(run), watchers)

    def resume(self, run: Run, watchers: Sequence[Watcher]) -> Run:
        """Go on from the last checkpoint, or from the first step if there is none."""
        check_same_data(run, self.data)
        with using(self.threads), self._alone(run):
            keeper = self._keeper(run)
            if keeper.has("last"):
                keeper.restore()
            if self.ranks.first:
                sweep_unfinished(run.folder)
                keeper.forget_later_rows()
            return self._train(run, keeper, watchers)

    def _alone(self, run: Run) -> AbstractContextManager[None]:
        """The lock of the run, held by the process that writes."""
        return alone(run.folder) if self.ranks.first else nullcontext()

    def _keeper(self, run: Run) -> Keeper:
        return Keeper(run.folder, self.network, self.optimiser, self.average, self.progress)

    def _train(self, run: Run, keeper: Keeper, watchers: Sequence[Watcher]) -> Run:
        watching = Watchers(watchers if self.ranks.first else ())
        training = Training(
            recipe=self.recipe,
            network=self.network,
            folder=str(run.folder),
            steps_per_epoch=self.feed.steps,
            progress=self.progress,
            parameters=sum(weight.numel() for weight in self.network.parameters()),
            facts={"begun": self.begun},
        )
        with Interrupt(alone=self.ranks.world == 1) as interrupt:
            loop = self._loop(training, watching, keeper, interrupt)
            watching.on_start(training)
            while not self.progress.ended and self.progress.epoch < self.recipe.epochs:
                if not loop.epoch():
                    break
                self._close_epoch(run, keeper, training, watching)
        if not self.progress.ended:
            whole = self.progress.epoch >= self.recipe.epochs
            self.progress.ended = "finished" if whole else "interrupted"
        if self.ranks.first:
            if not keeper.has("best"):
                keeper.save_best()
            finish(run, keeper.restore_best(), self.task, self.data, training, watching)
        self.ranks.leave()
        return run

    def _close_epoch(self, run: Run, keeper: Keeper, training: Training, watching: Watcher) -> None:
        """Judge on validation, keep what is better, write the metrics and a checkpoint."""
        now, recipe = self.progress, self.recipe
        losses, now.right, seen = self.ranks.total(now.loss_sum, now.right, now.seen)
        now.loss_sum, now.seen = losses / self.ranks.world, int(seen)
        if self.ranks.first:
            keeper.tick()
            row = self._row(keeper.judged)
            value = row["validation"].get("robust", row["validation"][self.task.metric])
            if now.best is None or not self.task.better(now.best, value):
                now.risen = now.epoch + 1
            if self.task.better(value, now.best):
                now.best, now.best_epoch = value, now.epoch + 1
                keeper.save_best()
            if recipe.until and self.task.better(value, recipe.until):
                now.ended = "until"
            elif recipe.patience and now.epoch + 1 - now.risen >= recipe.patience:
                now.ended = "patience"
            keeper.save_epoch(math.ceil(recipe.epochs))
            append_json_line(run.folder / "metrics.jsonl", row)
            texts = self.task.specimens(keeper.judged)
            if texts:
                made = {"epoch": row["epoch"], "texts": texts}
                append_json_line(run.folder / "samples.jsonl", made)
        now.epoch += 1
        now.done = now.seen = 0
        now.loss_sum = now.right = 0.0
        now.ended = self.ranks.same(lambda: now.ended)
        if self.ranks.first:
            keeper.save()
            watching.on_epoch(training, row)

    def _row(self, judged: nn.Module) -> Record:
        """One epoch's line of `metrics.jsonl`."""
        now = self.progress
        summary = evaluate(judged, self.task, self.data.validation, self.device).summary
        train: Record = {"loss": now.loss_sum / max(1, now.done)}
        if self.task.metric == "accuracy":
            train["accuracy"] = now.right / max(1, now.seen)
        adversary = adversary_of(self.recipe, judged, self.task)
        if adversary:
            robust = robustness(adversary, self.data.validation, self.device)
            summary = {**summary, "robust": robust["accuracy"]}
        keys = {self.task.metric, "low", "high", "loss", "robust"}
        steps = self.recipe.steps(self.feed.steps)
        return {
            "epoch": now.epoch + 1,
            "step": now.step,
            "seconds": round(now.seconds, 3),
            "learning_rate": rate_at(max(0, now.step - 1), steps, self.recipe),
            "train": train,
            "validation": {key: value for key, value in summary.items() if key in keys},
        }

    def _loop(
        self, training: Training, watching: Watcher, keeper: Keeper, interrupt: Interrupt
    ) -> Loop:
        loop = Loop(
            recipe=self.recipe,
            network=self.ranks.wrap(self.network),
            task=self.task,
            feed=self.feed,
            optimiser=self.optimiser,
            average=self.average,
            watchers=watching,
            training=training,
            autocast=precision(self.recipe.precision, self.device),
            after_step=keeper.after_step(interrupt, writes=self.ranks.first),
            hardening=self.hardening,
        )
        keeper.settle = loop.tally.settle
        return loop
