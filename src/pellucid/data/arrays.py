"""Your own arrays as a data set: checked, then split like every other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pellucid.base.errors import BadData
from pellucid.data.dataset import Card, Dataset, Split
from pellucid.data.split import hold_out, picture_dataset, stratified, with_validation

SHARES = (0.70, 0.15, 0.15)
VALIDATION_SHARE = 0.15


def from_arrays(
    inputs: ArrayLike,
    labels: ArrayLike,
    classes: Sequence[str] | None = None,
    test: tuple[ArrayLike, ArrayLike] | None = None,
    split_seed: int = 0,
    name: str = "arrays",
) -> Dataset:
    """Pictures (n, row, column) or (n, channel, row, column) with labels (n,) as a data set.

    uint8 pixels of 0…255, or floats of 0…1 (kept as the nearest of 256 levels). Labels are whole
    numbers from 0. With `test` (its pictures and labels) that stays the test split; without it
    each class is split 70 : 15 : 15.

    Raises `BadData` for NaN, for shapes or counts that do not fit, for pixels off the scale and
    for labels out of range.
    """
    everything = _checked("inputs", inputs, "labels", labels)
    names = list(classes) if classes is not None else _names(everything.labels)
    _check_labels("labels", everything.labels, names)
    card = Card(name, f"{len(everything):,} pictures of {len(names)} classes", "your arrays",
                "known to you")
    if test is None:
        parts = stratified(everything.labels, SHARES, split_seed)
        _check_parts(len(everything), parts)
        train, validation, held = map(everything.take, parts)
        return picture_dataset(card, names, train, validation, held)
    official = _checked("test[0]", test[0], "test[1]", test[1])
    _check_labels("test[1]", official.labels, names)
    if official.inputs.shape[1:] != everything.inputs.shape[1:]:
        raise BadData("test[0]", f"pictures {official.inputs.shape[1:]}",
                      f"{everything.inputs.shape[1:]} as in inputs", "give both the same shape")
    return with_validation(card, names, everything, official, VALIDATION_SHARE, split_seed)
