"""Reading one picture safely, whatever it is, as grey or colour pixels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pellucid.base.errors import BadData

if TYPE_CHECKING:
    from PIL.Image import Image

Pixels = NDArray[np.uint8]

MAX_PIXELS = 80_000_000
"""A larger picture is refused before it is decoded: a few kilobytes of PNG can claim billions.
Below Pillow's own limit of 89 million, at which it would only warn."""

ORIENTATION = 0x0112
"""The EXIF tag that says how the camera was held."""

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
"""File name endings that are taken for pictures."""

GREY_MODES = ("1", "L", "LA", "La", "I", "F")


@dataclass(frozen=True)
class Picture:
    """What was read of one picture, and what had to be changed for it."""

    pixels: Pixels
    is_transparent: bool = False
    """Some of it was transparent, and is white now."""
    is_deep: bool = False
    """It had more than 8 bits a channel, and was scaled to 8."""


def read(path: Path, at_least: int | None = None) -> Pixels:
    """The picture as uint8 (row, column, channel) with 1 channel (grey) or 3 (red, green, blue).

    The camera's orientation is applied; transparency shows white; 16 bits are scaled to 8; of an
    animation the first picture counts. With `at_least`, a JPEG may be decoded at a fraction of
    its size, never below `at_least` pixels on the shorter side (quicker by far for photographs).

    Raises `BadData` that names the file if it is no picture, broken, or too large.
    """
    return look_at(path, at_least).pixels


def look_at(path: Path, at_least: int | None = None) -> Picture:
    """The same with what had to be changed."""
    try:
        with path.open("rb") as file:
            return _decode(file, str(path), at_least)
    except PermissionError as error:
        raise _unusable(
            str(path), "a file that may not be read", "one that may", "change its permissions"
        ) from error
    except FileNotFoundError as error:
        raise _unusable(
            str(path), "no such file", "a picture file", "check the name and the folder"
        ) from error


def decode(file: IO[bytes], name: str) -> Pixels:
    """What `read` gives, of an open file; `name` is what messages call it."""
    return _decode(file, name, None).pixels


def _decode(file: IO[bytes], name: str, at_least: int | None) -> Picture:
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(file) as image:
            _check_size(name, image.width, image.height)
            if at_least:
                _decode_small(image, at_least)
            # e.g. RGB, or RGB;16B; known only until the picture is loaded, as getexif does of a PNG
            stored = " ".join(str(tile[3]) for tile in image.tile)
            is_turned = image.getexif().get(ORIENTATION, 1) != 1
            # the copy that exif_transpose makes of every picture is a third of the time
            return _picture(ImageOps.exif_transpose(image) if is_turned else image, stored, name)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        pixels = re.search(r"\d+", str(error))
        raise _too_large(name, f"{int(pixels[0]):,}" if pixels else "too many") from error
    except UnidentifiedImageError as error:
        raise _unusable(
            name,
            "a file that is no picture, or one whose head is broken",
            "a picture (PNG, JPEG, BMP, GIF, WebP, TIFF)",
            "replace it; in training, --skip-broken leaves such pictures of a folder out",
        ) from error
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, OverflowError) as error:
        # what Pillow's decoders raise for files that break off or contradict themselves
        raise _broken(name, str(error)) from error


