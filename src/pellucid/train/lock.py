"""One process at a time in a run: the system takes the lock back however the process ends."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from pellucid.base.errors import WrongUse
from pellucid.base.records import writing

LOCK = "training.lock"
"""The file that says which process trains in a run; it goes when the training ends."""


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody else trains in this run, or deletes it, inside the block.

    Raises `WrongUse` with the number of the process that does.
    """
    path = folder / LOCK
    with writing(path):
        file = path.open("a+", encoding="utf-8")
    with file:
        if not _take(file):
            file.seek(0)
            raise _busy(folder, file.read().strip())
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _take(file: TextIO) -> bool:
    """Lock an open file; where the file system knows no locks, everybody gets it."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _busy(folder: Path, process: str) -> WrongUse:
    return WrongUse(
        f"run {folder.name}",
        f"process {process or '(just started)'}, which is training it",
        "a run that nobody trains at the moment",
        "wait until it has ended, or stop it with Ctrl-C",
    )
