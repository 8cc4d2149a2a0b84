"""Why a script ended in an exception: the walk of shapes up to the call that failed."""

from __future__ import annotations

import traceback
from typing import Any

from torch import nn

from pellucid.doctor.misfit import mend
from pellucid.watch.follower import Follower
from pellucid.watch.lines import Line, is_users
from pellucid.watch.recorder import tensors_in
from pellucid.watch.trace import Crash


def crash_of(error: BaseException, follower: Follower) -> Crash:
    """What is known of it: the user's line, the modules that were at work, what would fit."""
    line = None
    for frame in traceback.extract_tb(error.__traceback__):
        if is_users(frame.filename):
            line = Line(frame.filename, frame.lineno or 0, frame.name)
    walk = [(type(part).__name__, _size(part), _shapes(given)) for part, given in follower.stack]
    found = Crash(type(error).__name__, str(error).strip().split("\n")[0], line, walk)
    if follower.stack:
        part, given = follower.stack[-1]
        shapes = [tuple(tensor.shape) for tensor in tensors_in(given)]
        found.mend = mend(part, shapes, follower.before, str(error))
    return found


def _shapes(given: Any) -> str:
    return " and ".join(str(tuple(tensor.shape)) for tensor in tensors_in(given))


def _size(part: nn.Module) -> str:
    """A layer's sizes as PyTorch writes them; nothing for a module that holds others."""
    return "" if any(True for _ in part.children()) else part.extra_repr()
