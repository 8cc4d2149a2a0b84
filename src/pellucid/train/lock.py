"""One process at a time in a run: the system takes the lock back however the process ends."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from pellucid.base.errors import WrongUse
from pellucid.base.records import writing

LOCK = "training.lock"
"""The file that says which process trains in a run; it goes when the training ends."""

TRIES, PAUSE = 5, 0.01
"""Whoever only asks whether a file is locked locks it for an instant: seconds between two tries."""

if sys.platform == "win32":
    import msvcrt

    FAR = 1 << 20
    """The byte that is locked on Windows: what is locked there cannot be read by others."""

    def _lock(file: TextIO) -> None:
        os.lseek(file.fileno(), FAR, os.SEEK_SET)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

    def _release(file: TextIO, path: Path) -> None:
        os.lseek(file.fileno(), FAR, os.SEEK_SET)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
        file.close()  # Windows deletes no file that is open
        path.unlink()

    BUSY = PermissionError
    """What says that another process holds the lock."""
else:
    import fcntl

    def _lock(file: TextIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _release(file: TextIO, path: Path) -> None:
        path.unlink()  # while it is locked: another process's file of this name stays
        file.close()

    BUSY = BlockingIOError


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody else trains in this run, or deletes it, inside the block.

    Raises `WrongUse` with the number of the process that does.
    """
    with holding(folder / LOCK) as other:
        if other is not None:
            raise _busy(folder, other)
        yield


@contextlib.contextmanager
def holding(path: Path) -> Iterator[str | None]:
    """Hold the lock file `path` inside the block; gives None.

    Where another process holds it, gives what that one wrote: its number.
    """
    file = _open_and_lock(path)
    if isinstance(file, str):
        yield file
        return
    with file:
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield None
        finally:
            with contextlib.suppress(OSError):
                _release(file, path)


def is_held(folder: Path) -> bool:
    """Does a process train in this run at the moment?"""
    try:
        file = (folder / LOCK).open("r+", encoding="utf-8")
    except OSError:
        return False
    with file:
        return not _is_free(file)


def _open_and_lock(path: Path) -> TextIO | str:
    """The lock file, open and locked, or what its holder wrote into it."""
    for _ in range(TRIES):
        with writing(path):
            file = path.open("a+", encoding="utf-8")
        if _is_free(file) and _is_there(file, path):
            return file
        with file:
            file.seek(0)
            written = file.read().strip()
        time.sleep(PAUSE)
    return written


def _is_free(file: TextIO) -> bool:
    """Lock an open file; where the file system knows no locks, everybody gets it."""
    try:
        _lock(file)
    except BUSY:
        return False
    except OSError:
        return True
    return True


def _is_there(file: TextIO, path: Path) -> bool:
    """Is the open file still the one of that name? Its holder deletes it when it is done."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False


def _busy(folder: Path, process: str) -> WrongUse:
    return WrongUse(
        f"run {folder.name}",
        f"process {process or '(just started)'}, which is training it",
        "a run that nobody trains at the moment",
        "wait until it has ended, or stop it with Ctrl-C",
    )
