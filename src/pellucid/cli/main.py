"""The `pellucid` command: loads the one command that was asked for, and tells errors."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from itertools import zip_longest
from types import ModuleType
from typing import Any

from pellucid.base.catalog import Catalog
from pellucid.base.errors import PellucidError, WrongUse

COMMANDS = Catalog("command", "cli.commands")

STOPPED = 130
"""The exit code after Ctrl-C: 128 and the signal's number, as shells have it."""

PATIENCE = 10.0
"""Seconds in which `torchrun` certainly sees that the first process has ended."""

USAGE = """\
Usage: pellucid COMMAND …          pellucid COMMAND --help

Opens the black box of a neural network: train one on real data, and see how it learned.

Commands:
{commands}

Options:
  --help     show this text
  --version  show the version
  --debug    show the whole traceback of an error (or set PELLUCID_DEBUG=1)

Start with:  pellucid train digits
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0 done, 1 a failed expectation, 2 wrong use, 3 bad input data."""
    # Read when torch is loaded: its threads sleep while they wait for each other. By default they
    # spin, which on a busy machine takes the processor from the thread they wait for (the figures
    # are in docs/decisions/0008).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    words = list(sys.argv[1:] if arguments is None else arguments)
    own = _ours(words)
    debug = "--debug" in words[:own] or os.environ.get("PELLUCID_DEBUG", "") not in ("", "0")
    words = [word for word in words[:own] if word != "--debug"] + words[own:]
    try:
        code = _run(words)
    except KeyboardInterrupt:
        code = STOPPED
    except Exception as error:
        _let_the_first_process_tell()
        if debug or not isinstance(error, PellucidError):
            raise
        tell(error, words)
        code = error.exit_code
    # Typer turns Ctrl-C inside a command into this code without a word; a script said its own.
    if code == STOPPED and words[:1] != ["doctor"]:
        sys.stderr.write("\nStopped.\n")
    sys.exit(code)


def _ours(words: list[str]) -> int:
    """How many words are for Pellucid: what follows a script that is run is the script's own."""
    scripts = (k for k, word in enumerate(words) if word.endswith(".py"))
    return next(scripts, len(words)) if words[:1] == ["doctor"] else len(words)


def _let_the_first_process_tell() -> None:
    """Wait in the other processes that `torchrun` started.

    It ends them all as soon as one has failed: what all of them meet is told once, by the first.
    Who is still there after a while met it alone and tells it.
    """
    rank = os.environ.get("RANK", "0")
    if rank != "0":
        time.sleep(PATIENCE)
        sys.stderr.write(f"Process {rank} alone:\n")


def _run(words: list[str]) -> int:
    if not words or words[0] in ("--help", "-h", "help"):
        menu = COMMANDS.menu()
        width = max(map(len, menu), default=0)
        lines = (f"  {name:<{width}}  {text}" for name, text in menu.items())
        sys.stdout.write(USAGE.format(commands="\n".join(lines)))
        return 0
    if words[0] == "--version":
        from pellucid.base.version import VERSION

        sys.stdout.write(f"pellucid {VERSION}\n")
        return 0
    name, *rest = words
    try:
        module = COMMANDS.load(name)
    except WrongUse as error:
        raise _as_subcommand(name) or error from error
    return _call(module, name, rest)


def _as_subcommand(name: str) -> WrongUse | None:
    """The error for `pellucid resume`, which is `pellucid runs resume`; None for other names."""
    for command in COMMANDS.menu():
        app = COMMANDS.load(command).app
        inner = [one.name or one.callback.__name__ for one in app.registered_commands]
        if len(inner) > 1 and name in inner:
            return WrongUse("command", repr(name), "a command", f"did you mean '{command} {name}'?")
    return None


def _call(module: ModuleType, name: str, arguments: list[str]) -> int:
    """Run a command's Typer application; what Typer finds wrong becomes a four-part error."""
    try:
        code = module.app(arguments, prog_name=f"pellucid {name}", standalone_mode=False)
    except PellucidError:
        raise
    except Exception as error:
        if not hasattr(error, "format_message"):  # Typer's own errors for wrong options have it
            raise
        raise _misuse(error, f"pellucid {name}", arguments) from error
    return code if isinstance(code, int) else 0


KINDS = {"integer": "a whole number", "number": "a number", "float": "a number"}
"""A word in what Typer finds wrong with a value → what the value should have been."""


def _misuse(error: Any, command: str, arguments: list[str]) -> WrongUse:
    """What Typer finds wrong in four parts, with the value that the user gave."""
    command = getattr(error.ctx, "command_path", command)
    found, _, hint = error.format_message().rstrip(".").replace("\n", "; ").partition(" (Possible")
    found, _, meant = found.partition(". Did you mean ")
    if hint:
        meant = " or ".join(sorted(error.possibilities))
    expected = "arguments and options that the command knows"
    parameter: Any = getattr(error, "param", None)
    if found.startswith("Missing "):
        found = f"no {found.removeprefix('Missing ')}"
        expected = getattr(parameter, "help", None) or expected
        expected = expected[0].lower() + expected[1:].rstrip(".")
    for option in getattr(parameter, "opts", ()):
        value = _value(arguments, option)
        if value is not None:
            kinds = [kind for word, kind in KINDS.items() if word in found]
            expected = kinds[0] if kinds else "a value that it can take"
            found = f"{value!r} for '{option}'"
    fix = f"see: {command} --help"
    mend = f", did you mean {meant.rstrip('?')}?" if meant else ""
    return WrongUse(command, found, expected, fix + mend)


def tell(error: PellucidError, words: Sequence[str]) -> None:
    """Write an error for people to standard error, and as a record where `--json` asks for one."""
    sys.stderr.write(f"{error}\n")
    json_path = _value(words, "--json")
    if json_path is None:
        return
    from pellucid.cli.output import Voice

    try:
        Voice(json_path).record({"error": error.as_record()})
    except PellucidError as refusal:
        if str(refusal) != str(error):  # else it was told just now
            sys.stderr.write(f"{refusal}\n")


def _value(words: Sequence[str], option: str) -> str | None:
    """What `--option VALUE` or `--option=VALUE` says; the command may not have got that far."""
    for word, following in zip_longest(words, words[1:]):
        if word == option:
            return following
        if word.startswith(f"{option}="):
            return word.removeprefix(f"{option}=")
    return None
