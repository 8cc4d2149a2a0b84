"""A network and pictures of the user's, to be looked into like a run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pellucid.base.errors import BadData, PellucidError, WrongUse
from pellucid.data.load import load as load_data
from pellucid.inside.checks import check_network
from pellucid.inside.given import MANY, Asked, settled
from pellucid.inside.subject import EXAMPLES, Gallery, Subject, undisturbed
from pellucid.train.build import find_factory
from pellucid.train.checkpoint import load_tensors
from pellucid.train.runs import load_weights
from pellucid.train.task import as_unit, standardise


def of_factory(
    target: str,
    weights: str | None,
    pictures: str | None,
    standardised: bool,
    asked: Asked,
) -> Subject:
    """A network of the user's, `module:factory`, with weights and pictures of theirs.

    `pictures` is a data set's name, a folder of pictures with one sub-folder a class, or an
    `.npz` file with `inputs` and maybe `labels`. Stored pictures are given to the network as
    0…1, or `standardised` as `pellucid train` does; arrays of floats as they are.
    """
    network = _network(target)
    if weights is not None:
        load_weights(network, load_tensors(Path(weights))[0], Path(weights))
    if pictures is None:
        raise WrongUse(
            f"network {target}",
            "no pictures",
            "pictures that it is shown",
            "--pictures FOLDER, a data set's name, or FILE.npz with inputs and labels",
        )
    check_network(network, f"network {target}")
    subject = _subject(network, _pictures(pictures, standardised), f"network {target}")
    subject = replace(subject, layers=asked.layers)
    if asked.image is not None:
        subject = _one_of_many(subject, asked.image)
    return settled(subject, asked, f"network {target}")


def _network(target: str) -> nn.Module:
    try:
        network = find_factory(target)()
    except PellucidError:
        raise
    except Exception as error:
        raise WrongUse(
            f"network {target}",
            f"a factory that raised {type(error).__name__}: {error}",
            "one that can be called without arguments and returns a torch.nn.Module",
            "write a function that makes the network as you want it",
        ) from error
    if not isinstance(network, nn.Module):
        raise WrongUse(
            f"network {target}",
            f"a factory that returned {type(network).__name__}",
            "a torch.nn.Module",
            "return the network itself",
        )
    return network.eval()


@dataclass(frozen=True)
class Pictures:
    """Pictures (n, c, h, w) as stored and as given, and what black and white are given as."""

    stored: Tensor
    inputs: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    black: Tensor
    white: Tensor


def _pictures(written: str, standardised: bool) -> Pictures:
    if written.endswith(".npz"):
        inputs, labels = _arrays(Path(written))
        classes = tuple(map(str, range(int(labels.max()) + 1))) if labels is not None else ()
    else:
        data = load_data(written)
        if data.kind != "pictures":
            raise WrongUse(
                "--pictures",
                f"{written}, which holds {data.kind}",
                "pictures",
                "give a folder of pictures or an .npz file",
            )
        inputs, labels = data.validation.inputs, data.validation.labels
        classes = data.classes
    places = np.unique(np.linspace(0, len(inputs) - 1, MANY).round().astype(np.int64))
    truth = np.zeros(len(inputs), np.int64) if labels is None else labels.astype(np.int64)
    chosen, known = inputs[places], torch.from_numpy(truth[places])
    if chosen.dtype != np.uint8:
        return _floats(torch.from_numpy(np.ascontiguousarray(chosen, np.float32)), known, classes)
    stored = torch.from_numpy(np.ascontiguousarray(chosen))
    return _bytes(stored, known, classes, standardised)


def _bytes(
    stored: Tensor, labels: Tensor, classes: tuple[str, ...], standardised: bool
) -> Pictures:
    """Levels 0…255 are given as 0…1, or standardised by the pictures' own mean and spread."""
    unit = as_unit(stored)
    mean, std = (one.view(-1, 1, 1) for one in (unit.mean(dim=(0, 2, 3)), unit.std(dim=(0, 2, 3))))

    def given(pixels: Tensor) -> Tensor:
        return standardise(pixels, mean, std.clamp(min=1e-6)) if standardised else as_unit(pixels)

    black, white = (given(torch.full_like(stored[0], level)) for level in (0, 255))
    return Pictures(stored, given(stored), labels, classes, black, white)


