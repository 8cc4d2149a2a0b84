"""Runs programs in forked processes: torch is imported once, a run costs its training time."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import json
import os
import random
import runpy
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BARE, DOCTOR, RIVALS = "bare", "doctor", "rivals"
LONGEST = 300
"""Seconds after which a run is ended: a program trains in three, probes may add to it."""
Record = dict[str, Any]


def load() -> None:
    """Import in this process what the forked ones need."""
    import torch
    import torch._dynamo  # an optimiser's first step imports it, which takes longer than a training
    import torch.utils.data

    from pellucid.doctor.diagnosis import DIAGNOSES

    torch.set_num_threads(1)
    for name in DIAGNOSES.names():
        DIAGNOSES.load(name)
    gc.collect()
    gc.freeze()  # what is here stays where it is: forked processes share its memory


def run(folder: Path, arguments: list[str], way: str, options: list[str]) -> Record:
    """Run `train.py` in a folder; what is returned can be written as JSON.

    `way` says who watches: nobody, the doctor through its own command, or the published rules.
    """
    begun = time.perf_counter()
    child = os.fork()
    if child == 0:
        _child(folder, arguments, way, options)
    _, status, used = os.wait4(child, 0)
    seconds = time.perf_counter() - begun
    try:
        record = json.loads((folder / "record.json").read_text())
    except (OSError, ValueError):
        record = {"exit_code": None, "hash": None}
    record |= {
        "seconds": round(seconds, 3),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 3),
        "status": status,
        "stdout": _text(folder / "stdout"),
        "stderr": _text(folder / "stderr")[-3000:],
    }
    record["metric"] = metric_of(record["stdout"])
    return record


def metric_of(stdout: str) -> float | None:
    """The number in the last line `metric …`, or nothing if it is not there or not finite."""
    for line in reversed(stdout.splitlines()):
        if line.startswith("metric "):
            value = float(line.split()[1])
            return value if abs(value) < float("inf") else None
    return None


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace") if path.exists() else ""


def _child(folder: Path, arguments: list[str], way: str, options: list[str]) -> None:
    """The forked process: never returns."""
    code = 70
    try:
        signal.alarm(LONGEST)
        os.chdir(folder)
        for number, name in ((1, "stdout"), (2, "stderr")):
            target = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(target, number)
        code = _watched(arguments, way, options)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _watched(arguments: list[str], way: str, options: list[str]) -> int:
    record: Record = {}
    _same_start()
    with _state_at_the_end(record):
        if way == BARE:
            code = _plain(arguments)
        elif way == DOCTOR:
            code = _command(arguments, options)
            with contextlib.suppress(OSError, ValueError):
                record["doctor"] = json.loads(Path("findings.json").read_text())
        else:
            from doctor.rivals import Collector

            collector = Collector()
            with collector.watching():
                code = _plain(arguments)
            record["rivals"] = collector.verdicts()
    record["exit_code"] = code
    Path("record.json").write_text(json.dumps(record))
    return 0


@contextlib.contextmanager
def _state_at_the_end(record: Record) -> Iterator[None]:
    """Takes the state when the program itself has ended, whoever runs it: probes come later."""
    before = {path.name for path in Path.cwd().iterdir()}
    whole = runpy.run_path

    def run_path(*args: Any, **named: Any) -> Any:
        with _optimisers() as seen:
            try:
                return whole(*args, **named)
            finally:
                record["hash"] = _state(seen, before)

    runpy.run_path = run_path
    try:
        yield
    finally:
        runpy.run_path = whole


def _same_start() -> None:
    """Every run begins with the same random states: a fork seeds Python's own generator anew."""
    import numpy as np

    random.seed(0)
    np.random.seed(0)


def _plain(arguments: list[str]) -> int:
    """As `python train.py …` does."""
    sys.argv = ["train.py", *arguments]
    sys.path[0:1] = [str(Path.cwd())]
    try:
        runpy.run_path("train.py", run_name="__main__")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except Exception:
        traceback.print_exc()
        return 1
    return 0


def _command(arguments: list[str], options: list[str]) -> int:
    """As `pellucid doctor --json findings.json train.py …` does."""
    from pellucid.cli.main import main

    sys.argv = ["pellucid"]
    try:
        main(["doctor", "--json", "findings.json", *options, "train.py", *arguments])
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


@contextlib.contextmanager
def _optimisers() -> Iterator[dict[int, Any]]:
    """Every optimiser that took a step, kept alive: its weights are hashed at the end."""
    from torch.optim import optimizer

    seen: dict[int, Any] = {}
    handle = optimizer.register_optimizer_step_post_hook(
        lambda optimiser, *_: seen.setdefault(id(optimiser), optimiser) and None
    )
    try:
        yield seen
    finally:
        handle.remove()


def _state(seen: dict[int, Any], before: set[str]) -> dict[str, str]:
    """Hashes of the final weights, of the files the program wrote, and of all random states."""
    import numpy as np
    import torch

    weights, files = hashlib.sha256(), hashlib.sha256()
    for optimiser in seen.values():
        for group in optimiser.param_groups:
            for weight in group["params"]:
                weights.update(weight.detach().float().cpu().numpy().tobytes())
    own = {"stdout", "stderr", "findings.json", "record.json", "__pycache__"}
    for path in sorted(Path.cwd().iterdir()):
        if path.name not in before | own and path.is_file():
            files.update(path.name.encode())
            files.update(path.read_bytes())
    states = {
        "torch": torch.get_rng_state().numpy().tobytes(),
        "python": repr(random.getstate()).encode(),
        "numpy": repr(np.random.get_state()).encode(),
    }
    found = {name: hashlib.sha256(state).hexdigest() for name, state in states.items()}
    return found | {"weights": weights.hexdigest(), "files": files.hexdigest()}
