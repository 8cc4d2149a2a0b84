"""The closed forms against other ways to the same answer."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pellucid.data.dataset import Split
from pellucid.train.closed_form import denoising_lines, hole_lines, linear_map, pca_rebuild


def correlated(count: int, side: int = 4, seed: int = 0) -> Split:
    """Pictures whose pixels go together: a few patterns, mixed, and a little noise."""
    chance = np.random.RandomState(seed)
    patterns = np.random.RandomState(9).randn(5, side * side)
    mixed = 128 + chance.randn(count, 5) @ patterns * 12 + chance.randn(count, side * side) * 6
    pixels = np.clip(np.round(mixed), 0, 255).astype(np.uint8)
    return Split(pixels.reshape(count, 1, side, side), np.zeros(count, np.int64))


def rows(split: Split) -> NDArray[np.float64]:
    return split.inputs.reshape(len(split), -1) / 255


def decibels(error: NDArray[np.float64]) -> float:
    return float(-10 * np.log10(np.square(error).mean()))


def least_squares(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """The affine map by NumPy's own solver."""
    return np.linalg.lstsq(np.column_stack([x, np.ones(len(x))]), y, rcond=None)[0]


def test_the_linear_map_is_numpys_least_squares() -> None:
    chance = np.random.RandomState(0)
    x, y = chance.rand(400, 6), chance.rand(400, 3)
    found = linear_map(x.astype(np.float32), y.astype(np.float32))
    assert found == pytest.approx(least_squares(x, y), abs=1e-4)


def test_a_constant_pixel_does_not_break_the_linear_map() -> None:
    x = np.random.RandomState(0).rand(50, 3).astype(np.float32)
    x[:, 1] = 0
    assert np.isfinite(linear_map(x, x)).all()


def test_pca_is_a_singular_value_decomposition() -> None:
    clean, damaged = rows(correlated(300)), rows(correlated(20, seed=1)) ** 2
    mean = clean.mean(axis=0)
    directions = np.linalg.svd(clean - mean, full_matrices=False)[2][:3]
    by_hand = mean + (damaged - mean) @ directions.T @ directions
    assert pca_rebuild(clean, damaged, 3) == pytest.approx(by_hand, abs=1e-8)


def test_the_denoising_lines_are_told_in_decibels() -> None:
    train, split = correlated(600), correlated(200, seed=1)
    wiener, pca = denoising_lines(train, split, noise=0.0, components=3)
    assert wiener["psnr_db"] > 60  # nothing to restore
    mean = rows(train).mean(axis=0)
    directions = np.linalg.svd(rows(train) - mean, full_matrices=False)[2][:3]
    rebuilt = mean + (rows(split) - mean) @ directions.T @ directions
    assert pca["title"] == "PCA with 3 components"
    assert pca["psnr_db"] == pytest.approx(decibels(np.clip(rebuilt, 0, 1) - rows(split)), abs=1e-3)


def test_the_linear_filter_beats_leaving_the_noise_as_it_is() -> None:
    train, split = correlated(2000), correlated(500, seed=1)
    (line,) = denoising_lines(train, split, noise=0.1, components=0)
    assert line["psnr_db"] > 21.5  # noise of 0.1 alone is 20 dB


def holes(count: int, corners: list[tuple[int, int]], side: int = 4) -> NDArray[np.bool_]:
    """Squares of 2 × 2 whose corners take turns."""
    made = np.zeros((count, side, side), bool)
    for place in range(count):
        row, column = corners[place % len(corners)]
        made[place, row : row + 2, column : column + 2] = True
    return made


def test_the_hole_lines_are_those_of_a_least_squares_fit_for_each_place() -> None:
    train, split = correlated(5000), correlated(600, seed=1)
    hidden = holes(600, [(1, 1), (0, 2), (2, 0)])
    linear, mean = hole_lines(train, split, hidden)
    clean, truth, flat = rows(train), rows(split), hidden.reshape(600, -1)
    errors, from_mean = [], []
    for place in np.unique(flat, axis=0):
        members = (flat == place).all(axis=1)
        weights = least_squares(clean[:, ~place], clean[:, place])
        seen = np.column_stack([truth[members][:, ~place], np.ones(members.sum())])
        errors.append((np.clip(seen @ weights, 0, 1) - truth[members][:, place]).ravel())
        from_mean.append((clean.mean(axis=0)[place] - truth[members][:, place]).ravel())
    assert linear["psnr_db"] == pytest.approx(decibels(np.concatenate(errors)), abs=0.02)
    assert mean["psnr_db"] == pytest.approx(decibels(np.concatenate(from_mean)), abs=1e-3)
    assert linear["psnr_db"] > mean["psnr_db"] + 3


def test_what_follows_exactly_from_what_is_seen_is_restored() -> None:
    chance = np.random.RandomState(0)
    left = chance.randint(0, 256, (3000, 1, 4, 2))
    pixels = np.concatenate([left, left], axis=3).astype(np.uint8)  # the right half repeats it
    whole = Split(pixels, np.zeros(3000, np.int64))
    hidden = np.zeros((200, 4, 4), bool)
    hidden[:, 1:3, 2:] = True
    linear, mean = hole_lines(whole, whole.take(slice(0, 200)), hidden)
    assert linear["psnr_db"] > 60
    # levels spread evenly over 0 … 1: a variance of 1/12, 10.79 dB
    assert mean["psnr_db"] == pytest.approx(10.79, abs=0.3)


def test_a_hole_hides_the_same_place_in_every_channel() -> None:
    chance = np.random.RandomState(0)
    pixels = np.repeat(chance.randint(0, 256, (800, 1, 4, 4)), 3, axis=1).astype(np.uint8)
    split = Split(pixels, np.zeros(800, np.int64))
    linear, mean = hole_lines(split, split.take(slice(0, 100)), holes(100, [(1, 1)]))
    # the other channels would give it away: pixels are independent, so nothing can be known
    assert abs(linear["psnr_db"] - mean["psnr_db"]) < 0.5


def test_pictures_too_large_for_a_closed_form_get_none() -> None:
    large = Split(np.zeros((2, 3, 32, 32), np.uint8), np.zeros(2, np.int64))
    assert denoising_lines(large, large, 0.1, 4) == []
    assert hole_lines(large, large, np.ones((2, 32, 32), bool)) == []
