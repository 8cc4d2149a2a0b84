"""The laws of a task: whatever file lies in `train/tasks/` is held to all of them."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pellucid.data.dataset import Card, Dataset, Split
from pellucid.data.split import picture_dataset, symbol_dataset
from pellucid.data.symbols import words_as_split
from pellucid.train.build import build
from pellucid.train.defaults import default_recipe
from pellucid.train.evaluate import evaluate, question
from pellucid.train.task import TASKS, Task, make_task
from pellucid.train.tasks.classify import Classify

FOUND = TASKS.names()
CPU = torch.device("cpu")
BEST = {"accuracy": 1.0, "psnr_db": 120.0, "nats": 0.0}
"""The metric of a perfect answer; decibels end at an error of 1e-12."""


@cache
def pictures() -> Dataset:
    """Three classes of 8 × 8: bright above, in the middle, below."""
    chance = np.random.RandomState(0)

    def part(count: int) -> Split:
        labels = np.arange(count) % 3
        pixels = chance.randint(0, 120, (count, 1, 8, 8))
        for place, label in enumerate(labels):
            pixels[place, :, 2 * label : 2 * label + 3] += 100
        return Split(pixels.astype(np.uint8), labels.astype(np.int64))

    card = Card("bars", "bars", "made up here", "CC0")
    return picture_dataset(card, ["upper", "middle", "lower"], part(48), part(12), part(12))


@cache
def symbols() -> Dataset:
    """Words of a and b that alternate, of several lengths: short rows are padded."""
    words = ["ab" * count for count in (1, 2, 3)] * 8
    vocabulary = ["·", "a", "b", "c"]
    parts = tuple(words_as_split(words[:count], vocabulary, 7) for count in (24, 6, 6))
    card = Card("words", "words", "made up here", "CC0")
    return symbol_dataset(card, vocabulary, (parts[0], parts[1], parts[2]), ())


def setup(name: str) -> tuple[Task, nn.Module, Split]:
    """The task with its usual network, and a split of its kind of data."""
    kind = getattr(TASKS.load(name).TASK, "kind")  # noqa: B009
    data = symbols() if kind == "symbols" else pictures()
    recipe = default_recipe("made-up", data.as_record(), task=name)
    task = make_task(recipe, data.as_record())
    torch.manual_seed(0)
    return task, build(recipe.net, task, recipe.options), data.train


def judged(task: Task, network: nn.Module, split: Split) -> tuple[dict[str, Tensor], Tensor]:
    """What the task makes of the network's answer to the whole split, and that answer."""
    inputs, target = question(task, split, 0, CPU, seed=0)
    with torch.no_grad():
        output = network.eval()(inputs)
        return task.judge(output, target, inputs), output


def perfect(task: Task, target: Tensor) -> Tensor:
    """The answer that cannot be better: the truth itself, or all belief on the right class."""
    if task.output_shape() == task.shape:
        return task.truth(target)
    sure = nn.functional.one_hot(target.clamp(min=0), len(task.classes))
    return 1000.0 * sure.float()


# The laws. Each is a function, so that the planted faults below can be put to it.


def the_loss_is_finite_and_falls(task: Task, network: nn.Module, split: Split) -> None:
    inputs, target = question(task, split, 0, CPU, seed=0)
    optimiser = torch.optim.Adam(network.train().parameters(), lr=5e-3)
    losses = []
    for _ in range(40):
        optimiser.zero_grad()
        loss = task.loss(network(inputs), target)
        assert loss.ndim == 0
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert all(map(math.isfinite, losses))
    assert losses[-1] < 0.8 * losses[0]


def each_example_is_judged(task: Task, network: nn.Module, split: Split) -> None:
    rows, _ = judged(task, network, split)
    assert "loss" in rows
    assert rows["loss"].shape == (len(split),)
    for name, values in rows.items():
        assert len(values) == len(split), f"{name} has {len(values)} rows"
        assert torch.isfinite(values.double()).all(), name


def the_summary_holds_the_metric_in_its_interval(
    task: Task, network: nn.Module, split: Split
) -> None:
    summary = evaluate(network, task, split, CPU).summary
    assert summary["low"] < summary[task.metric] < summary["high"]
    assert math.isfinite(summary["loss"])


def the_same_seed_asks_the_same(task: Task, split: Split) -> None:
    first, again = (question(task, split, 0, CPU, seed=3) for _ in range(2))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])


def what_is_stored_stays_as_it_is(task: Task, split: Split) -> None:
    before = split.inputs.copy(), split.labels.copy()
    inputs = task.prepare(torch.from_numpy(split.inputs))
    kept = inputs.clone()
    task.pose(inputs, torch.from_numpy(split.labels), torch.Generator().manual_seed(0))
    assert np.array_equal(split.inputs, before[0])
    assert np.array_equal(split.labels, before[1])
    assert torch.equal(inputs, kept)


