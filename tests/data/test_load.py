"""One door: names, folders, text files, settings, and whatever else people give."""

from __future__ import annotations

from pathlib import Path

import pytest

from pellucid.base.errors import BadData, PellucidError, WrongUse
from pellucid.data.load import SETS, accepted_settings, load


def test_digits_need_no_file_and_no_network() -> None:
    dataset = load("digits")
    assert dataset.shape == (1, 8, 8)
    assert sum(dataset.sizes.values()) == 1797


def test_digits_are_those_of_scikit_learn() -> None:
    import numpy as np
    from sklearn.datasets import load_digits

    dataset, bunch = load("digits"), load_digits()
    splits = (dataset.train, dataset.validation, dataset.open_test("compare"))
    mine = sorted(
        (int(label), row.tobytes())
        for split in splits
        for row, label in zip(split.inputs, split.labels, strict=True)
    )
    levels = np.round(bunch.images * (255 / 16)).astype(np.uint8)
    theirs = sorted(
        (int(label), row.tobytes()) for row, label in zip(levels, bunch.target, strict=True)
    )
    assert mine == theirs


def test_an_unknown_name_has_its_near_miss_and_says_what_else_there_is() -> None:
    with pytest.raises(WrongUse, match="did you mean 'digits'") as caught:
        load("digit")
    assert caught.value.exit_code == 2
    assert "the path of a folder" in caught.value.expected
    with pytest.raises(WrongUse, match="did you mean 'fashion-mnist'"):
        load("fashion_mnist")


def test_an_unknown_setting_has_its_near_miss() -> None:
    with pytest.raises(WrongUse, match="did you mean 'split_seed'"):
        load("digits", split_sed=1)
    with pytest.raises(WrongUse, match="expected one of split_seed"):
        load("digits", zebra=1)


@pytest.mark.parametrize("value", ["one", "1.5", 1.5, None, True])
def test_a_setting_that_is_no_whole_number_is_told(value: object) -> None:
    with pytest.raises(WrongUse, match="expected a whole number"):
        load("digits", split_seed=value)


def test_the_settings_of_each_kind_are_known(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("words")
    assert accepted_settings("digits") == ["split_seed"]
    assert accepted_settings("omniglot") == ["split_seed", "size"]
    assert accepted_settings(str(tmp_path)) == ["size", "split_seed", "skip_broken"]
    assert accepted_settings(str(tmp_path / "text.txt")) == ["context", "split_seed", "vocabulary"]


@pytest.mark.parametrize("name", SETS.names())
def test_every_set_takes_a_split_seed(name: str) -> None:
    assert "split_seed" in accepted_settings(name)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("table.csv", "a table"),
        ("arrays.npz", "a file of arrays"),
        ("set.zip", "an archive"),
        ("one.png", "one picture"),
    ],
)
def test_a_file_of_another_kind_is_told_what_is_expected(
    name: str, found: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(b"1,2\n3,4\n")
    with pytest.raises(BadData, match=found) as caught:
        load(str(tmp_path / name))
    assert "a folder" in caught.value.expected


def test_a_path_that_is_not_there_is_bad_data(tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"gone does not exist") as caught:
        load(str(tmp_path / "gone" / "deeper"))
    assert caught.value.exit_code == 3


def test_a_missing_set_says_which_files_go_where() -> None:
    with pytest.raises(PellucidError) as caught:
        load("mnist")
    assert "train-images-idx3-ubyte.gz" in caught.value.found
    assert "cache/mnist" in caught.value.expected
    with pytest.raises(PellucidError, match="no public copy is known"):
        load("cifar10-pictures")
