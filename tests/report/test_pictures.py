"""Arrays as PNG: what is written can be read back pixel by pixel."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from pellucid.report import pictures


def read(png: bytes, mode: str) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.asarray(Image.open(io.BytesIO(png)).convert(mode))


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_a_stored_picture_comes_back(channels: int, mode: str) -> None:
    picture = np.random.RandomState(0).randint(0, 256, (channels, 5, 7)).astype(np.uint8)
    back = read(pictures.plain(picture), mode).reshape(5, 7, channels)
    assert np.array_equal(back.transpose(2, 0, 1), picture)


def test_other_numbers_of_channels_are_shown_by_their_mean() -> None:
    picture = np.array([[[10]], [[21]]], dtype=np.uint8)
    assert read(pictures.plain(picture), "L").tolist() == [[16]]


def test_values_outside_0_to_1_are_cut() -> None:
    picture = np.array([[[-1.0, 0.5, 2.0, np.nan]]])
    assert read(pictures.unit(picture), "L").tolist() == [[0, 128, 255, 0]]


def test_signs_have_colours_and_sizes_have_strength() -> None:
    row = read(pictures.signed(np.array([[-2.0, -1.0, 0.0, 1.0, 9.0]]), scale=2.0), "RGBA")[0]
    assert row[:, 3].tolist() == [255, 129, 0, 129, 255]
    assert tuple(row[0, :3]) == pictures.NEGATIVE
    assert tuple(row[4, :3]) == pictures.POSITIVE


@pytest.mark.parametrize("cell", [3, 12, 18])
def test_a_negative_cell_has_a_dash_and_a_positive_one_none(cell: int) -> None:
    picture = read(pictures.signed(np.array([[-1.0, 1.0]]), 1.0, cell), "RGBA")
    negative, positive = picture[:, :cell, 3], picture[:, cell:, 3]
    assert picture.shape[:2] == (cell, 2 * cell)
    assert (positive == 255).all()
    assert (negative == 0).any()
    assert (negative == 255).any()


def test_nothing_but_zeros_and_what_is_not_finite_can_be_drawn() -> None:
    assert read(pictures.signed(np.zeros((2, 2)), 0.0), "RGBA")[..., 3].max() == 0
    odd = np.array([[np.nan, np.inf, -np.inf]])
    assert read(pictures.signed(odd, 1.0), "RGBA")[0, :, 3].tolist() == [0, 255, 255]
    assert pictures.largest(odd) == 0.0


def test_a_strip_keeps_the_order_and_the_pixels_whole() -> None:
    black, white = np.zeros((4, 4), np.uint8), np.full((1, 4, 4), 255, np.uint8)
    colour = np.zeros((8, 8, 3), np.uint8)
    colour[..., 0] = 200
    sheet = read(pictures.strip([("read", black), ("inverted", white), ("red", colour)]), "RGB")
    middle = sheet[28 + 84].tolist()
    runs = [
        colour for place, colour in enumerate(middle) if place == 0 or middle[place - 1] != colour
    ]
    order = [tuple(colour) for colour in runs if tuple(colour) in {(0, 0, 0), (200, 0, 0)}]
    assert order == [(0, 0, 0), (200, 0, 0)]
    assert middle.count([0, 0, 0]) == middle.count([200, 0, 0]) == 168


def test_a_large_picture_is_made_smaller_for_a_strip() -> None:
    large = np.full((700, 350), 40, np.uint8)
    sheet = read(pictures.strip([("photographed", large)]), "L")
    assert sheet.shape[0] < 230


def test_the_same_array_gives_the_same_bytes() -> None:
    array = np.random.RandomState(0).randn(9, 9)
    assert pictures.signed(array, 2.0) == pictures.signed(array, 2.0)
    assert pictures.data_uri(b"abc") == "data:image/png;base64,YWJj"
