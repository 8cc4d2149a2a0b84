"""What is looked into: a finished run with its own examples."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pellucid.base.errors import WrongUse
from pellucid.base.seeds import named_seed
from pellucid.data.dataset import Dataset, Split
from pellucid.data.load import load as load_data
from pellucid.data.prepare import prepare
from pellucid.inside.checks import check_forward, check_network
from pellucid.inside.subject import Frame, Gallery, Subject, subject_of, undisturbed
from pellucid.train.checkpoint import load_tensors, part
from pellucid.train.fit import data_settings, fit
from pellucid.train.runs import Run
from pellucid.train.task import Task

MANY = 2000
"""Validation examples for what needs many: a share is then known to about ±2 %."""


@dataclass(frozen=True)
class Asked:
    """What was asked for on the way in, as it was written."""

    image: str | None = None
    layers: tuple[str, ...] = ()
    target: str | None = None
    against: str | None = None


def of_run(run: Run, asked: Asked, dataset: Dataset | None = None) -> Subject:
    """A finished run's network with validation examples; the test set stays sealed.

    Raises `WrongUse` for a picture, layer or class that there is not and a network that cannot be
    looked into, `BadData` for weights that are not numbers.
    """
    data = dataset or load_data(run.recipe.dataset, **data_settings(run.recipe))
    check_network(run.network, f"run {run.name}")
    subject = subject_of(run, data)
    task = run.task
    names = tuple(task.classes) if task.metric == "accuracy" or task.kind == "symbols" else ()
    subject = replace(
        subject,
        classes=names,
        gallery=_gallery(task, data.validation, run.recipe.seed),
        film=film_of(run),
        loss=task.loss,
        layers=asked.layers,
    )
    if task.kind == "pictures":
        ends = task.prepare(torch.tensor([[0], [255]], dtype=torch.uint8)[..., None, None].expand(
            2, *task.shape))  # fmt: skip
        subject = replace(subject, black=ends[0].clone(), white=ends[1].clone())
    if asked.image is not None:
        subject = _with_image(subject, asked.image, data.validation, run.data, task, run)
    return settled(subject, asked, f"run {run.name}")


def _gallery(task: Task, split: Split, seed: int) -> Gallery:
    places = np.unique(np.linspace(0, len(split) - 1, MANY).round().astype(np.int64))
    chance = torch.Generator().manual_seed(named_seed(seed, "inside", "gallery"))
    stored, labels = (
        torch.from_numpy(np.ascontiguousarray(part_of[places]))
        for part_of in (split.inputs, split.labels)
    )
    inputs, targets = task.pose(task.prepare(stored), labels, chance)
    return Gallery(inputs, stored, labels, targets)


def with_shuffled_labels(subject: Subject, run: Run, dataset: Dataset | None = None) -> Subject:
    """The subject with the weights that the run's recipe ends in on labels without meaning.

    It takes as long as the run took. Raises `WrongUse` for a run that does not classify.
    """
    if run.task.metric != "accuracy":
        raise WrongUse(
            "--random-labels",
            f"the task {run.task.name}, which has no classes to shuffle",
            "a run that classifies",
            "leave --random-labels out",
        )
    data = dataset or load_data(run.recipe.dataset, **data_settings(run.recipe))
    chance = np.random.RandomState(named_seed(run.recipe.seed, "inside", "labels"))
    labels = chance.permutation(data.train.labels)
    shuffled = replace(data, train=Split(data.train.inputs, labels))
    with tempfile.TemporaryDirectory() as home:
        made = fit(run.recipe.net, shuffled, run.recipe, runs=home, look_at_test=False)
        weights = {name: value.clone() for name, value in made.network.state_dict().items()}
    return replace(subject, relabelled=weights)


def film_of(run: Run) -> tuple[Frame, ...]:
    """The weights after each epoch that the run has kept, in their order."""
    frames = []
    for path in sorted((run.folder / "checkpoints").glob("epoch-*.safetensors")):
        tensors, facts = load_tensors(path)
        number = int(facts.get("epoch", path.stem.rpartition("-")[2]))
        frames.append(Frame(number, part(tensors, "network")))
    return tuple(frames)


def _with_image(
    subject: Subject, image: str, split: Split, record: dict[str, Any], task: Task, run: Run
) -> Subject:
    """The same with one shown picture: a validation example by number, or a file."""
    if image.isdecimal():
        place = int(image)
        if place >= len(split):
            raise WrongUse(
                "--image",
                image,
                f"a validation example from 0 to {len(split) - 1}, or a picture file",
                "--image 0",
            )
        stored, labels = split.inputs[place : place + 1], split.labels[place : place + 1]
        known = task.kind == "pictures" and bool(task.classes)
        name = task.classes[int(labels[0])] if known else ""
        entry = {"class": name, "index": place, "correct": None}
    else:
        stored = prepare(Path(image), record).pixels[None]
        labels = np.zeros(1, dtype=np.int64)
        entry = {"class": Path(image).name, "index": None, "correct": None}
    pixels = torch.from_numpy(np.ascontiguousarray(stored))
    chance = torch.Generator().manual_seed(named_seed(run.recipe.seed, "inside", "pose"))
    truth = torch.from_numpy(np.ascontiguousarray(labels))
    shown = task.pose(task.prepare(pixels), truth, chance)[0]
    if image.isdecimal() and task.metric == "accuracy":
        with undisturbed(run.network, run.recipe.seed):
            entry["correct"] = bool(run.network(shown).argmax(dim=1)[0] == truth[0])
    return replace(subject, shown=shown, stored=pixels, labels=truth, pictures=[entry])


def settled(subject: Subject, asked: Asked, where: str) -> Subject:
    """The subject with the classes asked about; its network must answer twice the same."""
    subject = replace(
        subject,
        target=_class(asked.target, "--target", subject.classes),
        against=_class(asked.against, "--against", subject.classes),
    )
    check_forward(subject, where)
    return subject


def _class(written: str | None, option: str, classes: tuple[str, ...]) -> int | None:
    """A class by name, else by number."""
    if written is None:
        return None
    if written in classes:
        return classes.index(written)
    if written.isdecimal() and int(written) < len(classes):
        return int(written)
    found = f"one of {', '.join(classes[:12])}" if classes else "a network that names classes"
    raise WrongUse(
        option, repr(written), found, f"{option} {classes[0]}" if classes else f"leave {option} out"
    )
