"""Runs a training script up to its first step, and no further."""

from __future__ import annotations

import functools
import os
import runpy
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as global_hooks
from torch.optim import Optimizer
from torch.optim import optimizer as optimizer_hooks

from pellucid.base.errors import WrongUse
from pellucid.doctor.check import tape
from pellucid.doctor.check.asked import tensors
from pellucid.doctor.check.tape import Tape
from pellucid.watch.lines import Line, is_users, users_line

SWALLOWED = 10
"""Times that a script may catch the end and go on to another step before the process is ended."""


class Ended(BaseException):
    """Ends a script at its first step; no `except Exception` holds it up."""


@dataclass
class Seen:
    """A script up to its first step."""

    tape: Tape = field(default_factory=Tape)
    optimiser: Optimizer | None = None
    line: Line | None = None
    """Where the step was asked for."""
    names: dict[int, str] = field(default_factory=dict)
    """By a network's identity, what the script calls it."""
    passes: int = 0
    exit_code: int | None = None
    """How it ended by itself, before any step."""
    error: Exception | None = None
    failed: tuple[nn.Module, tuple[Any, ...], dict[str, Any]] | None = None
    """The network out of which the error came, and what it was given."""
    attempt: tuple[str, list[tuple[int, ...]]] | None = None
    """Else the function that raised, with the shapes it got."""


def run_to_first_step(path: Path, arguments: Sequence[str]) -> Seen:
    """Run the script as `python script.py …` would, until an optimiser is to step.

    Raises `WrongUse` for a file that is not there or no Python, and in one of several processes.
    """
    _check_script(path)
    seen = Seen()
    old_arguments, old_path = sys.argv, list(sys.path)
    sys.argv = [str(path), *arguments]
    sys.path[0:1] = [str(path.resolve().parent)]
    try:
        with _Ear(seen).listening():
            _run(path, seen)
    finally:
        sys.argv, sys.path[:] = old_arguments, old_path
        sys.stdout.flush()
        sys.stderr.flush()
    return seen


def _check_script(path: Path) -> None:
    where = f"check {path}"
    if not path.is_file():
        raise WrongUse(where, "no such file", "a Python script that trains a network, or "
                       "module:factory", "check the spelling")  # fmt: skip
    try:
        compile(path.read_bytes(), str(path), "exec")
    except (SyntaxError, ValueError) as error:
        raise WrongUse(where, f"a file that is no Python ({error})", "a Python script",
                       f"try: python {path}") from error  # fmt: skip
    if os.environ.get("WORLD_SIZE", "1") not in ("", "0", "1"):
        raise WrongUse(where, f"one of {os.environ['WORLD_SIZE']} processes", "a single process",
                       f"pellucid check {path}, without torchrun")  # fmt: skip


def _run(path: Path, seen: Seen) -> None:
    try:
        runpy.run_path(str(path), run_name="__main__")
        seen.exit_code = 0
    except Ended:
        pass
    except SystemExit as ended:
        if seen.optimiser is not None:
            return  # the script turned our end into one of its own
        if isinstance(ended.code, str):
            sys.stderr.write(f"{ended.code}\n")
        seen.exit_code = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    except Exception as error:
        if seen.optimiser is not None:
            return  # on its way out, after our end
        seen.error, seen.exit_code = error, 1
        seen.failed = _failed_network(error.__traceback__)
        seen.attempt = seen.tape.attempt
        _print_traceback(error)


def _failed_network(
    trace: TracebackType | None,
) -> tuple[nn.Module, tuple[Any, ...], dict[str, Any]] | None:
    """The outermost module with parameters that an exception came through."""
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_code is nn.Module._call_impl.__code__:
            found: Any = frame.f_locals
            if any(True for _ in found["self"].parameters()):
                return found["self"], found["args"], found["kwargs"]
        trace = trace.tb_next
    return None


