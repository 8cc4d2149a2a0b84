"""A run's folder appears whole, is never given twice, and one process works in it at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pellucid.base.errors import WrongUse
from pellucid.data.dataset import Dataset
from pellucid.train.fit import Sitting, resume
from pellucid.train.folders import RunFolder, all_runs, new_folder, remove
from pellucid.train.lock import LOCK, alone
from pellucid.train.recipe import Recipe
from pellucid.train.runs import Run
from pellucid.train.watcher import Training, Watcher
from sitting import RECIPE

BARS = Recipe(dataset="bars", net="dense")


def paper(folder: Path) -> None:
    (folder / "recipe.json").write_text("{}")


def test_a_folder_and_its_first_files_appear_together(tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def write(folder: Path) -> None:
        paper(folder)
        seen.append([run.name for run in all_runs(tmp_path)])
        assert not (tmp_path / "mine").exists()

    assert new_folder(BARS, tmp_path, "mine", write) == tmp_path / "mine"
    assert seen == [[]]
    assert [run.name for run in all_runs(tmp_path)] == ["mine"]
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_what_fails_before_it_has_its_name_leaves_nothing(tmp_path: Path) -> None:
    def write(folder: Path) -> None:
        paper(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        new_folder(BARS, tmp_path, None, write)
    assert not list(tmp_path.iterdir())


def test_a_run_that_comes_in_between_keeps_its_name(tmp_path: Path) -> None:
    def write(folder: Path) -> None:
        paper(folder)
        rival = tmp_path / "bars-dense-1"
        rival.mkdir()
        (rival / "recipe.json").write_text("rival")

    assert new_folder(BARS, tmp_path, None, write) == tmp_path / "bars-dense-2"
    assert (tmp_path / "bars-dense-1" / "recipe.json").read_text() == "rival"
    with pytest.raises(WrongUse, match="that is there already"):
        new_folder(BARS, tmp_path, "bars-dense-2", paper)


class Meddle(Watcher):
    """Tries to go on with and to delete the run that is being trained."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.told: list[str] = []

    def on_epoch(self, training: Training, row: object) -> None:
        before = sorted(Path(training.folder).rglob("*"))
        for meddle in (
            lambda: resume(Run(Path(training.folder)), dataset=self.dataset),
            lambda: remove(RunFolder(Path(training.folder))),
        ):
            with pytest.raises(WrongUse) as caught:
                meddle()
            self.told.append(caught.value.found)
        assert sorted(Path(training.folder).rglob("*")) == before


def test_a_run_that_is_being_trained_is_neither_resumed_nor_deleted(
    tmp_path: Path, dataset: Dataset
) -> None:
    meddle = Meddle(dataset)
    recipe = RECIPE.with_changes({"epochs": 1})
    run = Sitting(recipe, dataset).start(tmp_path, "run", [meddle], look_at_test=False)
    assert meddle.told == [f"process {os.getpid()}, which is training it"] * 2
    assert not (run.folder / LOCK).exists()
    remove(run)
    assert not run.folder.exists()


def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from pellucid.train.lock import alone\n"
        "with alone(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert (tmp_path / LOCK).exists()
    with alone(tmp_path):
        pass
    assert not (tmp_path / LOCK).exists()
