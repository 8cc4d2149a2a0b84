"""Why a script ended in an exception: the walk of shapes up to the call that failed."""

from __future__ import annotations

import re
import traceback
from typing import Any

from torch import nn

from pellucid.doctor.misfit import mend
from pellucid.watch.follower import Follower
from pellucid.watch.lines import Line, is_users
from pellucid.watch.recorder import tensors_in
from pellucid.watch.trace import Crash

PACKAGES = re.compile(r"[\\/](site|dist)-packages[\\/]")


def crash_of(error: BaseException, follower: Follower) -> Crash:
    """What is known of it: the user's line, the modules that were at work, what would fit."""
    line = _place(traceback.extract_tb(error.__traceback__))
    walk = [(type(part).__name__, _size(part), _shapes(given)) for part, given in follower.stack]
    found = Crash(type(error).__name__, str(error).strip().split("\n")[0], line, walk)
    found.networks = _networks(error)
    if follower.stack:
        part, given = follower.stack[-1]
        shapes = [tuple(tensor.shape) for tensor in tensors_in(given)]
        found.mend = mend(part, shapes, follower.before, str(error))
    return found


def _place(frames: traceback.StackSummary) -> Line | None:
    """The newest line of the user's, or of a package that the user installed, where there is none
    of the user's."""
    known = [frame for frame in frames if is_users(frame.filename)]
    own = [frame for frame in known if not PACKAGES.search(frame.filename)]
    lines = [Line(frame.filename, frame.lineno or 0, frame.name) for frame in own or known]
    return lines[-1] if lines else None


def _networks(error: BaseException) -> list[tuple[str, int, int]]:
    """What the user's own functions held when it happened, the largest network first."""
    found = {}
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if is_users(frame.f_code.co_filename):
            parts = (value for value in frame.f_locals.values() if isinstance(value, nn.Module))
            found.update({id(part): part for part in parts})
    described = []
    for network in found.values():
        weights = list(network.parameters())
        learning = sum(weight.numel() for weight in weights if weight.requires_grad)
        count = sum(weight.numel() for weight in weights)
        described.append((type(network).__name__, count, learning))
    return sorted(described, key=lambda entry: -entry[1])


def _shapes(given: Any) -> str:
    """The shapes of tensors, and of whole numbers from where to where they go."""
    found = []
    for tensor in tensors_in(given):
        whole = tensor.numel() and not tensor.dtype.is_floating_point and not tensor.is_complex()
        reach = f" of {int(tensor.min())} to {int(tensor.max())}" if whole else ""
        found.append(f"{tuple(tensor.shape)}{reach}")
    return " and ".join(found)


def _size(part: nn.Module) -> str:
    """A layer's sizes as PyTorch writes them; nothing for a module that holds others."""
    return "" if any(True for _ in part.children()) else part.extra_repr()
