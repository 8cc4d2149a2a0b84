"""Runs a training script as `python script.py …` would, with the doctor watching."""

from __future__ import annotations

import math
import runpy
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pellucid.base.errors import WrongUse
from pellucid.doctor.crash import crash_of
from pellucid.watch.captured import Captured
from pellucid.watch.follower import Follower
from pellucid.watch.trace import Trace

STOPPED = 130
"""The exit code after Ctrl-C: 128 and the signal's number."""


@dataclass(frozen=True)
class Outcome:
    """How a script ended, and what was seen of it."""

    trace: Trace
    captured: Captured
    exit_code: int


def run_script(
    path: Path,
    arguments: Sequence[str],
    steps: float = math.inf,
    on_step: Callable[[Trace], None] = lambda trace: None,
) -> Outcome:
    """Run the script to its end; its output, its exceptions and its exit code are its own.

    After `steps` steps it goes on unwatched. `on_step` hears of every step before it is made.
    Raises `WrongUse` for a file that is not there or no Python.
    """
    if not path.is_file():
        raise WrongUse("doctor", f"no file {path}", "a Python script that trains a network",
                       "check the spelling")  # fmt: skip
    try:
        compile(path.read_bytes(), str(path), "exec")
    except (SyntaxError, ValueError) as error:
        raise WrongUse("doctor", f"{path}, which is no Python ({error})", "a Python script",
                       f"try: python {path}") from error  # fmt: skip
    follower = Follower(on_step)
    follower.most_steps = steps
    old_arguments, old_path = sys.argv, list(sys.path)
    sys.argv = [str(path), *arguments]
    sys.path[0:1] = [str(path.resolve().parent)]
    try:
        with follower.watching():
            code = _run(path, follower)
    finally:
        sys.argv, sys.path[:] = old_arguments, old_path
    return Outcome(follower.trace, follower.captured, code)


def _run(path: Path, follower: Follower) -> int:
    try:
        runpy.run_path(str(path), run_name="__main__")
    except SystemExit as ended:
        if isinstance(ended.code, str):
            sys.stderr.write(f"{ended.code}\n")
            return 1
        return int(ended.code or 0)
    except KeyboardInterrupt:
        sys.stderr.write("\nKeyboardInterrupt\n")
        return STOPPED
    except Exception as error:
        follower.trace.crash = crash_of(error, follower)
        _print_traceback(error)
        return 1
    return 0


def _print_traceback(error: BaseException) -> None:
    """As Python prints it, without the frames that run the script."""
    inner = error.__traceback__
    while inner is not None and inner.tb_frame.f_code.co_filename in (__file__, runpy.__file__):
        inner = inner.tb_next
    while inner is not None and inner.tb_frame.f_code.co_filename.startswith("<frozen runpy"):
        inner = inner.tb_next
    traceback.print_exception(type(error), error, inner)
