from __future__ import annotations

import pytest

from pellucid.train.recipe import Recipe
from pellucid.train.schedule import rate_at


def rates(steps: int, **choices: object) -> list[float]:
    recipe = Recipe(learning_rate=1.0, **choices)  # type: ignore[arg-type]
    return [rate_at(step, steps, recipe) for step in range(steps)]


def test_a_constant_rate_without_warmup_never_changes() -> None:
    assert rates(5, schedule="constant", warmup=0.0) == [1.0] * 5


def test_warmup_rises_in_a_straight_line_to_the_full_rate() -> None:
    # 4 of 8 steps: (1 + 24·k/4)/25 for k = 1…4, then the full rate
    rising = rates(8, schedule="constant", warmup=0.5)
    assert rising[:4] == pytest.approx([7 / 25, 13 / 25, 19 / 25, 1.0])
    assert rising[4:] == [1.0] * 4


def test_one_cycle_falls_in_a_straight_line_towards_zero() -> None:
    assert rates(4, schedule="one-cycle", warmup=0.0) == pytest.approx([1.0, 0.75, 0.5, 0.25])


def test_cosine_is_half_way_down_in_the_middle() -> None:
    falling = rates(4, schedule="cosine", warmup=0.0)
    assert falling == pytest.approx([1.0, 0.8535533905932737, 0.5, 0.1464466094067263])


def test_steps_cut_the_rate_every_so_many_epochs() -> None:
    # 6 epochs of 2 steps, a cut after every second epoch
    cut = rates(12, schedule="step", warmup=0.0, step_every=2, step_factor=0.5, epochs=6)
    assert cut == [1.0] * 4 + [0.5] * 4 + [0.25] * 4
