"""Records on disk: written whole or not at all, and named when they are damaged."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from pellucid.base.errors import BadData, PellucidError, WrongUse

SCHEMA = 1
"""The version written into every JSON record. A reader refuses a larger one."""

Record = dict[str, Any]

UNFINISHED = re.compile(r"\..+\.(json|jsonl|safetensors|html|md|png)\.[a-z0-9_]{8}")
"""A temporary name: the file's own between a dot and the eight signs of `tempfile`."""


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` under a temporary name, flush it to the disk, then rename it to `path`.

    A kill at any moment leaves either the old file or the new one, never a part of one.
    Raises `BadData` if the disk is full or the folder may not be written; `path` stays as it was.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
            raise


def sweep_unfinished(folder: Path) -> None:
    """Delete what kills left of `write_bytes` below `folder`: files under temporary names."""
    for path in folder.rglob(".*"):
        if UNFINISHED.fullmatch(path.name) and path.is_file():
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the disk's refusals inside the block into four-part errors about `path`."""
    try:
        yield
    except OSError as error:
        raise _refusal(path, error) from error


def _refusal(path: Path, error: OSError) -> PellucidError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return BadData(
            str(path),
            "no space left on the disk",
            "room for one more file",
            "free some space; what was written before is whole, and `pellucid runs resume` goes on",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return WrongUse(
            str(path),
            "a folder that may not be written",
            "a folder that you may write to",
            "choose another folder (for runs: --runs FOLDER), or change its permissions",
        )
    reason = error.strerror or type(error).__name__
    return BadData(str(path), reason.lower(), "a file that can be written", "see the system's word")


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    write_bytes(path, text.encode())


def write_json(path: Path, record: Record) -> None:
    """Write one JSON object atomically, with its schema version first."""
    write_text(path, to_json({"schema": SCHEMA, **record}) + "\n")


def to_json(record: Any, indent: int | None = 2) -> str:
    """Strict JSON: a number that is not finite becomes null, as JSON has no word for it."""
    return json.dumps(_finite(record), indent=indent, ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {str(key): _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return value


def read_json(path: Path) -> Record:
    """Read one JSON object.

    Raises `BadData` that names the file if it is missing, damaged, or of a newer version.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadData(
            str(path), "no such file", "a record written by Pellucid", "check the folder's name"
        ) from error
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise BadData(
            str(path), reason, "a record that can be read", "check the path and its permissions"
        ) from error
    except (ValueError, RecursionError) as error:
        raise damaged(path, "text that is not whole JSON") from error
    if not isinstance(record, dict):
        raise damaged(path, f"JSON of kind {type(record).__name__}")
    check_schema(path, record.get("schema", SCHEMA))
    return record


def check_schema(path: Path, schema: object) -> None:
    """Refuse a record that a newer Pellucid wrote."""
    if not isinstance(schema, int):
        raise damaged(path, f"schema {schema!r}")
    if schema > SCHEMA:
        raise BadData(
            str(path),
            f"schema {schema}, written by a newer Pellucid",
            f"schema {SCHEMA} or older",
            "upgrade with: pip install --upgrade pellucid",
        )


def damaged(path: Path, found: str) -> BadData:
    """The error for a record that was cut off or changed after it was written."""
    return BadData(
        str(path), found, "a whole record", "the file is damaged: restore it or delete it"
    )


def append_json_line(path: Path, record: Record) -> None:
    """Append one object as a line of its own; a kill leaves at most the last line incomplete.

    What an earlier kill left of a last line is cut off first.
    """
    line = to_json(record, indent=None) + "\n"
    with writing(path), path.open("a+b") as file:
        _drop_cut_off_line(file)
        file.write(line.encode())
        file.flush()


def _drop_cut_off_line(file: BinaryIO) -> None:
    """Shorten `file` to its whole lines; what is whole costs one byte's reading."""
    end = file.seek(0, os.SEEK_END)
    if end == 0:
        return
    file.seek(end - 1)
    if file.read(1) != b"\n":
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)


def read_json_lines(path: Path) -> list[Record]:
    """Every whole line of a file written by `append_json_line`; a cut-off last line is dropped.

    Raises `BadData` that names the line if one before the last is damaged.
    """
    if not path.exists():
        return []
    records: list[Record] = []
    for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], start=1):
        try:
            records.append(json.loads(line))
        except ValueError as error:
            raise damaged(path, f"line {number} that is not whole JSON") from error
    return records
