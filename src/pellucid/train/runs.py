"""A run: the folder in which a training leaves everything it did."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pellucid.base.errors import BadData, WrongUse, near_misses
from pellucid.base.records import Record, damaged, read_json, read_json_lines, writing
from pellucid.data.dataset import Dataset
from pellucid.train.build import build
from pellucid.train.checkpoint import load_tensors, part
from pellucid.train.recipe import Recipe
from pellucid.train.task import Task, make_task, uses_convolution

GIVEN = "given:"
"""How the recipe names a network that was handed over as an object, not by a name."""


def runs_folder(folder: str | Path | None = None) -> Path:
    """Where runs are: `folder`, else the variable PELLUCID_RUNS, else `runs` in this folder."""
    return Path(folder or os.environ.get("PELLUCID_RUNS") or "runs")


class Run:
    """A training on disk. What it holds is read when it is first asked for."""

    def __init__(self, folder: Path, network: nn.Module | None = None) -> None:
        self.folder = folder
        self.given = network

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r})"

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @cached_property
    def recipe(self) -> Recipe:
        """Every choice of the training."""
        path = self.folder / "recipe.json"
        record = read_json(path)
        try:
            return Recipe.from_record(record)
        except (TypeError, ValueError) as error:
            raise damaged(path, f"choices that make no recipe ({error})") from error

    @cached_property
    def data(self) -> Record:
        """What the run keeps of its data set: card, classes, shape, statistics."""
        return read_json(self.folder / "data.json")

    @property
    def environment(self) -> Record:
        """Versions, machine, device and start."""
        return read_json(self.folder / "environment.json")

    @property
    def metrics(self) -> list[Record]:
        """One record an epoch."""
        return read_json_lines(self.folder / "metrics.jsonl")

    @property
    def looks(self) -> list[Record]:
        """Every look at the test set."""
        return read_json_lines(self.folder / "looks.jsonl")

    @property
    def result(self) -> Record:
        """What the training came to, as `--json` tells it."""
        return read_json(self.folder / "result.json")

    @property
    def finished(self) -> bool:
        """Is there a result?"""
        return (self.folder / "result.json").is_file()

    @cached_property
    def task(self) -> Task:
        """The question that the network was trained to answer."""
        return make_task(self.recipe, self.data)

    @cached_property
    def network(self) -> nn.Module:
        """The network with its best weights, in eval mode, on the CPU."""
        network = self.blank_network()
        tensors, _ = load_tensors(self.folder / "checkpoints" / "best.safetensors")
        load_weights(network, part(tensors, "network"), self.folder)
        return network.eval()

    def blank_network(self) -> nn.Module:
        """The network as it is built, with weights that are not the run's."""
        if self.recipe.net.startswith(GIVEN):
            if self.given is None:
                raise WrongUse(
                    f"run {self.name}",
                    f"a network that was handed over as an object ({self.recipe.net})",
                    "the same network, or one that can be built by name",
                    f"pellucid.load({str(self.folder)!r}, network=YourNetwork())",
                )
            network = self.given
        else:
            network = build(self.recipe.net, self.task, self.recipe.options)
        if uses_convolution(network):
            network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return network

    def prepare(self, pictures: NDArray[np.uint8] | Sequence[Any]) -> Tensor:
        """uint8 pictures (n, c, h, w), or (n, h, w) for grey ones → what the network was given.

        Raises `BadData` if their shape or type is another than the training data's.
        """
        array = np.asarray(pictures)
        channels, height, width = self.data["shape"]
        if array.ndim == 3 and channels == 1:
            array = array[:, None]
        if array.dtype != np.uint8 or array.shape[1:] != (channels, height, width):
            raise BadData(
                f"run {self.name}, prepare",
                f"an array of {array.dtype} with shape {array.shape}",
                f"uint8 with shape (n, {channels}, {height}, {width})",
                "resize the pictures and keep their levels 0 to 255 "
                "(pellucid predict does both for picture files)",
            )
        return self.task.prepare(torch.from_numpy(np.ascontiguousarray(array)))


def load_weights(network: nn.Module, weights: dict[str, Tensor], folder: Path) -> None:
    """Put a run's weights into a network, or say in which tensor the two differ."""
    own = network.state_dict()
    wrong = [
        name
        for name in {**own, **weights}
        if name not in own or name not in weights or own[name].shape != weights[name].shape
    ]
    if wrong:
        name = wrong[0]
        there = tuple(weights[name].shape) if name in weights else "none"
        here = tuple(own[name].shape) if name in own else "none"
        raise BadData(
            f"run {folder.name}, weights {name}",
            f"shape {there} in the file and {here} in the network",
            "the same network as was trained",
            "has the network's code changed since? train it again, or restore the old code",
        )
    network.load_state_dict(weights)


def load(run: str | Path, network: nn.Module | None = None) -> Run:
    """The run in the folder `run`, or of that name in the runs folder.

    `network` is needed only if the run was trained on an object instead of a name.
    Raises `WrongUse` with near misses if there is no such run.
    """
    path = Path(run)
    for folder in (path, runs_folder() / path):
        if (folder / "recipe.json").is_file():
            return Run(folder, network)
    if path.is_dir():
        raise BadData(
            str(path), "a folder without recipe.json", "a run's folder", "see: pellucid runs list"
        )
    close = near_misses(path.name, (entry.name for entry in all_runs()))
    raise WrongUse(
        "run",
        repr(str(run)),
        f"the name of a run in {runs_folder()}, or the path of one",
        f"did you mean {close[0]}?" if close else "see: pellucid runs list",
    )


def all_runs(folder: Path | None = None) -> list[Run]:
    """Every run of a folder, the oldest first."""
    paths = [path.parent for path in runs_folder(folder).glob("*/recipe.json")]
    return [Run(path) for path in sorted(paths, key=lambda path: path.stat().st_mtime)]


def new_folder(recipe: Recipe, folder: Path, name: str | None = None) -> Path:
    """Make an empty run folder: `<data>-<net>-<number>`, or `name`."""
    stem = name or _stem(recipe)
    number = 1
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            path = folder / (stem if name else f"{stem}-{number}")
            try:
                path.mkdir()
            except FileExistsError:
                if name:
                    raise WrongUse(
                        "run", f"a folder {path} that is there already", "a new name",
                        "choose another --name, or delete it: pellucid runs rm " + name,
                    ) from None
                number += 1
            else:
                return path


def _stem(recipe: Recipe) -> str:
    net = recipe.net.removeprefix(GIVEN).replace(":", "-").replace(".", "-").replace("/", "-")
    words = [Path(recipe.dataset).stem or "data", net]
    if recipe.task not in ("classify", "next-symbol"):
        words.append(recipe.task)
    return "-".join(words).lower().replace(" ", "-")


def check_same_data(run: Run, data: Dataset) -> None:
    """Refuse to go on with other data than the run began with."""
    now, then = data.as_record(), run.data
    for name in ("shape", "classes", "sizes", "mean", "std"):
        if now[name] != then[name]:
            raise BadData(
                f"run {run.name}, data {run.recipe.dataset}",
                f"{name} {now[name]}",
                f"{then[name]}, as when the run began",
                "restore the data as they were, or start a new run",
            )


def remove(run: Run) -> None:
    """Delete a run's folder."""
    with writing(run.folder):
        shutil.rmtree(run.folder)
