"""Run folders as they lie on disk: found, listed, read and deleted without loading PyTorch."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pellucid.base.errors import BadData, PellucidError, WrongUse, near_misses
from pellucid.base.records import Record, damaged, read_json, read_json_lines, writing
from pellucid.train.lock import LOCK, alone, holding, is_held
from pellucid.train.recipe import Recipe

if TYPE_CHECKING:
    from pellucid.data.dataset import Dataset

GIVEN = "given:"
"""How the recipe names a network that was handed over as an object, not by a name."""

OWNER = ".lock"
HIDDEN = re.compile(rf"\.[0-9a-f]{{16}}({re.escape(OWNER)})?")
"""What a run's folder is called until its first files are written, and the lock of its maker."""

MARKS = ("recipe.json", "data.json", "environment.json", "result.json", "checkpoints")
"""A folder that holds one of these is a run, whole or damaged."""


def runs_folder(folder: str | Path | None = None) -> Path:
    """Where runs are: `folder`, else the variable PELLUCID_RUNS, else `runs` in this folder."""
    return Path(folder or os.environ.get("PELLUCID_RUNS") or "runs")


class RunFolder:
    """What a training left on disk. Each file is read when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.folder)!r})"

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @cached_property
    def recipe(self) -> Recipe:
        """Every choice of the training."""
        path = self.folder / "recipe.json"
        record = read_json(path)
        try:
            return Recipe.from_record(record)
        except (TypeError, ValueError) as error:
            raise damaged(path, f"choices that make no recipe ({error})") from error

    @cached_property
    def data(self) -> Record:
        """What the run keeps of its data set: card, classes, shape, statistics."""
        return read_json(self.folder / "data.json")

    @property
    def environment(self) -> Record:
        """Versions, machine, device and start."""
        return read_json(self.folder / "environment.json")

    @property
    def metrics(self) -> list[Record]:
        """One record an epoch."""
        return read_json_lines(self.folder / "metrics.jsonl")

    @property
    def looks(self) -> list[Record]:
        """Every look at the test set."""
        return read_json_lines(self.folder / "looks.jsonl")

    @property
    def result(self) -> Record:
        """What the training came to, as `--json` tells it."""
        return read_json(self.folder / "result.json")

    @property
    def finished(self) -> bool:
        """Is there a result?"""
        return (self.folder / "result.json").is_file()

    @property
    def state(self) -> str:
        """`training` (a process is at it), `finished`, `interrupted` (stopped early, judged) or
        `unfinished` (no result yet)."""
        if is_held(self.folder):
            return "training"
        if not self.finished:
            return "unfinished"
        return "interrupted" if self.result.get("stopped") == "interrupted" else "finished"

    @property
    def bytes(self) -> int:
        """The size of all its files."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    @property
    def changed(self) -> float:
        """When one of its files was last written, in seconds since 1970."""
        return max(path.stat().st_mtime for path in (self.folder, *self.folder.iterdir()))


def find(run: str | Path, runs: str | Path | None = None, *, whole: bool = True) -> Path:
    """The folder of a run: the path `run` itself, or that name in the runs folder.

    Raises `WrongUse` with near misses if there is none, `BadData` if it holds no recipe; without
    `whole` a damaged run is found, too.
    """
    path = Path(run)
    places = [path, runs_folder(runs) / path]
    for folder in places:
        if (folder / "recipe.json").is_file() or (not whole and _is_marked(folder)):
            return folder
    for folder in places:
        if folder.is_dir() and path != Path():
            raise BadData(
                str(folder),
                "a folder without recipe.json",
                "a run's folder",
                "see: pellucid runs list",
            )
    close = near_misses(path.name, (entry.name for entry in all_runs(runs)))
    raise WrongUse(
        "run",
        repr(str(run)),
        f"the name of a run in {runs_folder(runs)}, or the path of one",
        f"did you mean {close[0]}?" if close else "see: pellucid runs list",
    )


def all_runs(folder: str | Path | None = None) -> list[RunFolder]:
    """Every run of a folder, the oldest first; damaged ones are among them."""
    place = runs_folder(folder)
    if not place.is_dir():
        return []
    found = [path for path in place.iterdir() if _is_marked(path)]
    return [RunFolder(path) for path in sorted(found, key=_begun)]


def _is_marked(folder: Path) -> bool:
    if folder.name.startswith("."):  # a run that was killed before it had its name
        return False
    return any((folder / mark).exists() for mark in MARKS)


def _begun(folder: Path) -> tuple[float, str]:
    recipe = folder / "recipe.json"
    return (recipe if recipe.is_file() else folder).stat().st_mtime, folder.name


