"""One door to all data: a name, a folder of pictures, or a text file."""

from __future__ import annotations

from typing import Any

from pellucid.base.catalog import Catalog
from pellucid.data.dataset import Dataset

SETS = Catalog("data set", "data.sets")


def load(name: str, **settings: Any) -> Dataset:
    """The data set called `name`, or the folder or text file at the path `name`."""
    dataset: Dataset = SETS.load(name).load(**settings)
    return dataset
