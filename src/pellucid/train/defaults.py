"""Known-good recipes: what a beginner gets who changes nothing.

They were found by changing one thing at a time; what they reach, and how they were chosen, is in
`docs/results.md`. All use one-cycle (Smith and Topin 2018) and, but for `resnet-small`, AdamW.
"""

from __future__ import annotations

from typing import Any

from pellucid.base.errors import unknown_name
from pellucid.base.records import Record
from pellucid.train.recipe import Recipe

Choices = dict[str, Any]

USUAL_NETS = {
    "classify": "convnet",
    "denoise": "autoencoder-conv",
    "inpaint": "autoencoder-conv",
    "next-symbol": "recurrent",
}
"""Task → the network that is taken where none is asked for."""

COMMON: Choices = {
    "optimiser": "adamw",
    "learning_rate": 0.01,
    "momentum": 0.9,
    "second_moment": 0.999,
    "weight_decay": 0.0,
    "schedule": "one-cycle",
    "warmup": 0.3,
    "batch_size": 256,
}

CLASSIFIERS: dict[str, Choices] = {
    "linear": {"epochs": 4},
    "dense": {"learning_rate": 0.005, "epochs": 12},
    "lenet": {"learning_rate": 0.005, "epochs": 12, "label_smoothing": 0.1},
    "convnet": {"epochs": 12, "label_smoothing": 0.1, "average": 0.99},
    "resnet-small": {
        "optimiser": "nesterov",
        "learning_rate": 0.4,
        "weight_decay": 5e-4,
        "epochs": 18,
        "label_smoothing": 0.1,
        "average": 0.99,
    },
    "recurrent": {"learning_rate": 0.005, "epochs": 6, "clip": 1.0},
    "transformer": {"learning_rate": 0.003, "batch_size": 128, "epochs": 8, "clip": 1.0},
}
"""What each network adds to `COMMON` where it classifies; your own network gets `OWN`."""

OWN: Choices = {"learning_rate": 0.003, "epochs": 12}

WRITTEN = ("digits", "mnist", "omniglot")
HANDWRITING: Choices = {"width": 12}
PHOTOGRAPHS: Choices = {"width": 16, "second_moment": 0.99, "weight_decay": 0.05}
"""What `convnet` adds for the data sets of handwriting, and for all other pictures."""

RESTORERS: Choices = {"learning_rate": 0.005, "batch_size": 128, "epochs": 3}

WRITERS: dict[str, Choices] = {
    "recurrent": {"learning_rate": 0.005},
    "transformer": {"learning_rate": 0.003},
}
"""What each network adds where it learns to write; all of them clip gradients."""

FEW = 5000
"""Training examples below which smaller batches and more epochs are taken."""


def default_recipe(
    dataset: str, data: Record, net: str | None = None, task: str | None = None
) -> Recipe:
    """The recipe for the data that `data` (a `Dataset.as_record()`) describes.

    Without a task or network the usual ones for these data are taken.
    """
    task = task or _usual_task(net, data)
    if task not in USUAL_NETS:
        raise unknown_name("task", task, USUAL_NETS)
    net = net or USUAL_NETS[task]
    if task == "next-symbol":
        choices = _writer(net)
    elif task == "classify":
        choices = _classifier(net, data)
    else:
        choices = _restorer(net, task, data)
    choices = {**COMMON, **choices}
    choices |= _for_few(data["sizes"]["train"], choices)
    return Recipe(dataset=dataset, net=net, task=task).with_changes(choices)


def _usual_task(net: str | None, data: Record) -> str:
    if data["kind"] == "symbols":
        return "next-symbol"
    restores = net is not None and net.startswith("autoencoder")  # answers with a picture
    return "denoise" if restores else "classify"


def _classifier(net: str, data: Record) -> Choices:
    """The network's own choices, with as much augmentation as the data allow and it can use."""
    choices = CLASSIFIERS.get(net, OWN)
    written = data["card"]["name"] in WRITTEN
    if net == "convnet":
        choices = {**choices, **(HANDWRITING if written else PHOTOGRAPHS)}
    return {**choices, "augment": _changes(net, data, written)}


def _changes(net: str, data: Record, written: bool) -> tuple[str, ...]:
    if net in ("linear", "recurrent", "transformer"):
        return ()
    if written:
        return ("warp:10",) if net in ("convnet", "resnet-small") else ("shift:1",)
    if data["card"]["name"] == "fashion-mnist":  # garments fill their frame: no room to move
        return ("flip",)
    if data["shape"][0] == 1:  # grey pictures may be writing, and a mirrored 2 is no 2
        return ("crop:4",)
    return ("flip", "crop:4")


def _writer(net: str) -> Choices:
    common = {"second_moment": 0.99, "weight_decay": 0.01, "epochs": 10, "clip": 1.0}
    return {**common, **WRITERS.get(net, OWN)}


def _restorer(net: str, task: str, data: Record) -> Choices:
    """To fill a hole a network may look past the bottleneck: what is seen is not to be restored.

    The usual hole of 10 is meant for 28 pixels; in smaller pictures it is smaller in proportion.
    """
    choices = dict(RESTORERS)
    if task == "inpaint" and net == "autoencoder-conv":
        choices["bottleneck"] = 0
    side = min(data["shape"][1:])
    if task == "inpaint" and side < 28:
        choices["hole"] = max(1, round(side * 10 / 28))
    return choices


def _for_few(examples: int, choices: Choices) -> Choices:
    """Smaller batches and more epochs for few examples."""
    if examples >= FEW:
        return {}
    batch = max(1, min(32, choices["batch_size"], examples // 4))
    few: Choices = {"batch_size": batch, "epochs": max(30, choices["epochs"])}
    if choices["optimiser"] == "nesterov":
        few["learning_rate"] = choices["learning_rate"] / 8  # the batch is an eighth as large
    return few


def reader_recipe(dataset: str, data: Record) -> Recipe:
    """A short recipe for the classifier that tells whether restored pictures can be read."""
    short = {"epochs": 2, "augment": (), "average": 0.0, "momentum": 0.7, "second_moment": 0.9}
    usual = default_recipe(dataset, data)
    return usual.with_changes(short if data["sizes"]["train"] >= FEW else {})
