"""From any picture to what the network was trained on: polarity, paper, place and size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pellucid.base.errors import BadData, WrongUse
from pellucid.data import find, pictures
from pellucid.data.load import SETS, load
from pellucid.data.prepare import Prepared, prepare

Levels = NDArray[np.uint8]


def record(**card: Any) -> dict[str, Any]:
    """As a run on MNIST keeps it."""
    known = {
        "name": "made",
        "bright_on_dark": True,
        "centred": "mass",
        "content_share": 20 / 28,
        "stroke": 2.5,
    }
    return {"kind": "pictures", "shape": [1, 28, 28], "card": {**known, **card}}


def seven(size: tuple[int, int], corner: tuple[int, int], side: int, pen: int) -> Levels:
    """A seven, bright on dark: `size` is (columns, rows), `corner` (column, row)."""
    image = Image.new("L", size)
    left, top = corner
    points = [(left, top), (left + side * 2 // 3, top), (left + side // 4, top + side)]
    ImageDraw.Draw(image).line(points, fill=255, width=pen, joint="curve")
    return np.array(image)


def photographed(ink: Levels, seed: int = 0) -> Levels:
    """Ink on paper under a lamp at one side, with the camera's noise."""
    rows, columns = np.mgrid[: ink.shape[0], : ink.shape[1]]
    paper = 190 - 60 * columns / ink.shape[1] - 30 * (rows / ink.shape[0]) ** 2
    noise = np.random.RandomState(seed).normal(0, 4, ink.shape)
    return np.clip(paper * (1 - 0.6 * (ink / 255)) + noise, 0, 255).astype(np.uint8)


def check_seven(prepared: Prepared) -> None:
    """Bright on dark, 20 pixels high, its centre of mass at pixel 14, shaped as a seven."""
    pixels = prepared.pixels[0].astype(float)
    assert prepared.pixels.dtype == np.uint8
    assert prepared.pixels.shape == (1, 28, 28)
    rows, columns = np.flatnonzero((pixels > 40).any(1)), np.flatnonzero((pixels > 40).any(0))
    assert 18 <= rows[-1] - rows[0] + 1 <= 20
    assert 10 <= columns[-1] - columns[0] + 1 <= 18
    mass = pixels.sum()
    assert abs((pixels.sum(1) @ np.arange(28)) / mass - 14) <= 0.75
    assert abs((pixels.sum(0) @ np.arange(28)) / mass - 14) <= 0.75
    assert pixels.max() > 200
    bar, foot = pixels[rows[0] + 1] > 100, pixels[rows[-1] - 1] > 100
    assert bar.sum() > 2 * foot.sum()


@pytest.mark.parametrize("pen", [3, 10, 24])
@pytest.mark.parametrize("size", [(640, 480), (480, 640), (200, 200)])
def test_a_photograph_of_ink_on_uneven_paper(size: tuple[int, int], pen: int) -> None:
    ink = seven(size, (60, 40), 110, pen)
    prepared = prepare(photographed(ink), record())
    check_seven(prepared)
    words = [step[0] for step in prepared.steps]
    assert words[0] == "as read"
    assert "inverted" in words[1]


@pytest.mark.parametrize("is_inverted", [False, True])
def test_a_drawing_of_a_program_in_either_polarity(is_inverted: bool) -> None:
    ink = seven((300, 300), (150, 20), 200, 20)
    check_seven(prepare(255 - ink if is_inverted else ink, record()))


def test_dust_and_the_edge_of_the_table_are_left_out() -> None:
    ink = seven((400, 400), (150, 120), 160, 14)
    plain = prepare(photographed(ink), record()).pixels.astype(int)
    ink[350:353, 30:33] = 255
    ink[:, :12] = 255
    spoiled = prepare(photographed(ink), record()).pixels.astype(int)
    assert np.abs(plain - spoiled).mean() < 4


def test_a_fine_pen_is_made_as_thick_as_the_data_sets_strokes() -> None:
    prepared = prepare(photographed(seven((600, 600), (150, 120), 360, 5)), record())
    check_seven(prepared)
    assert any("thick" in words for words, _ in prepared.steps)
    thin = prepare(photographed(seven((600, 600), (150, 120), 360, 5)), record(stroke=0.0))
    assert prepared.pixels.astype(int).sum() > 1.5 * thin.pixels.astype(int).sum()


def test_pictures_of_the_set_itself_come_out_as_they_are() -> None:
    dataset = load("digits")
    kept = dataset.as_record()
    changed = [
        np.abs(prepare(row[0], kept).pixels[0].astype(int) - row[0]).max() > 0
        for row in dataset.validation.inputs[:100]
    ]
    # the frame of 8 pixels leaves some in doubt by one column; MNIST: none of 300
    assert np.mean(changed) < 0.15


