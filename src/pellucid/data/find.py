"""Where the files of a data set are: in `PELLUCID_DATA`, else in the cache, else on a mirror."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pellucid.base.errors import BadData, PellucidError
from pellucid.base.records import write_json
from pellucid.data import fetch
from pellucid.data.source import RemoteFile, Source, content_sha256

OFF = ("", "0", "false", "no")


@dataclass(frozen=True)
class Place:
    """A place where a file of a data set may lie."""

    path: Path
    where: str
    """`PELLUCID_DATA` or `cache`."""
    is_flat: bool = False
    """Directly in `PELLUCID_DATA`, where another set's file of the same name may lie as well."""


def offline() -> None:
    """Never touch the network from here on, in this process and in those it starts."""
    os.environ["PELLUCID_OFFLINE"] = "1"


def is_offline() -> bool:
    """Whether the network is forbidden: `offline()` was called or `PELLUCID_OFFLINE` is set."""
    return os.environ.get("PELLUCID_OFFLINE", "").lower() not in OFF


def data_folder() -> Path | None:
    """The user's own folder of data sets, `PELLUCID_DATA`, if it is set."""
    name = os.environ.get("PELLUCID_DATA")
    return Path(name).expanduser() if name else None


def cache_folder() -> Path:
    """Where downloads and decoded arrays are kept: `PELLUCID_CACHE`, else the platform's place."""
    name = os.environ.get("PELLUCID_CACHE")
    if name:
        return Path(name).expanduser()
    import pooch  # 0.1 s, so only where it is needed

    return Path(pooch.os_cache("pellucid"))


def places(source: Source, file: RemoteFile) -> Iterator[Place]:
    """Every place where `file` may lie, the first to be looked at first."""
    mine = data_folder()
    for spelling in file.spellings:
        if mine is not None:
            for folder in (source.folder, *source.also):
                yield Place(mine / folder / spelling, "PELLUCID_DATA")
            yield Place(mine / spelling, "PELLUCID_DATA", is_flat=True)
    for spelling in file.spellings:
        yield Place(cache_folder() / source.folder / spelling, "cache")


def locate(source: Source) -> dict[str, Place | None]:
    """File name → the first place that holds a file of that name; contents are not looked at."""
    return {
        file.name: next((one for one in places(source, file) if one.path.is_file()), None)
        for file in source.files
    }


def verified(source: Source) -> dict[str, Path] | None:
    """Every file's path if all are here with the right content, None if one is missing.

    Raises `BadData` that names a file whose content is not the original's.
    """
    paths = {file.name: _verified(source, file) for file in source.files}
    found = {name: path for name, path in paths.items() if path is not None}
    return found if len(found) == len(paths) else None


def _verified(source: Source, file: RemoteFile) -> Path | None:
    for place in places(source, file):
        if not place.path.is_file():
            continue
        found = _remembered_sha256(place.path, file.sha256)
        if found == file.sha256:
            return place.path
        if not place.is_flat:
            raise _wrong_content(place.path, found, file, source)
    return None


def _remembered_sha256(path: Path, expected: str) -> str:
    """The content's SHA-256; a file once found right is not read again while it is untouched."""
    path = path.resolve()
    status = path.stat()
    mark = {"path": str(path), "bytes": status.st_size, "mtime_ns": status.st_mtime_ns}
    stamp = cache_folder() / "verified" / f"{hashlib.sha256(str(path).encode()).hexdigest()}.json"
    with suppress(OSError, ValueError):
        known = json.loads(stamp.read_text(encoding="utf-8"))
        if known == {"schema": known["schema"], **mark, "sha256": expected}:
            return expected
    try:
        found = content_sha256(path)
    except PermissionError as error:
        raise BadData(
            str(path),
            "a file that may not be read",
            "a file that you may read",
            "change its permissions, e.g. chmod u+r",
        ) from error
    if found == expected:
        with suppress(PellucidError):  # without a cache that can be written it is read each time
            write_json(stamp, {**mark, "sha256": found})
    return found


def get(name: str, source: Source) -> dict[str, Path]:
    """Every file's path, downloaded into the cache if it is not here yet; contents verified.

    Raises `BadData` if a file is not the original's, if no mirror gives it, or if it is missing
    while the network is forbidden.
    """
    paths = {file.name: _verified(source, file) for file in source.files}
    missing = [file for file in source.files if paths[file.name] is None]
    if missing and (is_offline() or not all(file.mirrors for file in missing)):
        raise _missing(name, source, missing)
    folder = cache_folder() / source.folder
    if missing:
        size = fetch.megabytes(sum(file.bytes for file in missing))
        count = f"{len(missing)} file" + "s" * (len(missing) > 1)
        fetch.listener.say(f"{name}: downloading {count}, {size}, to {folder}")
    for file in missing:
        paths[file.name] = fetch.download(file, folder, fetch.listener)
    return {key: path for key, path in paths.items() if path is not None}


def _missing(name: str, source: Source, missing: list[RemoteFile]) -> PellucidError:
    """What is missing and where to put it; why it cannot be downloaded."""
    folder = (data_folder() or cache_folder()) / source.folder
    names = ", ".join(file.name for file in missing)
    it = "it" if len(missing) == 1 else "them"
    has_mirrors = all(file.mirrors for file in missing)
    if is_offline() and has_mirrors:
        found = f"{names} missing while the network is forbidden"
        fix = f"put {it} there, or without --offline and PELLUCID_OFFLINE: pellucid data get {name}"
    else:
        found = f"{names} missing, of which no public copy is known"
        fix = f"put {it} there, or set PELLUCID_DATA to the folder that has {it}"
    where = f"{folder}" + ("" if data_folder() else f" or $PELLUCID_DATA/{source.folder}")
    return BadData(f"data set {name}", found, f"{it} in {where}", fix)


def _wrong_content(path: Path, found: str, file: RemoteFile, source: Source) -> PellucidError:
    what = "a damaged gzip file" if found == "damaged" else f"content with SHA-256 {found[:12]}…"
    again = f"delete it and run: pellucid data get {source.folder}"
    return BadData(
        str(path),
        what,
        f"the original's, {file.sha256[:12]}…",
        again if file.mirrors else "delete it and put the original there",
    )
