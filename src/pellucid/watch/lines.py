"""Which line of the user's own code asked PyTorch for something."""

from __future__ import annotations

import linecache
import sys
from functools import lru_cache
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import torch

_TORCH = str(Path(torch.__file__).parent)
_STANDARD = str(Path(linecache.__file__).parent)
_OWN = Path(__file__).parents[1]
_SKIPPED = (
    _TORCH,
    *(str(_OWN / part) for part in ("watch", "explain", "doctor", "cli")),
    "<frozen",
)


class Line(NamedTuple):
    """A place in a source file."""

    file: str
    number: int
    function: str

    @property
    def text(self) -> str:
        """What stands there, or nothing if the source cannot be read."""
        return linecache.getline(self.file, self.number).strip()

    def __str__(self) -> str:
        return f"{Path(self.file).name}:{self.number}, in {self.function}"


@lru_cache(maxsize=4096)
def is_users(file: str) -> bool:
    """Whether a source file is neither PyTorch's, nor the standard library's, nor ours."""
    if file.startswith(_STANDARD):  # installed packages lie below it
        return "site-packages" in file and not file.startswith(_SKIPPED)
    return not file.startswith(_SKIPPED)


class Steady:
    """The user's line of a call that is made again and again. If it was always the same one at
    first, it is looked up again only now and then."""

    SURE, AGAIN = 60, 16

    def __init__(self) -> None:
        self._line: Line | None = None
        self._count = 0

    def line(self) -> Line | None:
        self._count += 1
        if self._count <= self.SURE or self._count % self.AGAIN == 0:
            found = users_line(2)
            if found != self._line:
                self._line, self._count = found, 0
        return self._line


def users_line(depth: int = 1) -> Line | None:
    """The innermost line that is neither PyTorch's, nor the standard library's, nor ours."""
    frame: FrameType | None = sys._getframe(depth)
    while frame is not None:
        code = frame.f_code
        if is_users(code.co_filename):
            return Line(code.co_filename, frame.f_lineno, code.co_name)
        frame = frame.f_back
    return None
