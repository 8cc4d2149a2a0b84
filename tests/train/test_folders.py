"""A run's folder appears whole, is never given twice, and one process works in it at a time."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from pellucid.base.errors import WrongUse
from pellucid.data.dataset import Dataset
from pellucid.train import lock
from pellucid.train.fit import Sitting, resume
from pellucid.train.folders import OWNER, RunFolder, all_runs, new_folder, remove, sweep
from pellucid.train.lock import LOCK, alone, holding, is_held
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


KILLED_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
from pellucid.train.folders import new_folder
from pellucid.train.recipe import Recipe

def write(folder):
    (folder / "recipe.json").write_text("{}")
    os.kill(os.getpid(), signal.SIGKILL)

new_folder(Recipe(), Path(sys.argv[1]), None, write)
"""


def test_what_a_kill_before_the_name_leaves_is_swept_by_the_next_run(tmp_path: Path) -> None:
    killed = [sys.executable, "-c", KILLED_WHILE_WRITING, str(tmp_path)]
    subprocess.run(killed, check=False)
    assert len(list(tmp_path.iterdir())) == 2  # the hidden folder, and the lock of its maker
    assert new_folder(BARS, tmp_path, "mine", paper) == tmp_path / "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_nothing_is_swept_that_is_being_written_or_that_somebody_else_put_there(
    tmp_path: Path,
) -> None:
    for name in (".git", ".0123456789abcdef", ".fedcba9876543210", ".0123"):
        (tmp_path / name).mkdir()
        paper(tmp_path / name)
    with holding(tmp_path / f".0123456789abcdef{OWNER}"):
        sweep(tmp_path)
        left = {path.name for path in tmp_path.iterdir() if path.is_dir()}
        assert left == {".git", ".0123456789abcdef", ".0123"}
    sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {".git", ".0123"}


def test_a_folder_of_runs_that_is_not_there_is_swept_without_a_word(tmp_path: Path) -> None:
    sweep(tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


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


def test_whether_a_run_is_locked_can_be_asked_without_leaving_a_trace(tmp_path: Path) -> None:
    assert not is_held(tmp_path)
    assert not list(tmp_path.iterdir())
    with alone(tmp_path):
        assert is_held(tmp_path)
        assert is_held(tmp_path)
    assert not is_held(tmp_path)
    (tmp_path / LOCK).write_text("1")  # a killed process leaves the file, not the lock
    assert not is_held(tmp_path)


def test_a_lock_on_a_file_that_was_deleted_meanwhile_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process ends, and deletes its lock file, between our opening and our locking."""
    real, opened = lock._is_free, []

    def late(file: object) -> bool:
        opened.append(file)
        if len(opened) == 1:
            (tmp_path / LOCK).unlink()
        return real(file)

    monkeypatch.setattr(lock, "_is_free", late)
    with alone(tmp_path):
        assert is_held(tmp_path)
    assert len(opened) == 3  # in vain, in earnest, and by the question


def as_on_windows(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module as it is read on Windows, whose `msvcrt` is played by `flock`."""
    import fcntl

    played = ModuleType("msvcrt")
    played.LK_NBLCK, played.LK_UNLCK = 2, 0

    def locking(handle: int, mode: int, count: int) -> None:
        assert (os.lseek(handle, 0, os.SEEK_CUR), count) == (1 << 20, 1)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB if mode == 2 else fcntl.LOCK_UN)
        except BlockingIOError as error:
            raise PermissionError(13, "Permission denied") from error

    played.locking = locking
    monkeypatch.setitem(sys.modules, "msvcrt", played)
    monkeypatch.setattr(sys, "platform", "win32")
    spec = importlib.util.spec_from_file_location("lock_on_windows", lock.__file__)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_the_lock_of_windows_keeps_a_second_process_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = as_on_windows(monkeypatch)
    with theirs.alone(tmp_path):
        assert theirs.is_held(tmp_path)
        with pytest.raises(WrongUse, match=f"process {os.getpid()}, which"), theirs.alone(tmp_path):
            pass
    assert not theirs.is_held(tmp_path)
    assert not (tmp_path / LOCK).exists()
    with theirs.alone(tmp_path):
        pass
