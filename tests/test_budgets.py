"""What may not be loaded: `import pellucid`, help and listings stay light.

Times are measured in `benchmarks/`, side by side; what costs the time is tested here.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from pellucid.cli.main import COMMANDS

HEAVY = {"torch", "numpy", "scipy", "sklearn", "PIL"}

ASK = """
import sys
try:
    {statement}
except SystemExit as end:
    assert not end.code, end.code
finally:
    print(*(name for name in sys.modules if "." not in name), file=sys.stderr)
"""


def loaded_after(statement: str, folder: Path) -> set[str]:
    """The top modules that a fresh Python has loaded after `statement`."""
    done = subprocess.run(
        [sys.executable, "-c", ASK.format(statement=statement)],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].split())


def listings() -> list[list[str]]:
    """The arguments of every help page and every `list` command."""
    found = [[], ["--help"], ["--version"]]
    for name in COMMANDS.names():
        command: Any = typer.main.get_command(COMMANDS.load(name).app)
        found.append([name, "--help"])
        if "list" in getattr(command, "commands", {}):
            found.append([name, "list"])
    return found


def test_importing_pellucid_loads_nothing_but_the_standard_library(tmp_path: Path) -> None:
    new = loaded_after("import pellucid", tmp_path) - loaded_after("pass", tmp_path)
    assert new - set(sys.stdlib_module_names) == {"pellucid"}


def test_help_loads_nothing_but_the_standard_library(tmp_path: Path) -> None:
    statement = "from pellucid.cli.main import main; main(['--help'])"
    new = loaded_after(statement, tmp_path) - loaded_after("pass", tmp_path)
    assert new - set(sys.stdlib_module_names) == {"pellucid"}


@pytest.mark.parametrize("arguments", listings(), ids=lambda words: " ".join(words) or "alone")
def test_a_listing_loads_neither_torch_nor_numpy(arguments: list[str], tmp_path: Path) -> None:
    statement = f"from pellucid.cli.main import main; main({arguments!r})"
    assert loaded_after(statement, tmp_path) & HEAVY == set()


def test_what_is_loaded_is_seen(tmp_path: Path) -> None:
    statement = "import numpy; from pellucid.cli.main import main; main(['--version'])"
    assert loaded_after(statement, tmp_path) & HEAVY == {"numpy"}
