"""Where the files of a public data set come from and how they are known to be the right ones."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

CHUNK = 1 << 20


@dataclass(frozen=True)
class RemoteFile:
    """One file of a data set."""

    name: str
    """As it is called on the mirrors and on disk, e.g. `train-images-idx3-ubyte.gz`."""
    sha256: str
    """Of the unpacked content for `.gz` files: the gzip wrapper differs between mirrors."""
    bytes: int
    """The download's size, told before it starts (mirrors differ by a little)."""
    mirrors: tuple[str, ...] = ()
    """Full addresses, tried in this order; empty if no public copy is known."""

    @property
    def spellings(self) -> tuple[str, ...]:
        """The names it may have on disk: as downloaded, or with the gzip wrapper taken off."""
        is_packed = self.name.endswith(".gz") and not self.name.endswith(".tar.gz")
        return (self.name, self.name.removesuffix(".gz")) if is_packed else (self.name,)


@dataclass(frozen=True)
class Source:
    """The files of one data set and the folders below `PELLUCID_DATA` that may hold them."""

    folder: str
    """Below `PELLUCID_DATA` and below the cache."""
    files: tuple[RemoteFile, ...]
    also: tuple[str, ...] = field(default=())
    """Other folders that hold the same files, as other libraries lay them out."""

    @property
    def hashes(self) -> dict[str, str]:
        """File name → SHA-256 of its content, for the card."""
        return {file.name: file.sha256 for file in self.files}

    @property
    def bytes(self) -> int:
        """The size of all downloads together."""
        return sum(file.bytes for file in self.files)

    def with_hashes(self, hashes: dict[str, str]) -> Source:
        """The same source for other contents: the seam by which tests use tiny files."""
        files = tuple(
            replace(file, sha256=hashes.get(file.name, file.sha256)) for file in self.files
        )
        return replace(self, files=files)


def mirrored(name: str, sha256: str, size: int, *bases: str) -> RemoteFile:
    """A file that lies under the same name below each of `bases`; `size` in bytes."""
    return RemoteFile(name, sha256, size, tuple(f"{base}/{name}" for base in bases))


def content_chunks(path: Path) -> Iterator[bytes]:
    """The content of `path` piece by piece; a `.gz` file (not `.tar.gz`) is unpacked.

    Raises `EOFError`, `gzip.BadGzipFile` or `zlib.error` if a gzip wrapper is damaged.
    """
    packed = path.name.endswith(".gz") and not path.name.endswith(".tar.gz")
    with gzip.open(path) if packed else path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def content_sha256(path: Path) -> str:
    """SHA-256 of the unpacked content; `damaged` if the gzip wrapper cannot be read."""
    digest = hashlib.sha256()
    try:
        for chunk in content_chunks(path):
            digest.update(chunk)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return "damaged"
    return digest.hexdigest()
