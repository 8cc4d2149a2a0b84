"""The laws of a command: whatever file lies in `cli/commands/` is held to all of them.

That `--json` writes what the documentation says is held by `tests/cli/test_json.py`.
"""

from __future__ import annotations

from typing import Any

import pytest
import typer

from pellucid.cli.main import COMMANDS


def leaves(app: Any, name: str) -> dict[str, Any]:
    """A command, or its subcommands where it has some, by what a person types."""
    command = typer.main.get_command(app)
    inner: dict[str, Any] = getattr(command, "commands", {})
    return {f"{name} {sub}": one for sub, one in inner.items()} or {name: command}


def faults(name: str, command: Any) -> list[str]:
    """What a command lacks."""
    found = []
    if f"pellucid {name} " not in f"{command.epilog or ''} ".replace("   ", " "):
        found.append("no example of itself")
    if not (command.help or "").strip():
        found.append("no word about what it does")
    options = {option: one for one in command.params for option in one.opts}
    if "--json" not in options:
        found.append("no --json")
    silent = [
        option
        for option, one in options.items()
        if option.startswith("--") and not getattr(one, "help", None)
    ]
    return found + [f"no help for {option}" for option in silent]


FOUND = {
    full: command
    for name in COMMANDS.names()
    for full, command in leaves(COMMANDS.load(name).app, name).items()
}


@pytest.mark.parametrize("name", FOUND)
def test_a_command_has_an_example_a_help_and_json(name: str) -> None:
    assert faults(name, FOUND[name]) == []


def test_a_command_without_them_is_found() -> None:
    app = typer.Typer()

    @app.command()
    def bare(size: int = 1) -> None: ...

    (command,) = leaves(app, "bare").values()
    told = ["no example of itself", "no word about what it does", "no --json", "no help for --size"]
    assert faults("bare", command) == told
