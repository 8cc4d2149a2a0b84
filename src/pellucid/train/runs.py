"""A run: the folder in which a training leaves everything it did."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pellucid.base.errors import BadData, WrongUse
from pellucid.train.build import build
from pellucid.train.checkpoint import load_tensors, part
from pellucid.train.folders import GIVEN as GIVEN
from pellucid.train.folders import RunFolder, find
from pellucid.train.folders import check_same_data as check_same_data
from pellucid.train.folders import new_folder as new_folder
from pellucid.train.folders import runs_folder as runs_folder
from pellucid.train.task import Task, make_task, uses_convolution


class Run(RunFolder):
    """A training on disk. What it holds is read when it is first asked for."""

    def __init__(self, folder: Path, network: nn.Module | None = None) -> None:
        super().__init__(folder)
        self.given = network

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


def load(
    run: str | Path, network: nn.Module | None = None, *, runs: str | Path | None = None
) -> Run:
    """The run in the folder `run`, or of that name in the runs folder.

    `network` is needed only if the run was trained on an object instead of a name.
    Raises `WrongUse` with near misses if there is no such run.
    """
    return Run(find(run, runs), network)
