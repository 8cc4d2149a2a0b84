"""The idx format of MNIST: a magic number, the sizes, then the bytes."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pellucid.base.errors import BadData

UNSIGNED_BYTE = 8


def read(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """The array in an idx file of unsigned bytes, packed with gzip or not.

    Raises `BadData` that names the file if it is no such file or was cut off.
    """
    try:
        with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as file:
            content = file.read()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _bad(path, "a gzip file that is damaged or cut off", "a whole one") from error
    magic = bytes([0, 0, UNSIGNED_BYTE, dimensions])
    if content[:4] != magic:
        raise _bad(path, f"a file that begins with {content[:4].hex()}", f"{magic.hex()}, as idx")
    start = 4 + 4 * dimensions
    shape = tuple(int(size) for size in np.frombuffer(content[4:start], dtype=">u4"))
    count = len(content) - start
    expected = 1
    for size in shape:
        expected *= size
    if len(shape) != dimensions or count != expected:
        raise _bad(path, f"{count:,} bytes for an array {shape}", f"{expected:,}")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


def pictures_and_labels(images: Path, labels: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Pictures uint8 (n, 1, row, column) and labels uint8 (n,).

    Raises `BadData` if there are not as many labels as pictures.
    """
    pixels, classes = read(images, 3), read(labels, 1)
    if len(pixels) != len(classes):
        raise BadData(
            str(labels),
            f"{len(classes):,} labels for {len(pixels):,} pictures in {images.name}",
            "one label for each picture",
            "take both files from the same place",
        )
    return pixels[:, None], classes


def _bad(path: Path, found: str, expected: str) -> BadData:
    return BadData(str(path), found, expected, "delete the file and get it again")
