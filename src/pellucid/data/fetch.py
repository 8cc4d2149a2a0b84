"""Downloads: one mirror after another, with progress, resumed where they broke off, checked."""

from __future__ import annotations

import errno
import hashlib
import logging
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.base.errors import BadData, PellucidError
from pellucid.base.records import writing
from pellucid.data.source import RemoteFile, content_sha256

if TYPE_CHECKING:
    from requests import Response

TIMEOUT = 30
"""Seconds that a mirror may stay silent before the next one is tried."""


PIECE = 1 << 16
"""Bytes that are lost at most when a connection breaks off."""


class Listener:
    """Who is told of downloads; this one writes to standard error."""

    def say(self, text: str) -> None:
        """A remark, e.g. what will be downloaded and how large it is."""
        sys.stderr.write(text + "\n")

    def progress(self, name: str, done: int, total: int) -> None:
        """`done` of `total` bytes of file `name` are there; quiet where nobody watches."""
        if sys.stderr.isatty():
            end = "\n" if done >= total else ""
            share = 100 * done // max(total, 1)
            sys.stderr.write(f"\r  {name}  {megabytes(done)} of {megabytes(total)}  {share} %{end}")
            sys.stderr.flush()

    def counted(self, what: str, done: int, total: int) -> None:
        """`done` of `total` things are done, e.g. pictures decoded; quiet where nobody watches."""
        if sys.stderr.isatty():
            sys.stderr.write(f"\r  {what}: {done:,} of {total:,}" + "\n" * (done >= total))
            sys.stderr.flush()


listener = Listener()
"""Who is told of all downloads; the command line puts its own here."""


def megabytes(count: int) -> str:
    """A number of bytes for people.

    >>> megabytes(11_594_722), megabytes(228_145)
    ('11.6 MB', '0.2 MB')
    """
    return f"{count / 1e6:.1f} MB"


def download(file: RemoteFile, folder: Path, listener: Listener) -> Path:
    """`file` in `folder`, from the first mirror that gives it with the right hash.

    What a broken download left is continued with a range request, also in a later call.
    Raises `BadData` that names every mirror with what it answered, or says that the disk is full.
    """
    target = folder / file.name
    with writing(target):
        folder.mkdir(parents=True, exist_ok=True)
        _check_space(folder, file)
    answers = []
    for mirror in file.mirrors:
        try:
            _retrieve(mirror, target, Resuming(file, listener))
        except OSError as error:  # requests' errors are OSErrors as well
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
                with writing(target):
                    raise
            answers.append(f"{mirror} ({_reason(error)})")
        except _WrongContentError as error:
            answers.append(f"{mirror} ({error})")
        else:
            return target
        listener.say(f"  {answers[-1]} failed")
    raise _no_mirror(file, folder, answers)


def _retrieve(mirror: str, target: Path, downloader: Resuming) -> None:
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)  # it would advise on hashes, which we check
    pooch.retrieve(
        mirror, known_hash=None, fname=target.name, path=target.parent, downloader=downloader
    )


class _WrongContentError(Exception):
    """A mirror gave a file that is not the original."""


class Resuming:
    """A downloader for pooch that keeps what it got and asks for the rest next time.

    The part is kept per mirror, since two mirrors' gzip wrappers may differ. The content is
    checked before pooch moves the file to its place, so that only right files ever lie there.
    """

    def __init__(self, file: RemoteFile, listener: Listener) -> None:
        self.file = file
        self.listener = listener

    def __call__(self, url: str, output_file: str, _pooch: Any) -> None:
        """Fetch `url`, check it, and put it at `output_file` (a temporary name of pooch's)."""
        final = Path(output_file)
        mark = hashlib.sha256(url.encode()).hexdigest()[:8]
        part = final.parent / f"{self.file.name}.{mark}.part"
        was_resumed = part.exists()
        self._fetch(url, part)
        if was_resumed and not self._is_right(part):
            part.unlink()  # the mirror's file may have changed between the two halves
            self._fetch(url, part)
        if not self._is_right(part):
            part.unlink()
            raise _WrongContentError(f"content whose SHA-256 is not {self.file.sha256[:12]}…")
        part.replace(final)

    def _is_right(self, part: Path) -> bool:
        # The part's name has another ending; hash it under the name that tells how it is packed.
        named = part.with_name(f"{part.stem}.{self.file.name}")
        part.replace(named)
        try:
            return content_sha256(named) == self.file.sha256
        finally:
            named.replace(part)

    def _fetch(self, url: str, part: Path) -> None:
        """Bring `part` to its full length, from where it is if the server can."""
        import requests

        start = part.stat().st_size if part.exists() else 0
        # identity: a server that wraps the transfer in gzip would make lengths meaningless
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
            if response.status_code == requests.codes.requested_range_not_satisfiable:
                return  # the part is already whole; the hash decides
            response.raise_for_status()
            if response.status_code != requests.codes.partial_content:
                start = 0
            self._write(response, part, start)

    def _write(self, response: Response, part: Path, start: int) -> None:
        from urllib3.exceptions import HTTPError

        length = int(response.headers.get("Content-Length", 0))
        total = start + length if length else self.file.bytes
        done = start
        with part.open("ab" if start else "wb") as out:
            try:
                # as sent: a server that calls a .gz file an encoding would have it unpacked
                for chunk in response.raw.stream(PIECE, decode_content=False):
                    out.write(chunk)
                    done += len(chunk)
                    self.listener.progress(self.file.name, done, total)
            except HTTPError as error:
                broke = f"broke off after {megabytes(done)} of {megabytes(total)}"
                raise ConnectionError(broke) from error


def _check_space(folder: Path, file: RemoteFile) -> None:
    free = shutil.disk_usage(folder).free
    if free < file.bytes:
        raise BadData(
            str(folder),
            f"{megabytes(free)} free on the disk",
            f"{megabytes(file.bytes)} for {file.name}",
            "free some space, or set PELLUCID_CACHE to a folder on a larger disk",
        )


def _reason(error: OSError) -> str:
    """One short line: requests nests its causes in long texts."""
    with suppress(AttributeError):
        return f"HTTP {error.response.status_code}"  # type: ignore[attr-defined]
    return str(error)[:80] if type(error) is ConnectionError else type(error).__name__


def _no_mirror(file: RemoteFile, folder: Path, answers: list[str]) -> PellucidError:
    return BadData(
        file.name,
        "no mirror that gave it: " + "; ".join(answers),
        f"the original, SHA-256 {file.sha256[:12]}…",
        f"check the network and try again, or put the file into {folder} yourself",
    )
