"""Why a script ended in an exception: the walk of shapes up to the call that failed."""

from __future__ import annotations

import math
import traceback
from typing import Any

from torch import nn

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
        found.mend = _mend(*follower.stack[-1], follower.before)
    return found


def _shapes(given: Any) -> str:
    return " and ".join(str(tuple(tensor.shape)) for tensor in tensors_in(given))


def _size(part: nn.Module) -> str:
    """A layer's sizes as PyTorch writes them; nothing for a module that holds others."""
    return "" if any(True for _ in part.children()) else part.extra_repr()


def _mend(part: nn.Module, given: Any, before: tuple[int, ...]) -> str:
    """Which number to change, to what; nothing if this is not about one layer's size."""
    tensor = next(iter(tensors_in(given)), None)
    if tensor is None:
        return ""
    shape = tuple(tensor.shape)
    if isinstance(part, nn.Linear) and shape and shape[-1] != part.in_features:
        made_of = ""
        if len(before) > 2 and math.prod(before[1:]) == shape[-1]:
            made_of = " = " + " × ".join(map(str, before[1:]))
        return (
            f"Linear expects {part.in_features} features, gets {shape[-1]}{made_of}: make "
            f"in_features {shape[-1]}"
        )
    if isinstance(part, nn.modules.conv._ConvNd) and len(shape) > 1:
        channels = shape[1] if len(shape) == len(part.kernel_size) + 2 else shape[0]
        if channels != part.in_channels:
            return (
                f"{type(part).__name__} expects {part.in_channels} channels, gets {channels}: make "
                f"in_channels {channels}"
            )
    is_norm = isinstance(part, nn.modules.batchnorm._BatchNorm) and len(shape) > 1
    if is_norm and shape[1] != part.num_features:
        return (
            f"{type(part).__name__} expects {part.num_features} features, gets {shape[1]}: make "
            f"num_features {shape[1]}"
        )
    return ""
