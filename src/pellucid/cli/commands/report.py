"""Write a run's page report.html again, and open it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pellucid.cli.output import JsonPath, OpenPage, RunsFolder, Voice

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(
    epilog="Examples:  pellucid report digits-convnet-1   ·   "
    "pellucid report digits-convnet-1 --open"
)
def report(
    run: Annotated[str, typer.Argument(help="A run's name or folder (see: pellucid runs list).")],
    open_page: OpenPage = False,
    look: Annotated[
        bool,
        typer.Option("--look", help="Put the instruments to the network again before drawing."),
    ] = False,
    runs: RunsFolder = None,
    json: JsonPath = None,
) -> None:
    """Write a run's page report.html again, and open it.

    The page is one file that opens without a network. Of a finished run whose network was not
    looked into yet, that is done first; the test set stays sealed.
    """
    from pellucid.report.page import sections, write
    from pellucid.train.folders import RunFolder, find

    voice = Voice(json)
    folder = find(run, runs)
    found = RunFolder(folder)
    found.recipe  # noqa: B018 - a run that cannot be read is told once, before anything is tried
    if found.finished and (look or not (folder / "inside").is_dir()):
        _look_inside(voice, folder)
    path = write(folder)
    size = path.stat().st_size
    names = sections(path.read_text(encoding="utf-8"))
    voice.people.print(f"Report:  {path} ({size / 1e6:.1f} MB)", markup=False)
    voice.record({"run": str(folder), "report": str(path), "bytes": size, "sections": names})
    if open_page:
        typer.launch(path.resolve().as_uri())


def _look_inside(voice: Voice, folder: Path) -> None:
    """Filters, maps and distributions; where the network or its data are gone, say so and go on."""
    from pellucid.base.errors import PellucidError
    from pellucid.data.load import load as load_data
    from pellucid.inside import look
    from pellucid.train.fit import data_settings
    from pellucid.train.runs import load

    try:
        run = load(folder)
        look(run, load_data(run.recipe.dataset, **data_settings(run.recipe)))
    except PellucidError as error:
        voice.log.print(f"Without filters, maps and distributions: {error}", markup=False)