def _print_traceback(error: BaseException) -> None:
    """As Python prints it, without the frames that run and hear the script."""
    own = (__file__, tape.__file__, runpy.__file__, "<frozen runpy>")
    told: traceback.TracebackException | None = traceback.TracebackException.from_exception(error)
    first = told
    while told is not None:
        shown = [frame for frame in told.stack if frame.filename not in own]
        told.stack = traceback.StackSummary.from_list(shown)
        told = told.__cause__ or told.__context__
    if first is not None:
        sys.stderr.write("".join(first.format()))


class _Ear:
    """Hears networks, backward passes and steps, and ends the script at the first step."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen
        self.stack: list[nn.Module] = []
        self.ends = 0

    @contextmanager
    def listening(self) -> Iterator[None]:
        handles = [
            global_hooks.register_module_forward_pre_hook(self._enter),
            global_hooks.register_module_forward_hook(
                self._leave, with_kwargs=True, always_call=True
            ),
            optimizer_hooks.register_optimizer_step_pre_hook(self._before_step),
        ]
        backward, compiled = torch.autograd.backward, torch.compile
        torch.autograd.backward = self._heard(backward)
        torch.compile = _uncompiled
        try:
            with self.seen.tape:
                yield
        finally:
            torch.autograd.backward, torch.compile = backward, compiled
            for handle in handles:
                handle.remove()

    def _enter(self, module: nn.Module, given: Any) -> None:
        if self.stack or any(True for _ in module.parameters()):
            if not self.stack and torch.is_grad_enabled():
                self.seen.tape.start()
            self.stack.append(module)
            self.seen.tape.inside = True

    def _leave(self, module: nn.Module, given: Any, *rest: Any) -> None:
        if not any(module is one for one in self.stack):
            return
        while self.stack.pop() is not module:
            pass
        if self.stack:
            return
        self.seen.tape.inside = False
        self.seen.passes += 1
        if len(rest) == 2 and rest[1] is not None:
            named, answer = rest
            self.seen.tape.note_network(module, given, named, answer)

    def _heard(self, backward: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(backward)
        def heard(losses: Any, *args: Any, **named: Any) -> Any:
            found = tensors(losses)
            if found and found[0].numel() == 1:
                self.seen.tape.end(found[0])
            result = backward(losses, *args, **named)
            if self.seen.optimiser is not None:  # inside a step's closure
                self._end()
            return result

        return heard

    def _before_step(self, optimiser: Optimizer, args: Any, named: Any) -> None:
        if self.seen.optimiser is None:
            self.seen.optimiser, self.seen.line = optimiser, users_line()
            self.seen.names = _names_of_networks()
        has_closure = any(callable(one) for one in [*args, *named.values()])
        if has_closure and self.seen.tape.loss is None and not self.ends:
            return  # the loss comes about inside the step
        self._end()

    def _end(self) -> None:
        self.ends += 1
        if self.ends > SWALLOWED:
            sys.stdout.flush()
            sys.stderr.write(
                "check: found a script that catches every exception and goes on, expected one that "
                "can be ended at its first step.\nFix: write except Exception for a bare except\n"
            )
            sys.stderr.flush()
            os._exit(2)
        raise Ended


def _names_of_networks() -> dict[int, str]:
    """Variables of the script's functions, and attributes of its objects, that are networks."""
    found: dict[int, str] = {}
    frame = sys._getframe()
    while frame is not None and frame.f_back is not None:
        frame = frame.f_back
        if not is_users(frame.f_code.co_filename):
            continue
        for name, value in [*frame.f_locals.items(), *frame.f_globals.items()]:
            if isinstance(value, nn.Module):
                found.setdefault(id(value), name)
        for name, value in getattr(frame.f_locals.get("self"), "__dict__", {}).items():
            if isinstance(value, nn.Module):
                found.setdefault(id(value), f"self.{name}")
    return found


def _uncompiled(model: Any = None, **options: Any) -> Any:
    """In place of `torch.compile`: a single step is not worth a compilation."""
    return model if model is not None else lambda function: function
