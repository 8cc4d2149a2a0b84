"""Your own arrays as a data set: checked, then split like every other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pellucid.base.errors import BadData
from pellucid.data.dataset import Card, Dataset, Split
from pellucid.data.split import picture_dataset, stratified, with_validation

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
    card = Card(
        name, f"{len(everything):,} pictures of {len(names)} classes", "your arrays", "known to you"
    )
    if test is None:
        parts = stratified(everything.labels, SHARES, split_seed)
        _check_parts(len(everything), parts)
        train, validation, held = map(everything.take, parts)
        return picture_dataset(card, names, train, validation, held)
    official = _checked("test[0]", test[0], "test[1]", test[1])
    _check_labels("test[1]", official.labels, names)
    if official.inputs.shape[1:] != everything.inputs.shape[1:]:
        raise BadData(
            "test[0]",
            f"pictures {official.inputs.shape[1:]}",
            f"{everything.inputs.shape[1:]} as in inputs",
            "give both the same shape",
        )
    return with_validation(card, names, everything, official, VALIDATION_SHARE, split_seed)


def _names(labels: NDArray[np.int64]) -> list[str]:
    return [str(label) for label in range(int(labels.max(initial=0)) + 1)]


def _checked(inputs_name: str, inputs: ArrayLike, labels_name: str, labels: ArrayLike) -> Split:
    pixels = _pixels(inputs_name, np.asarray(inputs))
    numbers = _labels(labels_name, np.asarray(labels))
    if len(pixels) != len(numbers):
        raise BadData(
            labels_name,
            f"{len(numbers):,} labels for {len(pixels):,} pictures",
            "one label for each picture",
            "give arrays of the same length",
        )
    if not len(pixels):
        raise BadData(inputs_name, "no pictures", "at least three a class", "give a longer array")
    return Split(pixels, numbers)


def _pixels(name: str, pixels: NDArray[Any]) -> NDArray[np.uint8]:
    if pixels.ndim == 3:
        pixels = pixels[:, None]
    if pixels.ndim != 4 or pixels.shape[1] not in (1, 3):
        is_last = pixels.ndim == 4 and pixels.shape[3] in (1, 3)
        raise BadData(
            name,
            f"shape {pixels.shape}",
            "(n, row, column) or (n, channel, row, column) with 1 or 3 channels",
            f"move the channels: {name}.transpose(0, 3, 1, 2)" if is_last else "reshape the array",
        )
    if pixels.dtype == np.uint8:
        return pixels
    return _from_numbers(name, pixels)


def _from_numbers(name: str, pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Floats of 0…1, or whole numbers of 0…255, as uint8."""
    if pixels.dtype.kind not in "fiub":
        raise BadData(name, f"dtype {pixels.dtype}", "uint8, or floats of 0…1", "convert the array")
    bad = int(np.count_nonzero(~np.isfinite(pixels)))
    if bad:
        first = tuple(int(place) for place in np.argwhere(~np.isfinite(pixels))[0])
        raise BadData(
            name,
            f"{bad:,} values that are NaN or infinite, the first at {first}",
            "finite numbers",
            "find where they come from; np.nan_to_num would only hide it",
        )
    low, high = float(pixels.min(initial=0)), float(pixels.max(initial=0))
    is_float = pixels.dtype.kind == "f"
    top = 1 if is_float or pixels.dtype.kind == "b" else 255
    if low < 0 or high > top:
        looks_like_levels = is_float and low >= 0 and 1 < high <= 255
        raise BadData(
            name,
            f"{pixels.dtype} pixels from {low:g} to {high:g}",
            f"0 to {top}",
            f"divide by 255: {name} / 255"
            if looks_like_levels
            else "give the pixels before "
            "they were normalised: Pellucid learns mean and deviation from train itself",
        )
    return np.round(pixels.astype(np.float64) * (255 / top)).astype(np.uint8)


def _labels(name: str, labels: NDArray[Any]) -> NDArray[np.int64]:
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise BadData(
            name, f"shape {labels.shape}", "(n,)", f"for one-hot labels: {name}.argmax(axis=1)"
        )
    if labels.dtype.kind == "f" and not np.array_equal(labels, np.floor(labels)):
        value = labels[labels != np.floor(labels)][0]
        raise BadData(name, f"label {value:g}", "whole numbers from 0", "number the classes")
    if labels.dtype.kind not in "iufb":
        raise BadData(
            name,
            f"dtype {labels.dtype}, e.g. {str(labels[:1].tolist())[:40]}",
            "whole numbers from 0",
            "classes, labels = np.unique(labels, return_inverse=True)",
        )
    return labels.astype(np.int64)


def _check_labels(name: str, labels: NDArray[np.int64], classes: Sequence[str]) -> None:
    low, high = int(labels.min(initial=0)), int(labels.max(initial=0))
    if low < 0 or high >= len(classes):
        wrong = low if low < 0 else high
        raise BadData(
            name,
            f"label {wrong}",
            f"0 to {len(classes) - 1} for {len(classes)} classes",
            "number the classes from 0, or give as many names in classes=",
        )
    if len(classes) < 2 or (name == "labels" and len(np.unique(labels)) < 2):
        raise BadData(
            name,
            f"one class only, {low}",
            "at least two: with one there is nothing to tell apart",
            "add examples of another class",
        )


def _check_parts(count: int, parts: Sequence[NDArray[np.int64]]) -> None:
    if any(len(part) == 0 for part in parts):
        raise BadData(
            "inputs", f"{count} pictures", "at least three a class, one for each split", "add some"
        )
