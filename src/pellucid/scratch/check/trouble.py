"""What went wrong inside the user's own functions, told with the line where it did."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.base.errors import PellucidError, WrongUse


class Raised(WrongUse):
    """The user's function raised an error (exit code 2)."""


def guarded(
    function: Callable[..., Any], where: str, values: Sequence[Any], names: Sequence[str] = ()
) -> Any:
    """Call the user's function; what it raises becomes a four-part error.

    `names` are those of the values.
    """
    try:
        with np.errstate(all="ignore"):
            return function(*values)
    except PellucidError:
        raise
    except Exception as error:
        place, line = _last_own_line(error, function)
        given = ", ".join(map(_described, values, names)) or "nothing"
        raise Raised(
            f"{where}{place}",
            f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no words'}",
            f"a function that runs with {given}",
            f"look at: {line}" if line else f"call {where} by itself",
        ) from error


def _last_own_line(error: Exception, function: Callable[..., Any]) -> tuple[str, str]:
    """The last line of the function's own file on the way to the error."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if code and frame.filename == code.co_filename]
    if not own:
        return "", ""
    return f", {Path(own[-1].filename).name}, line {own[-1].lineno}", (own[-1].line or "").strip()


def _described(value: Any, name: str) -> str:
    """`x (4, 3)`: a value by its name and shape."""
    shape = getattr(value, "shape", None)
    return f"{name} {tuple(shape)}" if shape is not None else f"{name} {repr(value)[:40]}"
