"""Reading one picture: every kind works or is named."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pellucid.base.errors import BadData
from pellucid.data import pictures


def save(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)  # type: ignore[arg-type]
    return path


def grey(levels: list[list[int]]) -> Image.Image:
    return Image.fromarray(np.array(levels, dtype=np.uint8))


def png(head: bytes, rows: bytes) -> bytes:
    """A PNG file of a head and of rows, each with a zero before it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_a_grey_picture_has_one_channel_and_a_coloured_one_three(tmp_path: Path) -> None:
    one = pictures.read(save(tmp_path / "a.png", grey([[0, 255]])))
    three = pictures.read(save(tmp_path / "b.png", Image.new("RGB", (2, 1), (1, 2, 3))))
    assert one.tolist() == [[[0], [255]]]
    assert three.tolist() == [[[1, 2, 3], [1, 2, 3]]]


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path: Path) -> None:
    levels = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)
    path = save(tmp_path / "deep.png", Image.fromarray(levels))
    # 65535 / 255 = 257 steps of 16 bits make one of 8
    assert pictures.read(path)[..., 0].tolist() == [[0, 1, 128, 255]]


def test_floats_of_a_tiff_are_scaled_by_their_range(tmp_path: Path) -> None:
    levels = np.array([[0.0, 0.5, 1.0]], dtype=np.float32)
    path = save(tmp_path / "float.tiff", Image.fromarray(levels))
    assert pictures.read(path)[..., 0].tolist() == [[0, 128, 255]]


def test_nan_in_a_picture_is_told(tmp_path: Path) -> None:
    levels = np.array([[0.0, np.nan]], dtype=np.float32)
    path = save(tmp_path / "nan.tiff", Image.fromarray(levels))
    with pytest.raises(BadData, match=r"nan\.tiff: found a broken picture .*NaN"):
        pictures.read(path)


def test_transparent_places_show_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", (3, 1))
    image.putdata([(255, 0, 0, 255), (255, 0, 0, 0), (0, 0, 0, 128)])
    # half of black over white: 255 · (1 - 128 / 255) = 127
    assert pictures.read(save(tmp_path / "a.png", image)).tolist() == [
        [[255, 0, 0], [255, 255, 255], [127, 127, 127]]
    ]


def test_grey_with_transparency_stays_grey(tmp_path: Path) -> None:
    image = Image.new("LA", (2, 1))
    image.putdata([(10, 255), (10, 0)])
    assert pictures.read(save(tmp_path / "a.png", image)).tolist() == [[[10], [255]]]


def deep(kind: int, levels: list[int]) -> bytes:
    """A PNG of one pixel with 16 bits a channel; `kind` is PNG's number for what channels are."""
    head = struct.pack(">IIBBBBB", 1, 1, 16, kind, 0, 0, 0)
    row = b"\0" + struct.pack(f">{len(levels)}H", *levels)
    return png(head, row)


@pytest.mark.parametrize(
    ("kind", "levels", "pixel", "is_transparent"),
    [
        (0, [257 * 100], [100], False),
        (2, [257 * 10, 257 * 20, 257 * 30], [10, 20, 30], False),
        (4, [257 * 100, 65535], [100], False),
        (4, [257 * 100, 0], [255], True),
        (6, [257 * 10, 257 * 20, 257 * 30, 65535], [10, 20, 30], False),
        (6, [257 * 10, 257 * 20, 257 * 30, 0], [255, 255, 255], True),
    ],
)
def test_sixteen_bits_a_channel_are_scaled_whatever_the_channels_are(
    tmp_path: Path, kind: int, levels: list[int], pixel: list[int], is_transparent: bool
) -> None:
    path = tmp_path / "deep.png"
    path.write_bytes(deep(kind, levels))
    found = pictures.look_at(path)
    assert found.pixels.tolist() == [[pixel]]
    assert (found.is_deep, found.is_transparent) == (True, is_transparent)


