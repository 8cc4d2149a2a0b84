"""Numbers and words as people read them, and commands within sentences."""

from __future__ import annotations

import math

import pytest

from pellucid.report import wording
from pellucid.report.markup import text, with_commands


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (59.4, "59 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_durations(seconds: float, words: str) -> None:
    assert wording.duration(seconds) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "–"), (True, "yes"), (12345, "12,345"), (-0.00012345, "−0.0001234"), ("a", "a")],
)
def test_quantities(value: object, words: str) -> None:
    assert wording.quantity(value) == words


def test_signs_counts_and_times() -> None:
    assert [wording.signed(value) for value in (0.4216, -1.0, 0.0, None)] == [
        "+0.422", "−1", "0", "–",
    ]  # fmt: skip
    assert wording.count(1, "look") == "1 look"
    assert wording.count(2, "class", "classes") == "2 classes"
    assert wording.moment("2026-11-21T10:41:30+00:00") == "2026-11-21 10:41 UTC"
    assert wording.moment("then") == "then"
    assert wording.finite(math.nan) is None
    assert wording.percent(0.9934) == "99.34 %"


def test_a_percent_sign_stays_by_its_number() -> None:
    assert text("98 % <b>") == "98\u00a0% &lt;b&gt;"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("try --epochs 24", "try <code>--epochs 24</code>"),
        (
            "(loss 0.1): try --set augment=shift:1",
            "(loss 0.1): try <code>--set augment=shift:1</code>",
        ),
        ("pellucid runs resume a-1", "<code>pellucid runs resume a-1</code>"),
        ("fewer epochs, or --patience 3", "fewer epochs, or <code>--patience 3</code>"),
        ("nothing – at all", "nothing – at all"),
    ],
)
def test_commands_are_set_as_code(words: str, code: str) -> None:
    assert with_commands(words) == code