def overview(run: RunFolder) -> Record:
    """One line of a list of runs. A damaged run has the state `damaged` and tells its `fault`."""
    row: Record = {"name": run.name, "bytes": run.bytes, "changed": run.changed, "fault": ""}
    try:
        recipe, rows = run.recipe, run.metrics
        row |= {"dataset": recipe.dataset, "net": recipe.net, "task": recipe.task}
        row |= {"epochs": len(rows), "of_epochs": recipe.epochs, "state": run.state}
        row |= _judged(run)
    except (PellucidError, KeyError, TypeError, AttributeError) as error:
        told = f"{error.where}: {error.found}" if isinstance(error, PellucidError) else repr(error)
        row |= {"state": "damaged", "fault": told}
    empty = ("dataset", "net", "task", "epochs", "of_epochs", "metric", "split")
    return {**dict.fromkeys((*empty, "value", "low", "high")), **row}


def _judged(run: RunFolder) -> Record:
    """The metric with its interval: on the test split, else on validation, else none."""
    if not run.finished:
        return {}
    result = run.result
    split = "test" if result.get("test") else "validation"
    judged, metric = result[split], result["metric"]
    bounds = {"low": judged["low"], "high": judged["high"]}
    return {"metric": metric, "split": split, "value": judged[metric], **bounds}


def new_folder(
    recipe: Recipe, folder: Path, name: str | None, write: Callable[[Path], None]
) -> Path:
    """Make a run folder, `<data>-<net>-<number>` or `name`, with the files that `write` writes.

    Folder and files appear together: a kill before that leaves no run, and what it leaves under
    the hidden name is swept away when the next one starts.
    """
    stem = name or _stem(recipe)
    made = folder / f".{secrets.token_hex(8)}"
    with writing(folder):
        if name and (folder / name).exists():
            raise _taken(folder / name)
        folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    with holding(_owner(made)):
        try:
            with writing(folder):
                made.mkdir()
            write(made)
            return _named(made, folder, stem, numbered=not name)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise


def sweep(folder: Path) -> None:
    """Delete what processes left that were killed before their run had its name."""
    if not folder.is_dir():
        return
    for path in list(folder.iterdir()):
        if HIDDEN.fullmatch(path.name):
            made = path.with_suffix("") if path.suffix == OWNER else path
            # where nothing may be written, what lies there does no harm
            with suppress(PellucidError), holding(_owner(made)) as other:
                if other is None:
                    shutil.rmtree(made, ignore_errors=True)


def _owner(made: Path) -> Path:
    """The lock of the process that writes `made`; beside it, as it gets another name."""
    return made.with_name(made.name + OWNER)


def _named(made: Path, folder: Path, stem: str, numbered: bool) -> Path:
    """Give the folder its name, or the first number that is free; another run is never replaced."""
    number = 1
    while True:
        path = folder / (f"{stem}-{number}" if numbered else stem)
        try:
            if not path.exists():
                return made.rename(path)
        except OSError as error:  # another training was quicker: a run with files is in the way
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                with writing(path):
                    raise
        if not numbered:
            raise _taken(path)
        number += 1


def _taken(path: Path) -> WrongUse:
    return WrongUse(
        "run",
        f"a folder {path} that is there already",
        "a new name",
        f"choose another --name, or delete it: pellucid runs rm {path.name}",
    )


def _stem(recipe: Recipe) -> str:
    net = (
        recipe.net.removeprefix(GIVEN)
        .replace(".py:", ":")
        .replace(":", "-")
        .replace(".", "-")
        .replace("/", "-")
    )
    words = [Path(recipe.dataset).stem or "data", net]
    if recipe.task not in ("classify", "next-symbol"):
        words.append(recipe.task)
    return "-".join(words).lower().replace(" ", "-")


def check_same_data(run: RunFolder, data: Dataset) -> None:
    """Refuse to go on with other data than the run began with."""
    now, then = data.as_record(), run.data
    for name in ("shape", "classes", "sizes", "mean", "std"):
        if now[name] != then[name]:
            raise BadData(
                f"run {run.name}, data {run.recipe.dataset}",
                f"{name} {now[name]}",
                f"{then[name]}, as when the run began",
                "restore the data as they were, or start a new run",
            )
    for split, mark in then.get("fingerprints", {}).items():
        if now["fingerprints"].get(split) != mark:
            raise BadData(
                f"run {run.name}, data {run.recipe.dataset}",
                f"other examples or labels in the {split} split",
                "those that it had when the run began",
                "restore the data as they were, or start a new run",
            )


def remove(run: RunFolder) -> None:
    """Delete a run's folder; `WrongUse` if a process trains in it."""
    with writing(run.folder):
        with alone(run.folder):
            for path in run.folder.iterdir():
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                elif path.name != LOCK:  # it goes with the block: Windows deletes no open file
                    path.unlink()
        run.folder.rmdir()
