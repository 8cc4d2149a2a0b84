"""A training that is killed, stopped or out of space goes on to the bits of an undisturbed one."""

from __future__ import annotations

import errno
import multiprocessing
import os
import random
import signal
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import torch

from pellucid.base.errors import BadData
from pellucid.data.dataset import Dataset
from pellucid.train.checkpoint import load_tensors
from pellucid.train.fit import Sitting, resume
from pellucid.train.runs import Run
from pellucid.train.watcher import Training, Watcher
from sitting import RECIPE, sit

KILLS = 20


def begin_sitting(folder: Path) -> BaseProcess:
    """Train in a child of a clean server process, which has torch imported and forks quickly."""
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(["pellucid.train.fit", "pellucid.nets.dense", "sitting"])
    process = forks.Process(target=sit, args=(str(folder),))
    process.start()
    return process


def checkpoint(run: Run, name: str) -> dict[str, torch.Tensor]:
    return load_tensors(run.folder / "checkpoints" / f"{name}.safetensors")[0]


def outcome(folder: Path) -> dict[str, object]:
    """All that must be the same: weights of every checkpoint, metrics and result but for time."""
    run = Run(folder / "run")
    names = ("last", "best", "epoch-0001", "epoch-0006")
    tensors = {
        f"{name}/{key}": value.numpy().tobytes()
        for name in names
        for key, value in checkpoint(run, name).items()
    }
    rows = [{**row, "seconds": 0} for row in run.metrics]
    judged = {key: run.result[key] for key in ("validation", "test", "best_epoch", "steps")}
    return {"tensors": tensors, "metrics": rows, "judged": judged}


def test_a_run_killed_at_random_moments_ends_in_the_same_bits(tmp_path: Path) -> None:
    for name in ("warm", "calm"):
        begun = time.perf_counter()
        process = begin_sitting(tmp_path / name)
        process.join()
        duration = time.perf_counter() - begun
        assert process.exitcode == 0
    expected = outcome(tmp_path / "calm")
    chance = random.Random(0)
    killed = sitting = 0
    folder = tmp_path / "disturbed-0"
    while killed < KILLS:
        process = begin_sitting(folder)
        process.join(chance.uniform(0.0, duration))
        if process.exitcode is None:
            process.kill()
            process.join()
            killed += 1
        else:
            assert process.exitcode == 0
            assert outcome(folder) == expected
            sitting += 1
            folder = tmp_path / f"disturbed-{sitting}"
    process = begin_sitting(folder)
    process.join()
    assert process.exitcode == 0
    assert outcome(folder) == expected
    assert not list(tmp_path.rglob(".*")), "what the kills left is swept away"


class StopAt(Watcher):
    """Presses Ctrl-C after a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step(self, training: Training) -> None:
        if training.progress.step == self.step:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("step", [1, 30, 48, 100])
def test_ctrl_c_leaves_a_usable_result_and_resume_ends_in_the_same_bits(
    tmp_path: Path, step: int, dataset: Dataset
) -> None:
    Sitting(RECIPE, dataset).start(tmp_path / "calm", "run", [], look_at_test=True)
    run = Sitting(RECIPE, dataset).start(tmp_path / "cut", "run", [StopAt(step)], look_at_test=True)
    assert run.result["stopped"] == "interrupted"
    assert run.result["steps"] == step
    assert 0 <= run.result["test"]["accuracy"] <= 1
    assert not Run(run.folder).network.training
    resume(Run(run.folder), dataset=dataset)
    assert outcome(tmp_path / "cut") == outcome(tmp_path / "calm")
    assert len(Run(run.folder).looks) == 2  # the interrupted verdict was a look, too


def test_a_full_disk_is_a_clear_error_and_the_earlier_files_stay_whole(
    tmp_path: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, room = os.fsync, [20]

    def fsync(handle: int) -> None:
        room[0] -= 1
        if room[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises(BadData, match="no space left"):
            Sitting(RECIPE, dataset).start(tmp_path / "full", "run", [], look_at_test=True)
    folder = tmp_path / "full" / "run"
    for path in folder.rglob("*.safetensors"):
        load_tensors(path)
    assert not list(folder.rglob(".*")), "temporary files are cleared away"
    resume(Run(folder), dataset=dataset)
    Sitting(RECIPE, dataset).start(tmp_path / "calm", "run", [], look_at_test=True)
    assert outcome(tmp_path / "full") == outcome(tmp_path / "calm")
