"""Strokes on a ground, photographed or drawn: which is which, the ground away, into the frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pellucid.data.pictures import Pixels

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

LEAST_CONTRAST = 20
"""Levels of 255 by which content must stand out: paper and camera noise stay below ten."""

BRIGHT = 200
"""Content whose bright parts reach this level keeps its own levels; fainter one is stretched."""


def border(grey: Pixels) -> Mask:
    """The outer twentieth on each side, at least one pixel."""
    rows, columns = grey.shape
    thick = max(1, min(rows, columns) // 20)
    is_border = np.ones(grey.shape, dtype=bool)
    is_border[thick : rows - thick, thick : columns - thick] = False
    return is_border


GROUND_POINTS = 10_000
"""Pixels that the ground is fitted to: six numbers need no more."""

SMALL = 64
"""A picture with a side below this was drawn or scaled by a program: it has no dust, and its
content may well reach the border."""


def even_ground(grey: Pixels) -> int | None:
    """The level of a ground that a program filled in, 0 or 255 or next to it; None for a camera's.

    It is the most common level by far. In a large picture it must fill the border too, since an
    over-exposed photograph has many pixels of 255 as well.
    """
    counts = np.bincount(grey.ravel(), minlength=256)
    level = int(counts.argmax())
    is_small = min(grey.shape) < SMALL
    if 8 < level < 247 or counts[level] < (0.05 if is_small else 0.25) * grey.size:
        return None
    is_around = abs(float(np.median(grey[border(grey)])) - level) <= 8
    return level if is_small or is_around else None


def is_dark_on_bright(grey: Pixels) -> bool:
    """Whether the ground is the brighter part: an even ground, else the border's median."""
    level = even_ground(grey)
    if level is not None:
        return level > 127
    ground = float(np.median(grey[border(grey)]))
    smooth = _smoothed(grey)
    return ground - float(smooth.min()) > float(smooth.max()) - ground


def _smoothed(grey: Pixels) -> Pixels:
    """Without single bright or dark pixels; small pictures have none to spare."""
    if min(grey.shape) < SMALL:
        return grey
    from PIL import Image, ImageFilter

    return np.asarray(Image.fromarray(grey).filter(ImageFilter.MedianFilter(3)))


def without_ground(grey: Pixels) -> tuple[Pixels, Mask, float]:
    """Bright content with the ground at 0, where the content is, and its contrast in levels.

    The ground is a curved surface (a quadratic in row and column) fitted to the border first, then
    to everything near it: paper under a lamp, a vignette; not the edge of a hard shadow.
    """
    level = even_ground(grey)
    if level is not None:
        clean = grey - np.minimum(grey, np.uint8(level))
        is_content = clean > (0 if min(grey.shape) < SMALL else 16)
        return clean, is_content, float(clean.max())
    surface, noise = _ground(grey.astype(np.float64))
    raised = np.clip(grey - surface, 0, None)
    floor = 3 * noise
    threshold = max(_otsu(raised) / 2, floor, 1.0)
    is_content = _without_specks(raised > threshold)
    if not is_content.any():
        return np.zeros_like(grey), is_content, 0.0
    peak = float(np.percentile(raised[is_content], 90))
    if peak <= floor:
        return np.zeros_like(grey), np.zeros_like(is_content), peak
    scale = 1.0 if peak >= BRIGHT and floor < 1 else 255 / (peak - floor)
    clean = np.clip((raised - floor) * scale, 0, 255)
    clean[~_grown(is_content)] = 0
    return np.round(clean).astype(np.uint8), is_content, peak


def _ground(grey: Floats) -> tuple[Floats, float]:
    """The ground's levels (row, column), and the noise on it as a standard deviation."""
    rows, columns = np.meshgrid(
        np.linspace(-1, 1, grey.shape[0]), np.linspace(-1, 1, grey.shape[1]), indexing="ij"
    )
    plane = [np.ones_like(rows), rows, columns]
    curved = [*plane, rows * columns, rows**2, columns**2]
    is_ground = border(grey.astype(np.uint8))
    surface = np.full_like(grey, np.median(grey[is_ground]))
    noise = _spread((grey - surface)[is_ground])
    step = max(1, round((grey.size / GROUND_POINTS) ** 0.5))
    coarse = (slice(None, None, step), slice(None, None, step))
    for terms in (plane, curved, curved, curved):
        # what strays far from the surface is content; 8 levels of play for smooth paper, 40 at
        # most so that faint pencil is not taken for ground
        near = np.abs(grey - surface) < np.clip(3 * noise, 8, 40)
        is_ground = (is_ground | (terms is curved)) & near
        chosen = is_ground[coarse]
        if chosen.sum() < 4 * len(terms):
            break
        design = np.stack([term[coarse][chosen] for term in terms], axis=1)
        weights = np.linalg.lstsq(design, grey[coarse][chosen], rcond=None)[0]
        surface = sum((w * term for w, term in zip(weights, terms, strict=True)), np.zeros(()))
        noise = _spread((grey - surface)[is_ground])
    return surface, noise


