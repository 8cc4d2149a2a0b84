"""Which line of the user's own code asked PyTorch for something."""

from __future__ import annotations

import linecache
import sys
from functools import lru_cache
from pathlib import Path
from types import CodeType, FrameType
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
    """The user's line of a call that is made again and again.

    While the same instruction of the same code asks, from the same depth of the stack, it is the
    line that was found before: to read a line's number takes longer than all the rest.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._code: CodeType | None = None
        self._instruction = -1
        self.last: Line | None = None
        """The line that was found last."""

    def line(self) -> Line | None:
        try:
            frame: FrameType | None = sys._getframe(self._depth)
        except ValueError:  # the stack is not so deep
            frame = None
        if frame is None or frame.f_lasti != self._instruction or frame.f_code is not self._code:
            self._look_up()
        return self.last

    def _look_up(self) -> None:
        frame, depth = _users_frame(3)
        self._depth = depth - 2  # seen from `line`
        self._code = frame.f_code if frame else None
        self._instruction = frame.f_lasti if frame else -1
        self.last = _line_of(frame) if frame else None


def users_line(depth: int = 1) -> Line | None:
    """The innermost line that is neither PyTorch's, nor the standard library's, nor ours."""
    frame, _ = _users_frame(depth + 1)
    return _line_of(frame) if frame else None


def _users_frame(depth: int) -> tuple[FrameType | None, int]:
    """The innermost frame of the user's own, and its depth as seen from here."""
    frame: FrameType | None = sys._getframe(depth)
    while frame is not None and not is_users(frame.f_code.co_filename):
        frame = frame.f_back
        depth += 1
    return frame, depth


def _line_of(frame: FrameType) -> Line:
    return Line(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