@pytest.mark.real
def test_mnist_comes_out_bit_for_bit() -> None:
    source = SETS.load("mnist").SOURCE
    if not all(find.locate(source).values()):
        pytest.skip("MNIST is neither in PELLUCID_DATA nor in the cache")
    dataset = load("mnist")
    kept = dataset.as_record()
    for row in dataset.validation.inputs[:50]:
        np.testing.assert_array_equal(prepare(row[0], kept).pixels[0], row[0])


def test_a_card_of_dark_strokes_gets_dark_strokes() -> None:
    dark = prepare(seven((300, 300), (90, 40), 200, 20), record(bright_on_dark=False))
    check_seven(Prepared(255 - dark.pixels, dark.steps))


def test_content_that_is_not_centred_keeps_its_place() -> None:
    prepared = prepare(seven((300, 150), (200, 20), 100, 12), record(centred="no"))
    shown = np.flatnonzero((prepared.pixels[0] > 40).any(axis=0))
    # columns 194 … 272 of 300 are 18.1 … 25.4 of 28
    assert 17 <= shown[0] <= 19
    assert 24 <= shown[-1] <= 26


def test_nothing_to_see_is_told() -> None:
    blank = np.full((100, 100), 180, dtype=np.uint8)
    noise = np.random.RandomState(0).normal(0, 3, (100, 100))
    for picture in (blank, (blank + noise).astype(np.uint8), blank * 0):
        with pytest.raises(BadData, match="nothing that stands out"):
            prepare(picture, record())


def test_every_step_can_be_drawn_and_the_last_is_what_the_network_sees() -> None:
    prepared = prepare(photographed(seven((300, 300), (90, 40), 200, 20)), record())
    for words, pixels in prepared.steps:
        assert words
        assert pixels.dtype == np.uint8
        assert pixels.ndim == 2 or pixels.shape[2] == 3
    np.testing.assert_array_equal(prepared.steps[-1][1], prepared.pixels[0])


def test_a_picture_of_a_folder_comes_out_as_the_folder_loader_reads_it(pets: Path) -> None:
    dataset = load(str(pets), size=16)
    splits = (dataset.train, dataset.validation, dataset.open_test("compare"))
    known = {row.tobytes() for split in splits for row in split.inputs}
    for file in sorted(pets.rglob("*.png")):
        assert prepare(file, dataset.as_record()).pixels.tobytes() in known


def test_a_large_photograph_comes_out_as_the_folder_loader_reads_it(
    tmp_path: Path, pets: Path
) -> None:
    noise = np.random.RandomState(5).randint(0, 256, (30, 40, 3)).astype(np.uint8)
    file = pets / "cats" / "large.jpg"
    Image.fromarray(noise).resize((1600, 1200)).save(file, quality=90)
    dataset = load(str(pets), size=16)
    splits = (dataset.train, dataset.validation, dataset.open_test("compare"))
    known = {row.tobytes() for split in splits for row in split.inputs}
    assert prepare(file, dataset.as_record()).pixels.tobytes() in known


def test_grey_and_colour_are_brought_to_the_runs_channels() -> None:
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8)
    kept = {**record(bright_on_dark=None), "shape": [3, 8, 8]}
    assert prepare(grey, kept).pixels.tolist() == [grey.tolist()] * 3
    colour = np.stack([grey] * 3, axis=2)
    single = {**record(bright_on_dark=None), "shape": [1, 8, 8]}
    assert prepare(colour, single).pixels.tolist() == [grey.tolist()]


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.png").write_bytes(b"nothing")
    with pytest.raises(BadData, match=r"mine\.png"):
        prepare(tmp_path / "mine.png", record())
    with pytest.raises(BadData, match="no such file"):
        prepare(tmp_path / "gone.png", record())


def test_what_is_no_picture_is_told() -> None:
    with pytest.raises(WrongUse, match="float64"):
        prepare(np.zeros((4, 4)), record())  # type: ignore[arg-type]
    with pytest.raises(WrongUse, match="symbols, not pictures"):
        prepare(np.zeros((4, 4), np.uint8), {**record(), "kind": "symbols"})


def test_the_read_of_a_file_equals_that_of_its_pixels(tmp_path: Path) -> None:
    ink = photographed(seven((300, 200), (90, 20), 150, 14))
    Image.fromarray(ink).save(tmp_path / "a.png")
    np.testing.assert_array_equal(
        prepare(tmp_path / "a.png", record()).pixels, prepare(ink, record()).pixels
    )
    assert pictures.read(tmp_path / "a.png").shape == (200, 300, 1)