def _spread(residuals: Floats) -> float:
    """A standard deviation that outliers do not move (median absolute deviation)."""
    return 1.4826 * float(np.median(np.abs(residuals))) if residuals.size else 0.0


def _otsu(levels: Floats) -> float:
    """The level that parts dark from bright with the least variance within (Otsu 1979)."""
    counts = np.bincount(np.clip(levels, 0, 255).astype(np.uint8).ravel(), minlength=256)
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * np.arange(256))
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(np.nanargmax(np.nan_to_num(between)))


def _without_specks(is_content: Mask) -> Mask:
    """Without dust (parts below 3 % of the largest) and without what lies along the edge.

    A part that covers a fifth of one side is the table beside the paper, unless it is all there is.
    """
    from scipy import ndimage  # type: ignore[import-untyped]

    parts, count = ndimage.label(is_content, structure=np.ones((3, 3)))
    if count < 2:
        return is_content
    areas = np.bincount(parts.ravel(), minlength=count + 1)[1:]
    sides = (parts[0], parts[-1], parts[:, 0], parts[:, -1])
    along = np.max([np.bincount(side, minlength=count + 1)[1:] / len(side) for side in sides], 0)
    is_free = along < 0.2
    if is_free.any() and areas[is_free].max() >= 0.002 * is_content.size:
        areas = np.where(is_free, areas, 0)
    kept = np.flatnonzero(areas >= 0.03 * areas.max()) + 1
    return np.isin(parts, kept)


def _grown(is_content: Mask) -> Mask:
    """With the soft edges of the content, two pixels around."""
    from scipy import ndimage

    grown: Mask = ndimage.binary_dilation(is_content, np.ones((3, 3)), iterations=2)
    return grown


def crop(clean: Pixels, is_content: Mask) -> Pixels:
    """The smallest box around the content."""
    rows = np.flatnonzero(is_content.any(axis=1))
    columns = np.flatnonzero(is_content.any(axis=0))
    return clean[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def width(clean: Pixels) -> float:
    """How thick the strokes are, in pixels.

    In a stroke of w pixels the distances to its edge average (w + 2) / 4.
    """
    from scipy import ndimage

    is_ink = np.pad(clean > 127, 1)
    if not is_ink.any():
        return 0.0
    return float(max(1.0, 4 * ndimage.distance_transform_edt(is_ink)[is_ink].mean() - 2))


def thickened(clean: Pixels, wanted: float) -> Pixels | None:
    """With strokes of about `wanted` pixels; None if they are at least 0.7 of that already.

    A fine pen on a large sheet would fade away when it is scaled down to a few pixels.
    """
    missing = round(wanted - width(clean))
    if width(clean) >= 0.7 * wanted or missing < 1:
        return None
    from scipy import ndimage

    radius = missing / 2
    reach = int(np.ceil(radius))
    rows, columns = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    disk = rows**2 + columns**2 <= max(radius, 1) ** 2
    thick: Pixels = ndimage.grey_dilation(np.pad(clean, reach), footprint=disk)
    return thick


def brightened(scaled: Pixels) -> Pixels:
    """Stretched so that thin strokes, faint after scaling down, are bright again."""
    content = scaled[scaled > 32]
    peak = float(np.percentile(content, 90)) if content.size else 0.0
    if not 0 < peak < BRIGHT:
        return scaled
    stretched: Pixels = np.round(np.clip(scaled * (255 / peak), 0, 255)).astype(np.uint8)
    return stretched


def centred(scaled: Pixels, size: tuple[int, int], by_mass: bool) -> Pixels:
    """`scaled` in a dark frame of `size`, by its centre of mass or by its box; all of it inside."""
    frame = np.zeros(size, dtype=np.uint8)
    corner = []
    for axis in (0, 1):
        room = size[axis] - scaled.shape[axis]
        place = (room + 1) // 2  # an odd pixel to the left and top, as in `digits`
        total = float(scaled.sum())
        if by_mass and total:
            profile = scaled.sum(axis=1 - axis, dtype=np.float64)
            mass = float(profile @ np.arange(len(profile))) / total
            place = round(size[axis] / 2 - mass)  # MNIST's centres of mass lie at pixel 14 of 28
        corner.append(min(max(place, 0), room))
    top, left = corner
    frame[top : top + scaled.shape[0], left : left + scaled.shape[1]] = scaled
    return frame
