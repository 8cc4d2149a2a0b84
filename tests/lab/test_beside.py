"""Two networks beside each other: the same questions, picture by picture."""

from __future__ import annotations

import math

import pytest

from pellucid.lab.beside import fooled_beside, paired


def test_a_paired_difference_is_the_one_worked_out_by_hand() -> None:
    """Of ten pictures three hold here alone, one there alone: (3 − 1)/10. The interval's shares
    are 4/12 and 2/12, so its middle is 1/6 and its variance (1/2 − 1/36)/12."""
    here = [True] * 3 + [False] + [True] * 4 + [False] * 2
    there = [False] * 3 + [True] + [True] * 4 + [False] * 2
    found = paired(here, there)
    assert (found["only_here"], found["only_there"], found["pictures"]) == (3, 1, 10)
    assert found["value"] == pytest.approx(0.2)
    spread = 1.959964 * math.sqrt((1 / 2 - 1 / 36) / 12)
    assert found["low"] == pytest.approx(1 / 6 - spread, abs=1e-6)
    assert found["high"] == pytest.approx(1 / 6 + spread, abs=1e-6)


def test_a_network_beside_itself_does_not_differ() -> None:
    found = paired([True, False, True], [True, False, True])
    assert found["value"] == 0
    assert found["low"] < 0 < found["high"]


def asked(label: str | None, answer: str, flipped: int, undecided: int) -> dict[str, object]:
    return {"label": label, "answer": answer, "flipped": flipped, "undecided": undecided}


def test_only_pictures_that_are_settled_and_read_rightly_by_both_are_compared() -> None:
    here = [
        asked("1", "1", 2, 0),  # fooled here alone
        asked("1", "2", 0, 0),  # read wrongly here
        asked("1", "1", 0, 3),  # undecided here
        asked("1", "1", 5, 3),  # undecided pixels beside a flip: fooled
        asked(None, "1", 0, 0),  # no label: rightly read
        asked("1", "1", 0, 0),  # read wrongly there
    ]
    there = [
        asked("1", "1", 0, 0),
        asked("1", "1", 0, 0),
        asked("1", "1", 0, 0),
        asked("1", "1", 1, 0),
        asked(None, "2", 4, 0),
        asked("1", "2", 0, 0),
    ]
    found = fooled_beside(here, there)
    assert found["left_out"] == 3
    assert found["pictures"] == 3
    assert (found["only_here"], found["only_there"]) == (1, 1)
    assert found["value"] == 0
