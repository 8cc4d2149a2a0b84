"""List, show, compare, resume and delete runs."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer

from pellucid.base.errors import WrongUse
from pellucid.base.records import Record
from pellucid.cli.output import JsonPath, RunsFolder, Voice, table
from pellucid.train.folders import (
    GIVEN,
    RunFolder,
    all_runs,
    find,
    overview,
    remove,
    runs_folder,
    sweep,
)
from pellucid.train.recipe import of_task
from pellucid.train.verdict import short_metric

app = typer.Typer(
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog="Example:  pellucid runs list",
)

RunName = Annotated[str, typer.Argument(metavar="RUN", help="A run's name or folder.")]


@app.callback()
def menu(context: typer.Context) -> None:
    """List, show, compare, resume and delete runs."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("list", epilog="Example:  pellucid runs list --runs experiments")
def list_runs(runs: RunsFolder = None, json: JsonPath = None) -> None:
    """Every run with its result, the oldest first.

    A damaged run is named, and the others are listed all the same.
    """
    voice = Voice(json)
    place = runs_folder(runs)
    if runs is not None and not place.is_dir():
        raise WrongUse("--runs", f"no folder {place}", "a folder with runs", "check its name")
    sweep(place)
    rows = [overview(run) for run in all_runs(runs)]
    if rows:
        _print_list(voice, rows)
    else:
        voice.people.print(f"No runs in {place}. Make one with:  pellucid train digits")
    voice.record({"folder": str(place), "runs": rows})


def _print_list(voice: Voice, rows: list[Record]) -> None:
    heads = ("Run", "What", "Epochs", "Result", "State", "Age", "MB")
    shown = table(*heads, right=("Epochs", "Age", "MB"))
    for column in shown.columns:
        column.no_wrap = column.header != "What"
    shown.columns[0].min_width = max(len(row["name"]) for row in rows)  # to be typed, so whole
    for row in rows:
        epochs = "–" if row["epochs"] is None else f"{row['epochs']}/{row['of_epochs']}"
        age, size = _age(time.time() - row["changed"]), f"{row['bytes'] / 1e6:.1f}"
        shown.add_row(row["name"], _what(row), epochs, _judged(row), row["state"], age, size)
    voice.people.print(shown)
    if any(row["split"] == "validation" for row in rows):
        voice.people.print("v: judged on validation; the test set is still sealed")
    for row in rows:
        if row["fault"]:
            voice.people.print(f"Damaged: {row['name']}: {row['fault']}", markup=False)


def _what(row: Record) -> str:
    """`convnet on digits`, and the task where it is not the usual one."""
    if row["net"] is None:
        return "–"
    return f"{row['net']} on {row['dataset']}{of_task(row['task'])}"


def _judged(row: Record) -> str:
    """`97.2 % (94.9–98.5)`, and a `v` where that is on validation."""
    if row["metric"] is None:
        return "–"
    scale, digits, unit = _SHORT.get(row["metric"], (1, 3, ""))
    value, low, high = (f"{scale * row[key]:.{digits}f}" for key in ("value", "low", "high"))
    return f"{value}{unit} ({low}–{high})" + (" v" if row["split"] == "validation" else "")


_SHORT = {"accuracy": (100, 1, " %"), "psnr_db": (1, 2, " dB"), "nats": (1, 3, " nats")}
"""Metric → its factor, digits and unit in a narrow column."""