@pytest.mark.parametrize(("opacity", "is_transparent"), [(255, False), (254, True), (0, True)])
def test_a_picture_is_transparent_if_some_of_it_is_not_if_it_only_could_be(
    tmp_path: Path, opacity: int, is_transparent: bool
) -> None:
    image = Image.new("RGBA", (2, 2), (9, 9, 9, 255))
    image.putpixel((1, 1), (9, 9, 9, opacity))
    found = pictures.look_at(save(tmp_path / "a.png", image))
    assert (found.is_deep, found.is_transparent) == (False, is_transparent)


def test_a_palette_of_greys_is_grey_and_one_of_colours_is_coloured(tmp_path: Path) -> None:
    plain = grey([[0, 128], [255, 3]]).convert("P")
    assert pictures.read(save(tmp_path / "a.gif", plain)).shape == (2, 2, 1)
    coloured = Image.new("RGB", (2, 2), (255, 0, 0)).convert("P")
    assert pictures.read(save(tmp_path / "b.png", coloured)).tolist()[0][0] == [255, 0, 0]


def test_a_cmyk_picture_becomes_red_green_blue(tmp_path: Path) -> None:
    path = save(tmp_path / "print.jpg", Image.new("CMYK", (8, 8), (0, 255, 255, 0)), quality=95)
    red, green, blue = pictures.read(path)[4, 4]
    assert red > 240
    assert max(green, blue) < 15


def test_the_cameras_orientation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[pictures.ORIENTATION] = 6  # turned by 90° clockwise to be upright
    path = save(tmp_path / "a.png", grey([[1, 2, 3]]), exif=exif)
    assert pictures.read(path)[..., 0].tolist() == [[1], [2], [3]]


def test_a_truncated_picture_is_named(tmp_path: Path) -> None:
    whole = io.BytesIO()
    noise = np.random.RandomState(0).randint(0, 256, (64, 64, 3)).astype(np.uint8)
    Image.fromarray(noise).save(whole, "JPEG")
    path = tmp_path / "half.jpg"
    path.write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    with pytest.raises(BadData, match=r"half\.jpg: found a broken picture"):
        pictures.read(path)


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"])
def test_a_file_that_is_no_picture_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "odd.png"
    path.write_bytes(content)
    with pytest.raises(BadData, match=r"odd\.png: found a"):
        pictures.read(path)


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose head claims `width` × `height` pixels."""
    return png(struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0), b"\0" * 100)


@pytest.mark.parametrize(("side", "pixels"), [(9_200, "84,640,000"), (50_000, "2500000000")])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(
    side: int, pixels: str, tmp_path: Path
) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(bomb(side, side))
    with pytest.raises(BadData, match=r"bomb\.png: found .* pixels") as caught:
        pictures.read(path)
    assert pixels in caught.value.found.replace(",", "") or pixels in caught.value.found


def test_a_large_jpeg_is_decoded_small_but_never_below_what_is_asked(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", Image.new("RGB", (800, 400), (9, 9, 9)))
    assert pictures.read(path).shape == (400, 800, 3)
    assert pictures.read(path, at_least=100).shape == (100, 200, 3)
    assert min(pictures.read(path, at_least=120).shape[:2]) >= 120


def test_fit_keeps_proportions_and_cuts_the_middle_out() -> None:
    wide = np.zeros((2, 6, 1), dtype=np.uint8)
    wide[:, 2:4] = 200
    assert pictures.fit(wide, (2, 2))[..., 0].tolist() == [[200, 200], [200, 200]]


def test_scaling_down_uses_every_pixel() -> None:
    stripes = np.zeros((64, 64, 1), dtype=np.uint8)
    stripes[:, ::2] = 255
    # picking every eighth column would give 255 everywhere; the mean is 127.5
    assert np.abs(pictures.resize(stripes, (8, 8))[2:-2, 2:-2].astype(int) - 127).max() <= 2


def test_colour_becomes_grey_by_luminance() -> None:
    pure = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], dtype=np.uint8)
    # ITU-R BT.601: 0.299, 0.587, 0.114 of 255
    assert pictures.channels(pure, 1)[..., 0].tolist() == [[76, 150, 29]]
