"""A user's own arrays: what works, and what is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pellucid.base.errors import BadData
from pellucid.data.arrays import from_arrays

LABELS = np.arange(40) % 2


def pixels(seed: int = 0) -> Any:
    return np.random.RandomState(seed).randint(0, 256, (40, 6, 6)).astype(np.uint8)


def test_pictures_with_labels_become_a_data_set() -> None:
    dataset = from_arrays(pixels(), LABELS, classes=["even", "odd"])
    assert dataset.shape == (1, 6, 6)
    assert dataset.sizes == {"train": 28, "validation": 6, "test": 6}
    assert dataset.classes == ("even", "odd")


def test_floats_of_0_to_1_become_the_nearest_level() -> None:
    dataset = from_arrays(pixels() / 255, LABELS)
    assert np.array_equal(dataset.train.inputs, from_arrays(pixels(), LABELS).train.inputs)


def test_a_test_split_of_ones_own_stays_the_test_split() -> None:
    dataset = from_arrays(pixels(), LABELS, test=(pixels(1)[:7], LABELS[:7]))
    assert dataset.sizes == {"train": 34, "validation": 6, "test": 7}
    assert np.array_equal(dataset.open_test("law").inputs[:, 0], pixels(1)[:7])


def test_names_follow_the_labels_if_none_are_given() -> None:
    assert from_arrays(pixels(), np.arange(40) % 3).classes == ("0", "1", "2")


def with_nan() -> Any:
    made = pixels() / 255
    made[3, 2, 1] = np.nan
    return made


@pytest.mark.parametrize(
    ("inputs", "labels", "found"),
    [
        (with_nan(), LABELS, r"1 values that are NaN or infinite, the first at \(3, 0, 2, 1\)"),
        (pixels() / 1.0, LABELS, "float64 pixels from 0 to 255, expected 0 to 1"),
        (pixels() / 127.5 - 1, LABELS, "float64 pixels from -1 to 1"),
        (pixels().astype(int) * 2, LABELS, "int64 pixels from 0 to 510, expected 0 to 255"),
        (pixels(), LABELS[:39], "39 labels for 40 pictures"),
        (pixels(), LABELS * 0, "one class only, 0"),
        (pixels(), LABELS - 1, "label -1"),
        (pixels(), LABELS + 0.5, "label 0.5"),
        (pixels(), np.array(["cat", "dog"] * 20), "dtype <U3"),
        (pixels(), np.eye(2)[LABELS], r"shape \(40, 2\), expected \(n,\)"),
        (pixels().reshape(40, 36), LABELS, r"shape \(40, 36\)"),
        (np.zeros((40, 6, 6, 3), np.uint8), LABELS, r"shape \(40, 6, 6, 3\)"),
        (np.array([["a"]] * 40)[:, None], LABELS, "dtype <U1"),
        (pixels()[:0], LABELS[:0], "no pictures"),
        (pixels()[:2], LABELS[:2], "2 pictures, expected at least three a class"),
    ],
)
def test_what_cannot_be_used_is_told(inputs: Any, labels: Any, found: str) -> None:
    with pytest.raises(BadData, match=found):
        from_arrays(inputs, labels)


def test_the_way_out_is_told_too() -> None:
    with pytest.raises(BadData, match="divide by 255: inputs / 255"):
        from_arrays(pixels() / 1.0, LABELS)
    with pytest.raises(BadData, match=r"inputs\.transpose\(0, 3, 1, 2\)"):
        from_arrays(np.zeros((40, 6, 6, 3), np.uint8), LABELS)
    with pytest.raises(BadData, match=r"labels\.argmax\(axis=1\)"):
        from_arrays(pixels(), np.eye(2)[LABELS])


def test_a_label_without_a_class_is_told() -> None:
    with pytest.raises(BadData, match="label 2, expected 0 to 1 for 2 classes"):
        from_arrays(pixels(), np.arange(40) % 3, classes=["a", "b"])
    with pytest.raises(BadData, match=r"test\[1\]: found label 5"):
        from_arrays(pixels(), LABELS, test=(pixels(1), LABELS * 5))


def test_a_test_split_of_another_shape_is_told() -> None:
    with pytest.raises(BadData, match=r"test\[0\]: found pictures \(1, 5, 6\)"):
        from_arrays(pixels(), LABELS, test=(pixels(1)[:, 1:], LABELS))
