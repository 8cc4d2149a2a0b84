"""From a picture of yours, photographed or drawn, to the pixels that a network was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.base.errors import BadData, WrongUse
from pellucid.data import pictures, strokes
from pellucid.data.pictures import Pixels

WORKING = 400
"""Pixels on the longer side at which content is looked for: enough for a pen stroke, and quick."""


@dataclass(frozen=True)
class Prepared:
    """A picture as the network gets it, and how it came to that."""

    pixels: Pixels
    """uint8 (channel, row, column)."""
    steps: list[tuple[str, Pixels]]
    """What was done in words, and the picture after it: (row, column) or (row, column, channel).
    The first is the picture as read, the last what the network sees."""


def prepare(picture: Path | NDArray[np.uint8], record: dict[str, Any]) -> Prepared:
    """`picture` as the data set of `record` (`Dataset.as_record()`) would hold it.

    `picture` is a file, or uint8 pixels (row, column) or (row, column, channel) of any size.
    Strokes on a ground (the card says so) are brought to the card's polarity, freed of uneven
    paper, cropped, scaled and centred as the card says; anything else is scaled and cut as
    `pictures.fit` does for every picture folder, so that a picture of the folder comes out the
    same.

    Raises `BadData` for a picture that is broken or shows nothing, `WrongUse` for data that are
    no pictures.
    """
    if record["kind"] != "pictures":
        raise WrongUse(
            f"data set {record['card']['name']}",
            f"{record['kind']}, not pictures",
            "a run that was trained on pictures",
            "for text use: pellucid sample RUN",
        )
    channels, rows, columns = (int(size) for size in record["shape"])
    card = record["card"]
    if card["bright_on_dark"] is None:
        return _photograph(picture, channels, (rows, columns))
    read = _read(picture, None)
    steps = [("as read", _flat(read))]
    name = str(picture) if isinstance(picture, Path) else "picture"
    drawn = _drawing(read, card, (rows, columns), steps, name)
    if card["bright_on_dark"] is False:
        drawn = 255 - drawn
        steps.append(("dark strokes on a bright ground, as in the data set", drawn))
    return Prepared(np.repeat(drawn[None], channels, axis=0), steps)


def _read(picture: Path | NDArray[np.uint8], at_least: int | None) -> Pixels:
    """(row, column, channel) with 1 or 3 channels."""
    if isinstance(picture, Path):
        return pictures.read(picture, at_least)
    pixels = np.asarray(picture)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in (1, 3):
        raise WrongUse(
            "picture",
            f"an array of {pixels.dtype} {np.shape(picture)}",
            "uint8 (row, column) or (row, column, channel) with 1 or 3 channels",
            "convert it, or give the path of a picture file",
        )
    if 0 in pixels.shape:
        raise BadData("picture", f"shape {pixels.shape}", "at least one pixel", "give a picture")
    return pixels


def _flat(pixels: Pixels) -> Pixels:
    return pixels[..., 0] if pixels.shape[2] == 1 else pixels


def _photograph(
    picture: Path | NDArray[np.uint8], channels: int, size: tuple[int, int]
) -> Prepared:
    read = _read(picture, 2 * max(size))  # the same path as a picture folder's
    fitted = pictures.channels(pictures.fit(read, size), channels)
    words = f"scaled to {size[0]} × {size[1]}, the middle cut out"
    if read.shape[2] != channels:
        words += ", made grey" if channels == 1 else ", grey as three equal channels"
    steps = [("as read", _flat(read)), (words, _flat(fitted))]
    return Prepared(fitted.transpose(2, 0, 1), steps)


def _drawing(
    read: Pixels,
    card: dict[str, Any],
    size: tuple[int, int],
    steps: list[tuple[str, Pixels]],
    name: str,
) -> Pixels:
    """(row, column): bright content on dark ground, placed in a frame of `size`."""
    grey = _flat(pictures.channels(_shrunk(read), 1))
    if strokes.is_dark_on_bright(grey):
        grey = 255 - grey
        steps.append(("grey, and inverted: the ground was the brighter part", grey))
    else:
        steps.append(("grey", grey))
    clean, is_content, contrast = strokes.without_ground(grey)
    if not is_content.any() or contrast < strokes.LEAST_CONTRAST:
        raise BadData(
            name,
            f"nothing that stands out from the ground (contrast {contrast:.0f} of 255)",
            f"content that differs by {strokes.LEAST_CONTRAST} levels or more",
            "take a picture with more contrast, e.g. a dark pen on white paper",
        )
    steps.append(("the ground taken away", clean))
    if card["centred"] == "no":
        framed = _padded(clean, size)
        steps.append((f"filled up to the frame's shape, scaled to {size[0]} × {size[1]}", framed))
        return framed
    return _placed(clean, is_content, card, size, steps)


def _shrunk(pixels: Pixels) -> Pixels:
    scale = WORKING / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    rows, columns = (max(1, round(side * scale)) for side in pixels.shape[:2])
    return pictures.resize(pixels, (rows, columns))


def _padded(clean: Pixels, size: tuple[int, int]) -> Pixels:
    """The whole picture in a frame of the shape of `size`, with dark bars where it is too short."""
    scale = min(size[0] / clean.shape[0], size[1] / clean.shape[1])
    rows, columns = (max(1, round(side * scale)) for side in clean.shape)
    frame = np.zeros(size, dtype=np.uint8)
    top, left = (size[0] - rows) // 2, (size[1] - columns) // 2
    scaled = pictures.resize(clean[..., None], (rows, columns))[..., 0]
    frame[top : top + rows, left : left + columns] = scaled
    return frame


def _placed(
    clean: Pixels,
    is_content: NDArray[np.bool_],
    card: dict[str, Any],
    size: tuple[int, int],
    steps: list[tuple[str, Pixels]],
) -> Pixels:
    """The content cropped, scaled to its share of the frame and centred as the card says."""
    crop = strokes.crop(clean, is_content)
    steps.append(("cropped to the content", crop))
    longest = max(1, round(card["content_share"] * min(size)))
    scale = longest / max(crop.shape)
    wanted = float(card.get("stroke", 0.0))
    if wanted:
        thick = strokes.thickened(crop, wanted / scale)
        if thick is not None:
            crop, scale = thick, longest / max(thick.shape)
            steps.append(("strokes made as thick as the data set's", crop))
    rows, columns = (min(longest, max(1, round(side * scale))) for side in crop.shape)
    scaled = pictures.resize(crop[..., None], (rows, columns))[..., 0]
    if wanted:
        scaled = strokes.brightened(scaled)
    framed = strokes.centred(scaled, size, by_mass=card["centred"] == "mass")
    how = "centre of mass" if card["centred"] == "mass" else "middle of its box"
    words = f"longer side {longest} of {min(size)} pixels, its {how} in the frame's middle"
    steps.append((words, framed))
    return framed
