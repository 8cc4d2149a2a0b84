"""Noise and holes, as tests and baselines know them."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid.base.errors import WrongUse
from pellucid.data.damage import add_noise, cut_hole


def test_noise_has_the_deviation_that_was_asked_for_and_is_not_clipped() -> None:
    clean = np.zeros((100, 100), dtype=np.float32)
    noisy = add_noise(clean, 0.5, np.random.default_rng(0))
    # the deviation of 10,000 draws is known within 0.5 / √20,000 = 0.0035; four times that
    assert abs(noisy.std() - 0.5) < 0.015
    assert abs(noisy.mean()) < 0.02
    assert noisy.min() < -0.5
    assert not clean.any()


def test_a_hole_is_cut_where_it_was_asked_for() -> None:
    pixels = np.ones((2, 3, 4), dtype=np.float32)
    cut, is_hidden = cut_hole(pixels, 2, 1, 0)
    assert is_hidden.tolist() == [
        [False, False, False, False],
        [True, True, False, False],
        [True, True, False, False],
    ]
    assert cut.tolist() == [[[1, 1, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1]]] * 2
    assert pixels.all()


@pytest.mark.parametrize(("size", "row", "column"), [(0, 0, 0), (4, 0, 0), (2, 2, 0), (2, 0, -1)])
def test_a_hole_outside_the_picture_is_wrong_use(size: int, row: int, column: int) -> None:
    with pytest.raises(WrongUse, match="one inside the picture of 3 × 4"):
        cut_hole(np.ones((3, 4), dtype=np.float32), size, row, column)


def test_a_negative_noise_is_wrong_use() -> None:
    with pytest.raises(WrongUse, match="noise"):
        add_noise(np.ones((3, 4), dtype=np.float32), -0.1, np.random.default_rng(0))
