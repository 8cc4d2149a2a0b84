"""Known-good recipes: what a beginner gets who changes nothing."""

from __future__ import annotations

from pellucid.base.records import Record
from pellucid.train.recipe import Recipe


def default_recipe(
    dataset: str, data: Record, net: str | None = None, task: str | None = None
) -> Recipe:
    """The recipe for a data set (`Dataset.as_record()`), with the usual network and task."""
    return Recipe(dataset=dataset, net=net or "convnet", task=task or "classify", epochs=12)
