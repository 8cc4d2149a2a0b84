"""Errors: four parts, exit codes, near misses."""

from __future__ import annotations

import pytest

from pellucid.base.errors import BadData, PellucidError, WrongUse, near_misses, unknown_name


def test_an_error_reads_as_where_found_expected_and_the_fix_on_its_own_line() -> None:
    error = PellucidError("recipe, epochs", "0", "1 epoch or more", "set epochs anew")
    assert str(error) == (
        "recipe, epochs: found 0, expected 1 epoch or more.\nFix: set epochs anew"
    )


def test_an_error_as_a_record_has_its_kind_and_its_four_parts() -> None:
    assert WrongUse("a", "b", "c", "d").as_record() == {
        "kind": "WrongUse",
        "where": "a",
        "found": "b",
        "expected": "c",
        "fix": "d",
    }


@pytest.mark.parametrize(("kind", "code"), [(PellucidError, 1), (WrongUse, 2), (BadData, 3)])
def test_each_kind_of_error_has_its_exit_code(kind: type[PellucidError], code: int) -> None:
    assert kind("a", "b", "c", "d").exit_code == code


def test_every_error_can_be_caught_as_a_pellucid_error() -> None:
    with pytest.raises(PellucidError):
        raise BadData("a", "b", "c", "d")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("minst", "mnist"), ("MNIST", "mnist"), ("fashion", "fashion-mnist"), ("cifar", "cifar10")],
)
def test_a_near_miss_finds_what_was_meant(typed: str, meant: str) -> None:
    assert near_misses(typed, ["cifar10", "digits", "fashion-mnist", "mnist"])[0] == meant


def test_near_misses_are_at_most_three_and_none_if_nothing_is_near() -> None:
    assert len(near_misses("net", ["net1", "net2", "net3", "net4"])) == 3
    assert near_misses("qqqq", ["digits", "mnist"]) == []


def test_near_misses_keep_the_spelling_of_the_known_name() -> None:
    assert near_misses("lenet", ["LeNet"]) == ["LeNet"]


def test_an_unknown_name_with_a_near_miss_is_asked_back() -> None:
    error = unknown_name("data set", "minst", ["digits", "mnist"])
    assert str(error) == (
        "data set: found 'minst', expected one of digits, mnist.\nFix: did you mean 'mnist'?"
    )
    assert error.exit_code == 2


def test_an_unknown_name_far_from_all_gets_the_list() -> None:
    error = unknown_name("data set", "qqqq", {"mnist": 1, "digits": 2})
    assert error.expected == "one of digits, mnist"
    assert error.fix == "choose one of them"


def test_what_a_name_is_the_beginning_of_is_the_nearest_miss() -> None:
    runs = ["mnist-dense-1", "digits-convnet-1", "digits-convnet-2", "gist"]
    assert near_misses("digit", runs) == ["digits-convnet-1", "digits-convnet-2", "gist"]
    assert near_misses("d", ["data", "digits"]) == []  # one letter says nothing