def _floats(given: Tensor, labels: Tensor, classes: tuple[str, ...]) -> Pictures:
    """Arrays of floats are given as they are; for drawing they are stretched to 0…255."""
    low, high = float(given.min()), float(given.max())
    stored = ((given - low) / ((high - low) or 1.0) * 255).round().to(torch.uint8)
    ends = (torch.full_like(given[0], level) for level in (low, high))
    return Pictures(stored, given, labels, classes, *ends)


def _arrays(path: Path) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """`inputs` (n, c, h, w) and, where there are any, `labels`; nothing is unpickled."""
    if not path.is_file():
        raise WrongUse("--pictures", f"no file {path}", "a file of arrays", "check the spelling")
    try:
        with np.load(path, allow_pickle=False) as stored:
            found = {name: stored[name] for name in stored.files}
    except (ValueError, OSError) as error:
        raise BadData(
            str(path), f"a file that cannot be read ({error})", "arrays", "use numpy.savez"
        ) from error
    inputs, labels = found.get("inputs"), found.get("labels")
    if inputs is None or inputs.ndim not in (3, 4) or not inputs.size:
        what = f"arrays {', '.join(found)}" if inputs is None else f"inputs {inputs.shape}"
        raise BadData(
            str(path),
            what,
            "inputs (picture, channel, row, column) and maybe labels (picture,)",
            "numpy.savez(FILE, inputs=…, labels=…)",
        )
    if labels is not None and (labels.shape != (len(inputs),) or labels.min() < 0):
        raise BadData(
            str(path),
            f"labels {labels.shape} for {len(inputs)} inputs",
            "one label a picture, from 0",
            "numpy.savez(FILE, inputs=…, labels=…)",
        )
    return inputs[:, None] if inputs.ndim == 3 else inputs, labels


def _check_fits(network: nn.Module, inputs: Tensor, where: str) -> None:
    with undisturbed(network, 0):
        try:
            network(inputs[:2])
        except Exception as error:
            raise WrongUse(
                where,
                f"{type(error).__name__} with pictures {tuple(inputs.shape[1:])}: {error}",
                "pictures of the size that the network takes",
                "resize the pictures, or give the network's own ones with --pictures",
            ) from error


def _subject(network: nn.Module, given: Pictures, where: str) -> Subject:
    """The first picture of each of ten classes is shown, of unlabelled ones the first."""
    _check_fits(network, given.inputs, where)
    labels, classes = given.labels, given.classes
    firsts = [int((labels == label).nonzero()[0]) for label in torch.unique(labels)][:10]
    names = [classes[int(labels[place])] if classes else str(place) for place in firsts]
    return Subject(
        network=network,
        examples=given.inputs[:EXAMPLES],
        shape=tuple(given.inputs.shape[1:]),
        shown=given.inputs[firsts],
        stored=given.stored[firsts],
        labels=labels[firsts],
        pictures=[
            {"class": name, "index": place, "correct": None}
            for name, place in zip(names, firsts, strict=True)
        ],
        classes=classes,
        gallery=Gallery(given.inputs, given.stored, labels, labels),
        black=given.black,
        white=given.white,
        loss=nn.functional.cross_entropy if classes else None,
    )


def _one_of_many(subject: Subject, image: str) -> Subject:
    many = subject.many
    if not image.isdecimal() or int(image) >= len(many):
        raise WrongUse(
            "--image",
            repr(image),
            f"one of the pictures given, 0 to {len(many) - 1}",
            "--image 0",
        )
    place = slice(int(image), int(image) + 1)
    label = int(many.labels[place])
    name = subject.classes[label] if subject.classes else image
    entry = {"class": name, "index": int(image), "correct": None}
    return replace(
        subject,
        shown=many.inputs[place],
        stored=many.stored[place],
        labels=many.labels[place],
        pictures=[entry],
    )
