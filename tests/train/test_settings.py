"""Settings get the type of the argument they are for, or the value is refused."""

from __future__ import annotations

import pytest

from pellucid.base.errors import WrongUse
from pellucid.train.recipe import Setting
from pellucid.train.settings import typed


def make(
    inputs: tuple[int, ...],
    width: int = 8,
    dropout: float = 0.5,
    deep: bool = False,
    word: str = "tanh",
    other: object = None,
) -> None:
    """What settings are for."""


@pytest.mark.parametrize(
    ("name", "given", "made"),
    [
        ("width", 3, 3),
        ("width", 3.0, 3),
        ("width", "16", 16),
        ("dropout", "0.25", 0.25),
        ("deep", "True", True),
        ("dropout", 0, 0.0),
        ("dropout", 0.25, 0.25),
        ("deep", True, True),
        ("deep", 1, True),
        ("word", 5, "5"),
        ("other", "anything", "anything"),
        ("inputs", "anything", "anything"),
    ],
)
def test_a_value_becomes_one_of_its_arguments_type(
    name: str, given: Setting, made: Setting
) -> None:
    value = typed(make, {name: given})[name]
    assert value == made
    assert type(value) is type(made)


@pytest.mark.parametrize(
    ("name", "given", "expected", "usual"),
    [
        ("width", 1.5, "a whole number, such as the usual 8", "width=8"),
        ("width", "many", "a whole number, such as the usual 8", "width=8"),
        ("width", True, "a whole number, such as the usual 8", "width=8"),
        ("width", float("nan"), "a whole number, such as the usual 8", "width=8"),
        ("width", float("inf"), "a whole number, such as the usual 8", "width=8"),
        ("dropout", "half", "a number, such as the usual 0.5", "dropout=0.5"),
        ("deep", "maybe", "true or false, such as the usual false", "deep=false"),
        ("deep", 2, "true or false, such as the usual false", "deep=false"),
    ],
)
def test_a_value_that_would_lose_something_is_refused(
    name: str, given: Setting, expected: str, usual: str
) -> None:
    with pytest.raises(WrongUse) as caught:
        typed(make, {name: given})
    assert caught.value.where == f"setting {name}"
    assert caught.value.found == repr(given)
    assert caught.value.expected == expected
    assert caught.value.fix == f"for example --set {usual}"