def nothing_is_better_than_the_truth(task: Task, network: nn.Module, split: Split) -> None:
    inputs, target = question(task, split, 0, CPU, seed=0)
    best = task.judge(perfect(task, target), target, inputs)
    arrays = {name: values.numpy() for name, values in best.items()}
    value = task.summary(arrays, split.labels)[task.metric]
    assert value == pytest.approx(BEST[task.metric], abs=1e-6)
    other = evaluate(network, task, split, CPU).summary[task.metric]
    assert task.better(value, other)
    assert not task.better(other, value)


def the_docstrings_say_what_it_is(task: Task) -> None:
    module = TASKS.load(task.name).__doc__ or ""
    assert module.split("\n")[0].endswith(".")
    assert type(task).__doc__
    assert type(task).__doc__ != Task.__doc__


# The laws on every task in the folder.


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


every_task = pytest.mark.parametrize("name", FOUND)


@every_task
def test_the_usual_network_learns_it(name: str) -> None:
    the_loss_is_finite_and_falls(*setup(name))


@every_task
def test_the_usual_network_answers_in_the_tasks_shape(name: str) -> None:
    task, network, split = setup(name)
    _, output = judged(task, network, split)
    assert output.shape == (len(split), *task.output_shape())


@every_task
def test_each_example_gets_a_row(name: str) -> None:
    each_example_is_judged(*setup(name))


@every_task
def test_the_metric_lies_in_its_interval(name: str) -> None:
    the_summary_holds_the_metric_in_its_interval(*setup(name))


@every_task
def test_the_same_seed_poses_the_same_questions(name: str) -> None:
    task, _, split = setup(name)
    the_same_seed_asks_the_same(task, split)


@every_task
def test_preparing_leaves_the_stored_examples_alone(name: str) -> None:
    task, _, split = setup(name)
    what_is_stored_stays_as_it_is(task, split)


@every_task
def test_the_perfect_answer_gets_the_best_metric(name: str) -> None:
    nothing_is_better_than_the_truth(*setup(name))


@every_task
def test_file_and_class_say_what_they_are(name: str) -> None:
    the_docstrings_say_what_it_is(setup(name)[0])


@every_task
def test_the_name_is_the_files(name: str) -> None:
    assert setup(name)[0].name == name


@every_task
def test_data_of_another_kind_are_refused_with_a_task_for_them(name: str) -> None:
    from pellucid.base.errors import WrongUse

    task, _, _ = setup(name)
    other = pictures() if task.kind == "symbols" else symbols()
    with pytest.raises(WrongUse) as caught:
        type(task)(other.as_record())
    assert caught.value.where == f"task {name}"
    assert caught.value.fix.startswith(
        "choose --task classify" if task.kind == "symbols" else "choose --task next-symbol"
    )


# Planted faults: each law must be able to fail.


class LosesRows(Classify):
    """Judges all but the last example."""

    def judge(self, output: Tensor, target: Tensor, inputs: Tensor) -> dict[str, Tensor]:
        return {key: rows[:-1] for key, rows in super().judge(output, target, inputs).items()}


class UpsideDown(Classify):
    """Swaps the ends of the interval."""

    def summary(self, judged: dict[str, np.ndarray], labels: np.ndarray) -> dict[str, object]:
        made = super().summary(judged, labels)
        return {**made, "low": made["high"], "high": made["low"]}


class Forgetful(Classify):
    """Poses its questions with chance of its own."""

    def pose(
        self, inputs: Tensor, labels: Tensor, chance: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        return inputs + torch.rand_like(inputs), labels


class WritesOver(Classify):
    """Prepares in place."""

    def prepare(self, examples: Tensor) -> Tensor:
        return super().prepare(examples.fill_(0))


class Contrary(Classify):
    """Wants what is wrong."""

    def judge(self, output: Tensor, target: Tensor, inputs: Tensor) -> dict[str, Tensor]:
        return super().judge(-output, target, inputs)


class Standstill(Classify):
    """Its loss does not depend on the answer's size."""

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return super().loss(output * 0, target)


def faulty(kind: type[Classify]) -> tuple[Task, nn.Module, Split]:
    _, network, split = setup("classify")
    return kind(pictures().as_record()), network, split


def test_each_law_finds_its_planted_fault_and_leaves_a_healthy_task() -> None:
    with pytest.raises(AssertionError):
        each_example_is_judged(*faulty(LosesRows))
    with pytest.raises(AssertionError):
        the_summary_holds_the_metric_in_its_interval(*faulty(UpsideDown))
    with pytest.raises(AssertionError):
        the_same_seed_asks_the_same(*faulty(Forgetful)[::2])
    with pytest.raises(AssertionError):
        nothing_is_better_than_the_truth(*faulty(Contrary))
    with pytest.raises(AssertionError):
        the_loss_is_finite_and_falls(*faulty(Standstill))
    task, _, split = faulty(WritesOver)
    with pytest.raises(AssertionError):
        what_is_stored_stays_as_it_is(task, Split(split.inputs.copy(), split.labels))
