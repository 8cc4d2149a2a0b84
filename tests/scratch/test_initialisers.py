"""Where weights start: the variances that the docstrings promise, and what they are for."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from pellucid.scratch.initialisers import (
    Initialiser,
    fans,
    kaiming,
    normal,
    ones,
    orthogonal,
    xavier,
    zeros,
)

SHAPES = [(300, 200), (200, 300), (64, 32, 5, 5)]


def variance_of(initial: Initialiser, shape: tuple[int, ...]) -> float:
    return float(initial(shape, np.random.default_rng(0)).astype(np.float64).var())


def by_hand(initial: Initialiser, shape: tuple[int, ...]) -> float:
    """The variance that is promised, with the fans counted out."""
    window = math.prod(shape[2:])
    fan_in, fan_out = shape[1] * window, shape[0] * window
    if initial is kaiming:
        return 2 / fan_in
    if initial is xavier:
        return 2 / (fan_in + fan_out)
    return 1e-4


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("initial", [normal, xavier, kaiming])
def test_the_variance_is_what_is_promised(initial: Initialiser, shape: tuple[int, ...]) -> None:
    count = math.prod(shape)
    # five standard errors of a normal sample's variance; an even one's is smaller
    assert variance_of(initial, shape) == pytest.approx(
        by_hand(initial, shape), rel=5 * math.sqrt(2 / count)
    )


def test_a_wrong_variance_would_be_found() -> None:
    shape = (300, 200)
    assert variance_of(kaiming, shape) != pytest.approx(
        by_hand(xavier, shape), rel=5 * math.sqrt(2 / 60_000)
    )


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_fans_are_pytorchs(shape: tuple[int, ...]) -> None:
    expected = torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(shape))
    assert fans(shape) == expected


def test_xavier_keeps_to_its_limit() -> None:
    drawn = xavier((300, 200), np.random.default_rng(0))
    assert np.abs(drawn).max() <= np.float32(math.sqrt(6 / 500))


@pytest.mark.parametrize("shape", [(7, 7), (4, 9), (9, 4), (6, 2, 3, 3)], ids=str)
def test_orthogonal_rows_or_columns_are_at_right_angles_and_of_length_one(
    shape: tuple[int, ...],
) -> None:
    flat = orthogonal(shape, np.random.default_rng(0)).reshape(shape[0], -1).astype(np.float64)
    small = flat @ flat.T if flat.shape[0] <= flat.shape[1] else flat.T @ flat
    np.testing.assert_allclose(small, np.eye(len(small)), atol=1e-6)
    assert flat.var() == pytest.approx(1 / max(flat.shape), rel=0.2)


def test_no_orientation_is_preferred() -> None:
    """Without the signs of R, the first entry of Q would always be negative."""
    firsts = [orthogonal((3, 3), np.random.default_rng(seed))[0, 0] for seed in range(40)]
    assert min(firsts) < 0 < max(firsts)


def test_zeros_and_ones_are_what_they_say() -> None:
    assert not zeros((3,)).any()
    assert (ones((3,)) == 1).all()


def sizes_through(layers: int, initial: Initialiser, is_relu: bool) -> float:
    """The mean square of a signal after so many layers, of 1 at the start."""
    chance = np.random.default_rng(0)
    x = chance.standard_normal((200, 128))
    for _ in range(layers):
        x = x @ initial((128, 128), chance).T
        x = np.maximum(x, 0) if is_relu else x
    return float(np.square(x).mean())


def test_kaiming_carries_a_signal_through_thirty_relu_layers() -> None:
    assert 0.05 < sizes_through(30, kaiming, is_relu=True) < 20
    assert sizes_through(30, xavier, is_relu=True) < 1e-6
    assert sizes_through(30, normal, is_relu=True) < 1e-6


def test_xavier_and_orthogonal_carry_it_through_thirty_straight_layers() -> None:
    assert 0.05 < sizes_through(30, xavier, is_relu=False) < 20
    assert sizes_through(30, orthogonal, is_relu=False) == pytest.approx(1, rel=0.05)


def test_the_same_chance_draws_the_same() -> None:
    for initial in (normal, xavier, kaiming, orthogonal):
        first, second, other = (initial((4, 3), np.random.default_rng(seed)) for seed in (0, 0, 1))
        np.testing.assert_array_equal(first, second)
        assert (first != other).any()
        assert first.dtype == np.float32
