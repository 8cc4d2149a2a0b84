"""From what was typed to a network with pictures in their own values 0…1."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pellucid.base.errors import BadData, WrongUse
from pellucid.data.dataset import Dataset, Split
from pellucid.data.load import load as load_data
from pellucid.data.prepare import prepare
from pellucid.data.users import users_pictures
from pellucid.fool.bounds import Scaling
from pellucid.fool.victim import Victim, check
from pellucid.train.build import network_of_factory
from pellucid.train.checkpoint import load_tensors
from pellucid.train.fit import data_settings
from pellucid.train.predict import check_classifies
from pellucid.train.result import writing_looks
from pellucid.train.runs import Run, load_weights
from pellucid.train.task import channel_constants


@dataclass(frozen=True)
class Which:
    """Which pictures are asked about: one by number or file, or `count` of them: the first, or
    every so many where they lie class by class."""

    image: str | None = None
    count: int = 1
    test: bool = False


def of_run(run: Run, which: Which, data: Dataset | None = None) -> Victim:
    """A run's network with validation pictures, or test pictures whose look is written down."""
    check_classifies(run)
    if not (run.folder / "checkpoints" / "best.safetensors").is_file():
        raise BadData(
            f"run {run.name}",
            "no checkpoints",
            "a run with trained weights",
            f"train it to its end: pellucid runs resume {run.name}",
        )
    network = run.network
    mean, std = (one.double().flatten() for one in channel_constants(run.data))
    scaling = Scaling(-mean / std, 1 / std)
    source = {"run": str(run.folder.resolve())}
    if which.image is not None and not which.image.isdecimal():
        pixels = prepare(Path(which.image), run.data).pixels[None]
        victim = Victim(
            network, _unit(pixels), scaling, run.task.classes, f"run {run.name}", source=source
        )
    else:
        split, name = _split(run, which, data)
        places = _places(which, len(split), split.labels)
        taken = split.take(places)
        victim = Victim(
            network,
            _unit(taken.inputs),
            scaling,
            run.task.classes,
            f"run {run.name}",
            labels=[int(label) for label in taken.labels],
            numbers=places.tolist(),
            source=source,
            split=name,
        )
    check(victim)
    return victim


def _split(run: Run, which: Which, data: Dataset | None) -> tuple[Split, str]:
    data = data or load_data(run.recipe.dataset, **data_settings(run.recipe))
    if not which.test:
        return data.validation, "validation"
    with writing_looks(run, data):
        return data.open_test("pellucid fool"), "test"


def _places(which: Which, total: int, labels: NDArray[Any] | None) -> NDArray[np.int64]:
    if which.image is None:
        count = min(which.count, total)
        by_class = labels is not None and bool((np.diff(labels) >= 0).all())
        return np.arange(count) * total // count if by_class else np.arange(count)
    place = int(which.image)
    if place >= total:
        raise WrongUse("--image", which.image, f"a picture from 0 to {total - 1}", "--image 0")
    return np.array([place])


def _unit(pixels: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels)).double() / 255


def of_factory(
    target: str, weights: str | None, pictures: str | None, standardised: bool, which: Which
) -> Victim:
    """A network of the user's, `module:factory`, with weights and pictures of theirs.

    `pictures` is a data set's name, a folder of pictures, or an `.npz` file with `inputs` and
    maybe `labels`: bytes, or numbers in 0…1. The network is given 0…1, or `standardised` values:
    less the pictures' own mean, divided by their spread, for each channel.
    """
    network = network_of_factory(target).eval()
    if weights is not None:
        load_weights(network, load_tensors(Path(weights))[0], Path(weights))
    if pictures is None:
        raise WrongUse(
            f"network {target}",
            "no pictures",
            "pictures that it is asked about",
            "--pictures FOLDER, a data set's name, or FILE.npz with inputs and labels",
        )
    inputs, labels, classes = users_pictures(pictures)
    unit = _unit(inputs) if inputs.dtype == np.uint8 else torch.from_numpy(inputs).double()
    places = _places(which, len(unit), labels)
    source = {"factory": target, "pictures": str(pictures)}
    if weights is not None:
        source["weights"] = str(Path(weights).resolve())
    victim = Victim(
        network,
        unit[places],
        _scaling(unit, standardised),
        list(classes),
        f"network {target}",
        labels=[None if labels is None else int(labels[place]) for place in places],
        numbers=places.tolist(),
        source=source,
    )
    check(victim)
    return victim


def _scaling(pictures: Tensor, standardised: bool) -> Scaling:
    channels = pictures.shape[1]
    if not standardised:
        return Scaling(torch.zeros(channels).double(), torch.ones(channels).double())
    mean, spread = pictures.mean(dim=(0, 2, 3)), pictures.std(dim=(0, 2, 3)).clamp(min=1e-6)
    return Scaling(-mean / spread, 1 / spread)
