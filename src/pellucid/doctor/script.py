"""Runs a training script as `python script.py …` would, with the doctor watching."""

from __future__ import annotations

import builtins
import importlib.util
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from pellucid.base.errors import WrongUse
from pellucid.doctor.crash import crash_of
from pellucid.watch.captured import Captured
from pellucid.watch.exchanged import exchanged, without_us
from pellucid.watch.follower import Follower
from pellucid.watch.trace import Trace

STOPPED = 130
"""The exit code after Ctrl-C: 128 and the signal's number."""
GONE = """
The doctor: the script ended itself with os._exit, before anything could be examined.
"""


@dataclass(frozen=True)
class Outcome:
    """How a script ended, and what was seen of it."""

    trace: Trace
    captured: Captured
    exit_code: int
    speaks: bool = True
    """False in the other processes of one training, and in children that the script forked."""


@dataclass(frozen=True)
class Program:
    """What is to be run: its file, its code, and how Python would set it up."""

    file: Path
    code: CodeType
    spec: ModuleSpec | None
    """Of a module that is run with `-m`; None for a script."""


def program_of(target: Path, is_module: bool = False) -> Program:
    """A script, or with `is_module` a module by its name with dots.

    Raises `WrongUse` for what is not there or no Python.
    """
    spec = _find_module(str(target)) if is_module else None
    path = Path(spec.origin) if spec and spec.origin else target
    if not path.is_file():
        raise WrongUse("doctor", f"no file {path}", "a Python script that trains a network",
                       "check the spelling")  # fmt: skip
    try:
        code = compile(path.read_bytes(), str(path.resolve()), "exec")
    except (SyntaxError, ValueError) as error:
        raise WrongUse("doctor", f"{path}, which is no Python ({error})", "a Python script",
                       f"try: python {path}") from error  # fmt: skip
    return Program(path.resolve(), code, spec)


def _find_module(name: str) -> ModuleSpec:
    sys.path.insert(0, str(Path.cwd()))
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(f"{name}.__main__")
    except (ImportError, ValueError):
        spec = None
    finally:
        del sys.path[0]
    if spec is None or not spec.origin:
        raise WrongUse("doctor", f"no module {name!r}", "a module that python -m would run",
                       "write it with dots, and start where its package lies")  # fmt: skip
    return spec


def run_script(
    target: Path,
    arguments: Sequence[str],
    steps: float = math.inf,
    on_step: Callable[[Trace], None] = lambda trace: None,
    is_module: bool = False,
    watch: bool = True,
) -> Outcome:
    """Run the script to its end; its output, its exceptions and its exit code are its own.

    After `steps` steps it goes on unwatched, and of several processes that `torchrun` started
    only the first is watched. `on_step` hears of steps before they are made, of each one at first.
    Raises `WrongUse` for what is not there or no Python.
    """
    program = program_of(target, is_module)
    process, is_first = os.getpid(), os.environ.get("RANK", "0") == "0"
    follower = Follower(on_step)
    follower.most_steps = steps
    first = str(Path.cwd()) if is_module else str(program.file.parent)
    name = str(program.file) if is_module else str(target)
    with (
        _as_main(program, [name, *arguments], first) as main,
        _told_when_gone(process),
        follower.watching() if is_first and watch else nullcontext(),
    ):
        code = _run(program.code, main, follower)
    speaks = is_first and os.getpid() == process
    return Outcome(follower.trace, follower.captured, code, speaks)


@contextmanager
def _as_main(program: Program, arguments: list[str], first: str) -> Iterator[ModuleType]:
    """The module `__main__` as Python makes it, so that pickling and child processes find it."""
    main = ModuleType("__main__")
    loader = SourceFileLoader("__main__", str(program.file))
    main.__dict__.update(
        __file__=str(program.file), __builtins__=builtins, __loader__=loader,
        __spec__=program.spec, __cached__=None,
        __package__=program.spec.parent if program.spec else None,
    )  # fmt: skip
    before = sys.modules["__main__"], sys.argv, list(sys.path)
    sys.modules["__main__"], sys.argv = main, arguments
    sys.path[0:1] = [first]
    try:
        yield main
    finally:
        sys.modules["__main__"], sys.argv, sys.path[:] = before


@contextmanager
def _told_when_gone(process: int) -> Iterator[None]:
    """`os._exit` leaves no time for a word afterwards: it is said before."""

    def wrap(leave: Callable[[int], None]) -> Callable[[int], None]:
        def leaving(status: int) -> None:
            if os.getpid() == process:
                os.write(2, GONE.encode())
            leave(status)

        return leaving

    with exchanged(os, "_exit", wrap):
        yield


def _run(code: CodeType, main: ModuleType, follower: Follower) -> int:
    try:
        exec(code, main.__dict__)
    except SystemExit as ended:
        return _exit_code(ended.code)
    except BaseException as error:
        follower.trace.crash = crash_of(error, follower) if isinstance(error, Exception) else None
        inner = without_us(error.__traceback__.tb_next if error.__traceback__ else None)
        sys.excepthook(type(error), error.with_traceback(inner), inner)
        return STOPPED if isinstance(error, KeyboardInterrupt) else 1
    return 0


def _exit_code(given: object) -> int:
    """What Python makes of the argument of `sys.exit`."""
    if given is None:
        return 0
    if isinstance(given, int):
        return int(given)
    sys.stderr.write(f"{given}\n")
    return 1
