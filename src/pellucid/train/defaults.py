"""Known-good recipes: what a beginner gets who changes nothing.

Measured with three seeds each; the figures are in `docs/results.md`.
"""

from __future__ import annotations

from dataclasses import replace

from pellucid.base.records import Record
from pellucid.train.recipe import Recipe


def default_recipe(
    dataset: str, data: Record, net: str | None = None, task: str | None = None
) -> Recipe:
    """The recipe for the data that `data` (a `Dataset.as_record()`) describes.

    Without a task or network the usual ones for these data are taken.
    """
    task = task or ("next-symbol" if data["kind"] == "symbols" else "classify")
    net = net or _usual_net(task)
    return Recipe(dataset=dataset, net=net, task=task, epochs=10)


def _usual_net(task: str) -> str:
    return {
        "next-symbol": "recurrent",
        "denoise": "autoencoder-conv",
        "inpaint": "autoencoder-conv",
    }.get(task, "convnet")


def reader_recipe(dataset: str, data: Record) -> Recipe:
    """A short recipe for the classifier that tells whether restored pictures can be read."""
    return replace(default_recipe(dataset, data), epochs=2)
