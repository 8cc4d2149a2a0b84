"""What is made of a table before it is asked whether one side tells the other."""

from __future__ import annotations

import torch

from pellucid.doctor.neighbours import ranks


def test_equal_numbers_have_equal_ranks_wherever_they_stand() -> None:
    numbers = torch.tensor([[0.0], [7.0], [0.0], [0.5], [0.0]])
    assert ranks(numbers).flatten().tolist() == [2.0, 5.0, 2.0, 4.0, 2.0]


def test_what_is_always_the_same_has_ranks_that_say_nothing() -> None:
    found = ranks(torch.full((40, 1), 0.7))
    assert float((found - found.mean(0)).abs().max()) == 0
