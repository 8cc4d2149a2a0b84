"""Arrays as PNG pictures: stored ones as they are, signed numbers in two colours.

Negative is blue, positive orange, zero is transparent, so that the same picture stands on light
and on dark ground. Both colours are told apart with every kind of colour blindness.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Array = NDArray[Any]

NEGATIVE, POSITIVE = (26, 122, 190), (222, 98, 22)
"""Blue and orange of equal weight, near Okabe and Ito's, legible on white and on black."""
MIDDLE = 127
"""The palette's place of zero; 0 is −scale, 254 is +scale, 255 is a hole."""
HOLE = 255


def data_uri(png: bytes) -> str:
    """A PNG as an address that needs no file."""
    return "data:image/png;base64," + base64.b64encode(png).decode()


def encode(picture: Image.Image, **options: Any) -> bytes:
    """A picture as PNG bytes, the same bytes for the same picture."""
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=9, **options)
    return out.getvalue()


def plain(picture: Array) -> bytes:
    """A uint8 picture (channel, row, column) with 1, 3 or any other number of channels as PNG.

    Other numbers of channels are shown by their mean.
    """
    return encode(_image(picture))


def unit(picture: Array) -> bytes:
    """A picture (channel, row, column) with values in 0…1 as PNG; what is outside is cut."""
    levels = np.nan_to_num(np.clip(picture, 0, 1) * 255).round()
    return plain(levels.astype(np.uint8))


def _image(picture: Array) -> Image.Image:
    if picture.ndim == 2:
        picture = picture[None]
    if len(picture) == 3:
        return Image.fromarray(np.ascontiguousarray(picture.transpose(1, 2, 0)))
    grey = picture[0] if len(picture) == 1 else picture.mean(axis=0).round().astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(grey))


def signed(values: Array, scale: float, cell: int = 1) -> bytes:
    """Signed numbers (row, column) as PNG: ±`scale` is full colour, zero is transparent.

    A cell is `cell` pixels wide; from 3 on a negative cell has a dash cut out, so that its sign
    can be told without colour.
    """
    whole = np.nan_to_num(values / scale if scale else values * 0.0, nan=0, posinf=1, neginf=-1)
    places = np.clip((whole * MIDDLE).round(), -MIDDLE, MIDDLE).astype(np.int64) + MIDDLE
    places = places.repeat(cell, axis=0).repeat(cell, axis=1)
    if cell >= 3:
        places[_dashes(values, cell)] = HOLE
    picture = Image.fromarray(places.astype(np.uint8), "P")
    picture.putpalette(_PALETTE)
    return encode(picture, transparency=_ALPHAS)


def _dashes(values: Array, cell: int) -> NDArray[np.bool_]:
    """Where the dashes of negative cells are."""
    stamp = np.zeros((cell, cell), dtype=bool)
    thick = max(1, cell // 8)
    top, left = (cell - thick) // 2, max(1, cell // 4)
    stamp[top : top + thick, left : cell - left] = True
    return np.kron(values < 0, stamp).astype(bool)


_PALETTE = bytes(
    level
    for place in range(256)
    for level in (NEGATIVE if place < MIDDLE else POSITIVE if place < HOLE else (0, 0, 0))
)
_ALPHAS = bytes(
    0 if place == HOLE else round(255 * abs(place - MIDDLE) / MIDDLE) for place in range(256)
)


def largest(values: Array, share: float = 1.0) -> float:
    """The size that `share` of all numbers stay below: the end of a scale around zero."""
    sizes = np.abs(values[np.isfinite(values)])
    return float(np.quantile(sizes, share)) if sizes.size else 0.0


def strip(pictures: Sequence[tuple[str, Array]], height: int = 168) -> bytes:
    """Labelled steps from left to right as one PNG, e.g. of a preprocessing.

    Each array is uint8 (row, column), (channel, row, column) or (row, column, 3); it is enlarged
    by whole pixels, or made smaller, to about `height` pixels.
    """
    font = ImageFont.load_default(size=13)
    steps = [(label, _enlarged(_any(array), height)) for label, array in pictures]
    gap, head = 20, 28
    widths = [max(one.width, int(font.getlength(label)) + 2) for label, one in steps]
    sheet = Image.new("RGB", (sum(widths) + gap * (len(steps) + 1), height + head + gap), "white")
    pen = ImageDraw.Draw(sheet)
    left = gap
    for (label, picture), width in zip(steps, widths, strict=True):
        pen.text((left, 8), label, fill=(40, 52, 56), font=font)
        sheet.paste(picture.convert("RGB"), (left, head))
        box = (left - 1, head - 1, left + picture.width, head + picture.height)
        pen.rectangle(box, outline=(205, 214, 213))
        left += width + gap
    return encode(sheet)


def _any(array: Array) -> Image.Image:
    if array.ndim == 3 and array.shape[-1] == 3 and array.shape[0] not in (1, 3):
        array = array.transpose(2, 0, 1)
    return _image(array)


def _enlarged(picture: Image.Image, height: int) -> Image.Image:
    times = height // picture.height
    if times >= 1:
        size = (picture.width * times, picture.height * times)
        return picture.resize(size, Image.Resampling.NEAREST)
    width = max(1, round(picture.width * height / picture.height))
    return picture.resize((width, height), Image.Resampling.LANCZOS)
