"""How commands speak: people on standard output, machines through `--json`, the rest on stderr."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pellucid.base.records import SCHEMA, to_json, write_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

JsonPath = Annotated[
    str | None,
    typer.Option("--json", metavar="PATH", help="Also write one JSON object ('-': standard out)."),
]
RunsFolder = Annotated[
    str | None,
    typer.Option(metavar="FOLDER", help="Where runs are kept (default: PELLUCID_RUNS, or runs)."),
]
WeightsFile = Annotated[
    str | None, typer.Option(metavar="FILE.safetensors", help="Your network's weights.")
]
UsersPictures = Annotated[
    str | None, typer.Option(metavar="FOLDER|FILE.npz|SET", help="Your network's pictures.")
]
Standardise = Annotated[
    bool, typer.Option("--standardise", help="Give pictures with mean 0 and spread 1.")
]
OpenPage = Annotated[bool, typer.Option("--open", help="Open the page in the browser.")]


STOPPED = 130
"""The exit code after Ctrl-C, for a command that has told what was found until then."""


class Voice:
    """Where a command's words go.

    With `--json -` standard output belongs to the JSON object, and people read standard error.
    """

    def __init__(self, json_path: str | None = None) -> None:
        self.json_path = json_path

    @property
    def people(self) -> Console:
        """The console for results."""
        return console(stderr=self.json_path == "-")

    @property
    def log(self) -> Console:
        """The console for progress and remarks: standard error."""
        return console(stderr=True)

    def record(self, record: dict[str, Any]) -> None:
        """Write `record` where `--json` asked for it, if it did."""
        if self.json_path is None:
            return
        text = to_json({"schema": SCHEMA, **record}) + "\n"
        if self.json_path == "-":
            sys.stdout.write(text)
            sys.stdout.flush()
        else:
            write_text(Path(self.json_path), text)


def tell_page(voice: Voice, page: Path, open_page: bool) -> None:
    """Say where a page lies, and open it if that was asked for."""
    voice.people.print(f"Page:  {page}", markup=False, soft_wrap=True)
    if open_page:
        typer.launch(page.resolve().as_uri())


def console(stderr: bool = False) -> Console:
    """A Rich console; wide enough for tables where the output is not a terminal."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else 120
    return Console(stderr=stderr, highlight=False, width=width, soft_wrap=False)


def table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """A plain table; the columns named in `right` are numbers and stand to the right."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left")
    return made


def size(count: int) -> str:
    """Bytes for people: `512 B`, `12.5 kB`, `3.1 MB`."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} B"
