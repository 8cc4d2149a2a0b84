"""A network and pictures of the user's, to be looked into like a run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from pellucid.base.errors import WrongUse
from pellucid.data.users import users_pictures
from pellucid.inside.checks import check_network
from pellucid.inside.given import MANY, Asked, settled
from pellucid.inside.subject import EXAMPLES, Gallery, Subject, undisturbed
from pellucid.train.build import network_of_factory
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
    network = network_of_factory(target).eval()
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
    inputs, labels, classes = users_pictures(written)
    if labels is not None and written.endswith(".npz"):
        classes = tuple(map(str, range(int(labels.max()) + 1)))
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
