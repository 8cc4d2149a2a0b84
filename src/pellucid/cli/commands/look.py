"""Look inside a trained network: what it looks for, what excites each unit, why it answers so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pellucid.base.errors import WrongUse
from pellucid.cli.output import (
    STOPPED,
    JsonPath,
    OpenPage,
    RunsFolder,
    Standardise,
    UsersPictures,
    Voice,
    WeightsFile,
    table,
)

if TYPE_CHECKING:
    from pellucid.inside.subject import Subject

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(
    epilog="Examples:  pellucid look digits-convnet-1   ·   "
    "pellucid look digits-convnet-1 --image 7 --against 9   ·   "
    "pellucid look mine.py:build --weights mine.safetensors --pictures scans/"
)
def look(
    target: Annotated[
        str, typer.Argument(metavar="RUN", help="A run, or a network of yours: module:factory.")
    ],
    image: Annotated[
        str | None,
        typer.Option(metavar="N|FILE", help="One picture: a validation example, or a file."),
    ] = None,
    layer: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this layer; may be repeated.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="INSTRUMENT", help="Only this instrument; may be repeated."),
    ] = None,
    names: Annotated[bool, typer.Option("--list", help="The instruments and the layers.")] = False,
    target_class: Annotated[
        str | None, typer.Option("--target", metavar="CLASS", help="Why this class.")
    ] = None,
    against: Annotated[
        str | None, typer.Option(metavar="CLASS", help="Why that class rather than this one.")
    ] = None,
    random_labels: Annotated[
        bool,
        typer.Option("--random-labels", help="Train the run again on shuffled labels; compare."),
    ] = False,
    weights: WeightsFile = None,
    pictures: UsersPictures = None,
    standardise: Standardise = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where to write (RUN/look; look-NAME for yours)."),
    ] = None,
    open_page: OpenPage = False,
    runs: RunsFolder = None,
    json: JsonPath = None,
) -> int:
    """Look inside a network, with numbers, pictures and their errors, on one page.

    Of a run validation pictures are taken; the test set stays sealed.
    """
    from pellucid.inside.looking import chosen, look_at

    voice, instruments = Voice(json), chosen(only or [])
    asked = (image, tuple(layer or ()), target_class, against)
    if ":" in target:
        _refuse(random_labels)
        subject, about, folder = _of_factory(target, weights, pictures, standardise, asked)
    else:
        _refuse_for_runs(weights=weights, pictures=pictures, standardise=standardise)
        subject, about, folder = _of_run(target, runs, asked, random_labels)
    if names:
        voice.record(_list(voice, subject))
        return 0
    folder = out or folder
    found = look_at(subject, instruments, folder, about, _told(voice))
    _page(voice, folder, found, only or [], open_page)
    if found["not_done"]:
        voice.log.print(f"Not done: {', '.join(found['not_done'])}.", markup=False)
    return STOPPED if found["not_done"] else 0


def _refuse_for_runs(**given: object) -> None:
    """Options that a run has no use for, as it knows its own weights and pictures."""
    for name, value in given.items():
        if value:
            raise WrongUse(
                f"--{name}",
                "a run, which has its own",
                f"--{name} only with module:factory",
                f"leave --{name} out",
            )


def _refuse(random_labels: bool) -> None:
    if random_labels:
        raise WrongUse(
            "--random-labels",
            "a network of yours, whose training is not known",
            "a run, which can be trained again",
            "leave --random-labels out",
        )


def _of_run(
    target: str, runs: str | None, asked: tuple[Any, ...], random_labels: bool
) -> tuple[Subject, Any, Path]:
    from pellucid.inside.given import Asked, of_run, with_shuffled_labels
    from pellucid.train.runs import load

    run = load(target, runs=runs)
    subject = of_run(run, Asked(*asked))
    if random_labels:
        subject = with_shuffled_labels(subject, run)
    about = {
        "target": run.name,
        "dataset": run.recipe.dataset,
        "net": run.recipe.net,
        "task": run.recipe.task,
    }
    return subject, about, run.folder / "look"


def _of_factory(
    target: str,
    weights: str | None,
    pictures: str | None,
    standardised: bool,
    asked: tuple[Any, ...],
) -> tuple[Subject, Any, Path]:
    from pellucid.inside.given import Asked
    from pellucid.inside.own import of_factory

    subject = of_factory(target, weights, pictures, standardised, Asked(*asked))
    about = {"target": target, "dataset": pictures, "net": target, "task": "classify"}
    return subject, about, Path(f"look-{target.rpartition(':')[2]}")


def _told(voice: Voice) -> Any:
    """Say on standard error which instrument is at work: some take seconds."""

    def tell(name: str, seconds: float | None) -> None:
        if seconds is not None:
            voice.log.print(f"  {name:<22} {seconds:6.1f} s", markup=False)

    return tell


def _list(voice: Voice, subject: Subject) -> dict[str, Any]:
    from pellucid.inside.looking import INSTRUMENTS
    from pellucid.inside.points import points_of
    from pellucid.inside.subject import undisturbed

    rows = table("instrument", "what it tells")
    for name, line in INSTRUMENTS.menu().items():
        rows.add_row(name, line)
    voice.people.print(rows)
    with undisturbed(subject.network, subject.seed):
        points = points_of(subject.network, subject.shown[:1], subject.layers)
    layers = table("layer", "kind", "units", "cells", right=("units",))
    for point in points:
        layers.add_row(point.title, point.kind, str(point.units), f"{point.rows} × {point.columns}")
    voice.people.print(layers)
    return {
        "instruments": INSTRUMENTS.names(),
        "layers": [{"name": point.title, "kind": point.kind, "units": point.units,
                    "rows": point.rows, "columns": point.columns} for point in points],
    }  # fmt: skip


def _page(
    voice: Voice, folder: Path, found: dict[str, Any], only: list[str], open_page: bool
) -> None:
    """Draw the page; of instruments that were asked for, say what did not apply."""
    from pellucid.report.inside.page import write

    path = write(folder)
    for instrument in found["instruments"]:
        for sentence in instrument["skipped"] if instrument["name"] in only else []:
            voice.log.print(f"{instrument['name']}: {sentence}", markup=False, soft_wrap=True)
    size = path.stat().st_size / 1e6
    voice.people.print(f"Page:  {path} ({size:.1f} MB)", markup=False, soft_wrap=True)
    voice.record({**found, "folder": str(folder), "page": str(path)})
    if open_page:
        typer.launch(path.resolve().as_uri())
