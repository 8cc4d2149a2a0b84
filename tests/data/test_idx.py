"""The idx format, and every way in which a file is none."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import pytest

from pellucid.base.errors import BadData
from pellucid.data import idx

LABELS = struct.pack(">4BI", 0, 0, 8, 1, 3) + bytes([7, 8, 9])
PICTURES = struct.pack(">4B3I", 0, 0, 8, 3, 2, 1, 2) + bytes([1, 2, 3, 4])


def test_an_idx_file_is_read_packed_or_not(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(LABELS)
    (tmp_path / "packed.gz").write_bytes(gzip.compress(LABELS))
    assert idx.read(tmp_path / "plain", 1).tolist() == [7, 8, 9]
    assert idx.read(tmp_path / "packed.gz", 1).tolist() == [7, 8, 9]
    (tmp_path / "pictures").write_bytes(PICTURES)
    assert idx.read(tmp_path / "pictures", 3).tolist() == [[[1, 2]], [[3, 4]]]


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a", LABELS[:-1], "2 bytes for an array"),
        ("a", LABELS + b"x", "4 bytes for an array"),
        ("a", b"", "a file that begins with"),
        ("a", b"GIF89a", "a file that begins with 47494638"),
        ("a", PICTURES, "a file that begins with 00000803"),
        ("a.gz", gzip.compress(LABELS)[:-9], "cut off"),
        ("a.gz", b"plain", "damaged or cut off"),
    ],
)
def test_a_file_that_is_none_is_named(
    name: str, content: bytes, found: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadData, match=found) as caught:
        idx.read(tmp_path / name, 1)
    assert caught.value.where == str(tmp_path / name)


def test_labels_without_their_pictures_are_told(tmp_path: Path) -> None:
    (tmp_path / "pictures").write_bytes(PICTURES)
    (tmp_path / "labels").write_bytes(LABELS)
    with pytest.raises(BadData, match="3 labels for 2 pictures in pictures"):
        idx.pictures_and_labels(tmp_path / "pictures", tmp_path / "labels")