def _check_size(name: str, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise _too_large(name, f"{width:,} × {height:,} = {width * height:,}")


def _decode_small(image: Image, at_least: int) -> None:
    """Let the JPEG decoder shrink by 2, 4 or 8 while the shorter side stays long enough."""
    shorter = min(image.size)
    if shorter >= 2 * at_least:
        scale = shorter / at_least
        image.draft(None, (round(image.width / scale), round(image.height / scale)))


def _picture(image: Image, stored: str, name: str) -> Picture:
    """`stored` tells how the file holds its pixels: Pillow gives 16-bit colour with 8 bits."""
    mode = image.mode
    if mode.startswith("I;16") or mode in ("I", "F"):
        return Picture(_deep_grey(np.asarray(image), mode, name)[..., None], is_deep=True)
    is_transparent = False
    if mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        is_grey = mode in ("LA", "La", "L", "1") or "LA;16" in stored
        image, is_transparent = _onto_white(image, is_grey)
    return Picture(_levels(image, may_be_grey=mode == "P"), is_transparent, ";16" in stored)


def _levels(image: Image, may_be_grey: bool) -> Pixels:
    """Grey or colour pixels of an image without transparency and with 8 bits."""
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"))[..., None]
    colour = np.asarray(image.convert("RGB"))
    is_grey = may_be_grey and bool((colour == colour[..., :1]).all())
    return colour[..., :1] if is_grey else colour


def _onto_white(image: Image, is_grey: bool) -> tuple[Image, bool]:
    """Transparent places show white, as on paper and on most screens; and if there were any."""
    from PIL import Image as Pictures

    full = image.convert("RGBA")
    ground = Pictures.new("RGBA", full.size, (255, 255, 255, 255))
    flat = Pictures.alpha_composite(ground, full)
    opacity = np.asarray(full.getchannel("A"))
    return flat.convert("L" if is_grey else "RGB"), bool((opacity < 255).any())


def _deep_grey(values: NDArray[np.generic], mode: str, name: str) -> Pixels:
    """Grey of 16 or 32 bits on the scale 0…255: scaled, not clipped."""
    levels = values.astype(np.float64)
    if not np.isfinite(levels).all():
        raise _broken(name, "it holds NaN or infinite values")
    low, high = float(levels.min(initial=0)), float(levels.max(initial=0))
    limits = (1.0, 255.0) if mode == "F" else (255.0, 65535.0) if mode == "I" else (65535.0,)
    top = next((limit for limit in limits if high <= limit), None)
    if low < 0 or top is None:
        raise _unusable(
            name,
            f"grey values from {low:g} to {high:g}",
            "0 to " + " or 0 to ".join(f"{limit:g}" for limit in limits),
            "save it as a picture of 8 or 16 bits",
        )
    return np.round(levels * (255 / top)).astype(np.uint8)


def fit(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Scale (row, column, channel) so that it just covers `size` (rows, columns), cut the middle.

    Antialiased. Proportions stay as they are: a cat is not squeezed; what juts out on the longer
    side is lost.
    """
    rows, columns = pixels.shape[:2]
    scale = max(size[0] / rows, size[1] / columns)
    scaled = resize(
        pixels, (max(size[0], round(rows * scale)), max(size[1], round(columns * scale)))
    )
    top, left = (scaled.shape[0] - size[0]) // 2, (scaled.shape[1] - size[1]) // 2
    return scaled[top : top + size[0], left : left + size[1]]


def resize(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """(row, column, channel) at `size` (rows, columns), antialiased."""
    from PIL import Image

    if pixels.shape[:2] == size:
        return pixels
    flat = pixels[..., 0] if pixels.shape[2] == 1 else pixels
    # bicubic with Pillow's support scaled to the reduction: every source pixel counts
    image = Image.fromarray(flat).resize((size[1], size[0]), Image.Resampling.BICUBIC)
    return np.asarray(image).reshape(*size, pixels.shape[2])


def channels(pixels: Pixels, count: int) -> Pixels:
    """(row, column, channel) with `count` channels, 1 or 3: grey by luminance, or grey thrice."""
    if pixels.shape[2] == count:
        return pixels
    if count == 3:
        return np.repeat(pixels, 3, axis=2)
    # ITU-R BT.601, the weights of "L" in Pillow
    grey = pixels.astype(np.float64) @ (0.299, 0.587, 0.114)
    return np.round(grey).astype(np.uint8)[..., None]


def _too_large(name: str, found: str) -> BadData:
    return _unusable(
        name,
        f"{found} pixels",
        f"at most {MAX_PIXELS:,}",
        "make it smaller; a file of a few bytes that claims so many may be a decompression bomb",
    )


def _broken(name: str, reason: str) -> BadData:
    return _unusable(
        name,
        f"a broken picture ({reason.rstrip('.')[:100]})",
        "a whole one",
        "replace it; in training, --skip-broken leaves such pictures of a folder out",
    )


def _unusable(name: str, found: str, expected: str, fix: str) -> BadData:
    return BadData(name, found, expected, fix)