def _age(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"


@app.command(epilog="Example:  pellucid runs show digits-convnet-1")
def show(run: RunName, runs: RunsFolder = None, json: JsonPath = None) -> None:
    """All about one run.

    Verdict, epochs, recipe, looks at the test set, environment, notes.
    """
    voice = Voice(json)
    found = RunFolder(find(run, runs))
    record = _about(found)
    _print_verdict(voice, found, record)
    _print_epochs(voice, record)
    _print_recipe(voice, record["recipe"])
    _print_rest(voice, record)
    voice.record(record)


def _about(run: RunFolder) -> Record:
    notes = run.folder / "notes.md"
    return {
        "name": run.name,
        "folder": str(run.folder),
        "state": run.state,
        "bytes": run.bytes,
        "recipe": run.recipe.as_record(),
        "epochs": run.metrics,
        "result": run.result if run.finished else None,
        "looks": run.looks,
        "environment": run.environment,
        "notes": notes.read_text(encoding="utf-8", errors="replace") if notes.is_file() else "",
    }


def _print_verdict(voice: Voice, run: RunFolder, record: Record) -> None:
    voice.people.print(f"{run.name} ({record['state']})", style="bold", markup=False)
    if record["result"] is None:
        going_on = "a process is training it at the moment."
        resumed = f"it was stopped. Go on with:  pellucid runs resume {run.name}"
        told = going_on if record["state"] == "training" else resumed
        voice.people.print(f"No result yet: {told}", markup=False)
        return
    words = record["result"]["verdict"]
    for sentence in (words["headline"], *words["sentences"]):
        voice.people.print(sentence, markup=False)
    for step in words["next"]:
        voice.people.print(f"  • {step}", markup=False)


def _print_epochs(voice: Voice, record: Record) -> None:
    if not record["epochs"]:
        voice.people.print("No epoch has ended yet.")
        return
    metric = next(key for key in record["epochs"][0]["validation"] if key not in _NOT_A_METRIC)
    best = (record["result"] or {}).get("best_epoch")
    heads = ("Epoch", "Train loss", "Validation loss", f"Validation {metric}", "Seconds", "Rate")
    rows = table(*heads, "", right=heads)
    for row in record["epochs"]:
        validation = row["validation"]
        rows.add_row(
            str(row["epoch"]),
            f"{row['train']['loss']:.4f}",
            f"{validation['loss']:.4f}",
            short_metric(metric, validation[metric]),
            f"{row['seconds']:.1f}",
            f"{row['learning_rate']:.2g}",
            "best" if row["epoch"] == best else "",
        )
    voice.people.print(rows)


_NOT_A_METRIC = ("low", "high", "loss")


def _print_recipe(voice: Voice, recipe: Record) -> None:
    settings = dict(recipe["settings"])
    flat = {key: value for key, value in recipe.items() if key != "settings"} | settings
    words = (f"{name} {_plain(value)}" for name, value in flat.items())
    voice.people.print("Recipe:  " + ", ".join(words), markup=False)


def _plain(value: object) -> str:
    if isinstance(value, list | tuple):
        return " ".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _print_rest(voice: Voice, record: Record) -> None:
    looks, about = record["looks"], record["environment"]
    voice.people.print(f"\nLooks at the test set: {len(looks)}")
    for look in looks:
        told = f"  {look['time']}  {look['examples']:,} examples: {look['reason']}"
        voice.people.print(told, markup=False)
    voice.people.print(
        f"Trained on {about.get('device')} ({about.get('processor')}, {about.get('threads')} "
        f"threads) with Pellucid {about.get('pellucid')}, PyTorch {about.get('torch')}, Python "
        f"{about.get('python')}; begun {about.get('started')}",
        markup=False,
    )
    voice.people.print(
        f"Folder:  {record['folder']} ({record['bytes'] / 1e6:.1f} MB)", markup=False
    )
    if record["notes"].strip():
        voice.people.print("Notes:\n" + record["notes"].rstrip(), markup=False)


@app.command(epilog="Example:  pellucid runs compare digits-dense-1 digits-convnet-1")
def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="A run's name or folder.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another run's.")],
    on: Annotated[
        str | None,
        typer.Option(help="test or validation (default: test, if both were judged on it)."),
    ] = None,
    runs: RunsFolder = None,
    json: JsonPath = None,
) -> None:
    """Two runs: what they do differently, and what came of it.

    The difference of their results stands with its 95 % interval, from the answers that both
    gave to the same examples.
    """
    from pellucid.cli.comparison import print_comparison
    from pellucid.lab.compare import compare as compare_runs

    if on not in (None, "test", "validation"):
        raise WrongUse("--on", repr(on), "test or validation", "--on validation")
    voice = Voice(json)
    made = compare_runs(RunFolder(find(a, runs)), RunFolder(find(b, runs)), on)
    print_comparison(voice, made)
    voice.record(made.as_record())
    if made.refusal is not None:
        voice.log.print(str(made.refusal), markup=False, soft_wrap=True)
        raise typer.Exit(made.refusal.exit_code)


@app.command(epilog="Example:  pellucid runs resume digits-convnet-1")
def resume(run: RunName, runs: RunsFolder = None, json: JsonPath = None) -> None:
    """Go on with a run that was stopped.

    It ends in the same bits as if it had never been stopped.
    """
    folder = RunFolder(find(run, runs))
    _check_resumable(folder)
    from pellucid.cli.ending import Ending
    from pellucid.cli.progress import ProgressDisplay
    from pellucid.data.load import load as load_data
    from pellucid.train.fit import data_settings
    from pellucid.train.fit import resume as go_on
    from pellucid.train.runs import load

    voice, loaded = Voice(json), load(folder.folder)
    data = load_data(loaded.recipe.dataset, **data_settings(loaded.recipe))
    display = ProgressDisplay(voice.log, loaded.task.metric)
    try:
        go_on(loaded, [display, Ending(voice, data)], data)
    finally:
        display.stop()


def _check_resumable(run: RunFolder) -> None:
    recipe = run.recipe
    if run.state == "finished":
        raise WrongUse(
            f"run {run.name}",
            f"a finished run ({len(run.metrics)} of {recipe.epochs} epochs)",
            "an interrupted or unfinished run",
            f"to train longer, start a new run with --epochs {2 * recipe.epochs}",
        )
    if recipe.net.startswith(GIVEN):
        raise WrongUse(
            f"run {run.name}",
            f"a network that was handed over as an object ({recipe.net})",
            "a network that can be built by name",
            "resume it in Python: pellucid.train.fit.resume(pellucid.load(run, network=…))",
        )


@app.command(epilog="Example:  pellucid runs rm digits-convnet-1 --yes")
def rm(
    names: Annotated[list[str], typer.Argument(metavar="RUN…", help="Names or folders of runs.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    runs: RunsFolder = None,
    json: JsonPath = None,
) -> None:
    """Delete runs with all their files, after asking."""
    voice = Voice(json)
    folders = list(dict.fromkeys(find(name, runs, whole=False).resolve() for name in names))
    found = [RunFolder(folder) for folder in folders]
    if not yes and not _confirmed(voice, found):
        voice.log.print("Nothing was deleted.")
        raise typer.Exit(1)
    freed = {run.name: run.bytes for run in found}
    for run in found:
        remove(run)
        voice.people.print(f"Deleted {run.folder}", markup=False)
    voice.record({"deleted": list(freed), "bytes": sum(freed.values())})


def _confirmed(voice: Voice, runs: list[RunFolder]) -> bool:
    if not sys.stdin.isatty():
        raise WrongUse(
            "pellucid runs rm",
            "no terminal to ask in",
            "an answer before runs are deleted",
            "add --yes if you are sure",
        )
    for run in runs:
        row = overview(run)
        told = f"{row['name']}: {row['state']}, {_judged(row)}, {row['bytes'] / 1e6:.1f} MB"
        voice.log.print(told, markup=False)
    try:
        answer = voice.log.input(f"Delete {'this run' if len(runs) == 1 else 'these runs'}? [y/N] ")
    except EOFError:
        return False
    return answer.strip().lower() in ("y", "yes")
