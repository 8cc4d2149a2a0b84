"""Arrays once decoded are kept in the cache, so that the next load is instant."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pellucid.base.records import to_json
from pellucid.data import find
from pellucid.data.source import Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[np.uint8]]

FORMAT = 1
"""Raised whenever the decoding changes, so that older arrays are not taken for new ones."""


def arrays(
    name: str, source: Source, decode: Callable[[dict[str, Path]], Arrays], variant: str = ""
) -> Arrays:
    """What `decode` makes of the files of `source`, or what it made of them last time.

    `variant` spells the settings that change what is decoded. Files that are here are verified in
    any case; without them the arrays kept from verified files do.
    """
    find.verified(source)
    return remembered(
        _slot(name, variant), _key(source, variant), lambda: decode(find.get(name, source))
    )


def remembered(slot: str, key: str, make: Callable[[], Arrays]) -> Arrays:
    """The arrays in the cache's `slot` if they were kept under `key`, else what `make` returns."""
    folder = _folder_of(slot)
    kept = _read(folder, key)
    if kept is None:
        kept = make()
        with suppress(OSError):  # a cache that cannot be written costs time, nothing else
            _keep(folder, key, kept)
    return kept


def has_slot(name: str) -> bool:
    """Whether arrays decoded from the set `name` lie in the cache, whatever the variant."""
    folder = find.cache_folder() / "decoded"
    return any(folder.glob(f"{name}/whole.json")) or any(folder.glob(f"{name}-[0-9]*/whole.json"))


def _folder_of(slot: str) -> Path:
    return find.cache_folder() / "decoded" / slot


def _slot(name: str, variant: str) -> str:
    return f"{name}-{variant}" if variant else name


def _key(source: Source, variant: str) -> str:
    return to_json([FORMAT, variant, source.hashes], indent=None)


def _marks(folder: Path, key: str) -> dict[str, list[int]] | None:
    """File name → size and time of what is kept under `key`; None if it is not whole."""
    try:
        whole = json.loads((folder / "whole.json").read_text(encoding="utf-8"))
        marks: dict[str, list[int]] = whole["files"]
        is_whole = all(_mark(folder / file) == mark for file, mark in marks.items())
        return marks if is_whole and whole["key"] == key else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def _read(folder: Path, key: str) -> Arrays | None:
    """The arrays in `folder`; None if one is missing or was touched since they were written."""
    import numpy as np

    marks = _marks(folder, key)
    if marks is None:
        return None
    try:
        return {Path(file).stem: np.load(folder / file, allow_pickle=False) for file in marks}
    except (OSError, ValueError):
        return None


def _keep(folder: Path, key: str, made: Arrays) -> None:
    """Write the arrays beside `folder`, then rename: whoever looks finds all of them or none."""
    import numpy as np

    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        files = {f"{name}.npy": array for name, array in made.items()}
        for file, array in files.items():
            np.save(temporary / file, array, allow_pickle=False)
        marks = {file: _mark(temporary / file) for file in files}
        whole = json.dumps({"key": key, "files": marks})
        (temporary / "whole.json").write_text(whole, encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _mark(path: Path) -> list[int]:
    """Size in bytes and time of the last change in nanoseconds."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]
