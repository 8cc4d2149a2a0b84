"""Functions of PyTorch's that are exchanged for a while for others that call them and listen."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from torch import overrides

Function = Callable[..., Any]
OF_OUR_HOOKS = "Using `torch.compile(module)` when there are global hooks"
"""A warning of PyTorch's that is due to us alone."""
_HERE = str(Path(__file__).parent)


@contextmanager
def exchanged(owner: Any, name: str, wrap: Callable[[Function], Function]) -> Iterator[None]:
    """Inside the block `owner.name` is what `wrap` makes of it. Afterwards it is as before, unless
    someone else has put something of their own there meanwhile."""
    whole = getattr(owner, name)
    ours = wrap(whole)
    setattr(owner, name, ours)
    try:
        yield
    finally:
        if getattr(owner, name) is ours:
            setattr(owner, name, whole)


@contextmanager
def true_places() -> Iterator[None]:
    """Warnings name the line that they would name without us in between."""

    def wrap(warn: Function) -> Function:
        def placed(
            message: Any, category: Any = None, stacklevel: int = 1, source: Any = None
        ) -> None:
            if not str(message).startswith(OF_OUR_HOOKS):
                warn(message, category, _through(stacklevel), source)

        return placed

    with exchanged(warnings, "warn", wrap):
        yield


def _through(level: int) -> int:
    """The stack level, seen from `placed`, of what `level` is without us."""
    frame: FrameType | None = sys._getframe(2)
    real, counted, handed_over = 2, 1, False
    while counted < level and frame is not None:
        frame = frame.f_back
        file = frame.f_code.co_filename if frame else ""
        if "importlib" in file and "_bootstrap" in file:
            continue  # Python does not count these itself
        real += 1
        counted += not (handed_over or is_between(file))
        handed_over = file == overrides.__file__
    return real


def is_between(file: str) -> bool:
    """Whether code of this file runs in the midst of the user's only because we listen."""
    return file == overrides.__file__ or file.startswith(_HERE)


def without_us(trace: TracebackType | None) -> TracebackType | None:
    """A traceback as it would be if nobody listened: a function that hands over to a listener is
    called by it a second time, and stands there once."""
    kept: TracebackType | None = None
    entries = []
    while trace is not None:
        entries.append(trace)
        trace = trace.tb_next
    handed_over = False
    for entry in reversed(entries):
        file = entry.tb_frame.f_code.co_filename
        if not handed_over and not is_between(file):
            entry.tb_next, kept = kept, entry
        handed_over = file == overrides.__file__
    return kept
