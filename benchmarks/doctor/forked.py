"""Runs programs in forked processes: torch is imported once, a run costs its training time."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import importlib
import json
import os
import pkgutil
import random
import runpy
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

BARE, DOCTOR, RIVALS, MENDED = "bare", "doctor", "rivals", "mended"
LONGEST = 300
"""Seconds after which a run is ended: a program trains in three, probes may add to it."""
Record = dict[str, Any]


def load() -> None:
    """Import in this process what the forked ones need: all of the doctor, and what it loads late.

    A module that is imported in the midst of a run would cost its time there, and may draw random
    numbers (rich does).
    """
    import torch
    import torch._dynamo  # an optimiser's first step imports it, which takes longer than a training
    import torch.utils.data

    import pellucid.cli.commands.doctor
    import pellucid.cli.main
    import pellucid.cli.output
    import pellucid.doctor
    import pellucid.watch

    importlib.import_module("rich.themes")
    for part in (pellucid.watch, pellucid.doctor):
        for module in pkgutil.walk_packages(part.__path__, f"{part.__name__}."):
            importlib.import_module(module.name)
    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()  # what is here stays where it is: forked processes share its memory


def run(folder: Path, arguments: list[str], way: str, options: list[str]) -> Record:
    """Run `train.py` in a folder; what is returned can be written as JSON.

    `way` says who watches: nobody, the doctor through its own command, or the published rules; or
    that a cure is applied, whose name and numbers are the options.
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
        "stderr": _text(folder / "stderr")[-6000:],
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
    before = {path.name for path in Path.cwd().iterdir()}
    with _own_steps() as seen:
        if way == BARE:
            code = _plain(arguments)
        elif way == DOCTOR:
            code = _command(arguments, options)
            with contextlib.suppress(OSError, ValueError):
                record["doctor"] = json.loads(Path("findings.json").read_text())
        elif way == MENDED:
            from pellucid.doctor.mend.cures import CURES

            name, numbers = options
            with CURES[name][1](json.loads(numbers)):
                code = _plain(arguments)
        else:
            from doctor.rivals import Collector

            collector = Collector()
            with collector.watching():
                code = _plain(arguments)
            record["rivals"] = collector.verdicts()
    record |= {"exit_code": code, "hash": _state(seen, before)}
    Path("record.json").write_text(json.dumps(record))
    return 0


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


@dataclass
class Seen:
    """What is compared: the program's own optimisers, kept alive, and the random states."""

    optimisers: dict[int, Any] = field(default_factory=dict)
    random: dict[str, bytes] = field(default_factory=dict)
    """As they were after the program's last step: what the doctor tries later may draw numbers."""


@contextlib.contextmanager
def _own_steps() -> Iterator[Seen]:
    """Notes each step that the program itself takes."""
    import numpy as np
    import torch
    from torch.optim import optimizer

    seen = Seen()

    def note(optimiser: Any, *_: Any) -> None:
        if _program_is_at_work():
            seen.optimisers[id(optimiser)] = optimiser
            seen.random = {
                "torch": torch.get_rng_state().numpy().tobytes(),
                "python": repr(random.getstate()).encode(),
                "numpy": repr(np.random.get_state()).encode(),
            }

    handle = optimizer.register_optimizer_step_post_hook(note)
    try:
        yield seen
    finally:
        handle.remove()


def _program_is_at_work() -> bool:
    """Whether a line of `train.py` called for this; a probe after its end was not called by it."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if Path(frame.f_code.co_filename).name == "train.py":
            return True
        frame = frame.f_back
    return False


def _state(seen: Seen, before: set[str]) -> dict[str, str]:
    """Hashes of the final weights, of the files the program wrote, and of all random states."""
    weights, files = hashlib.sha256(), hashlib.sha256()
    for optimiser in seen.optimisers.values():
        for group in optimiser.param_groups:
            for weight in group["params"]:
                weights.update(weight.detach().float().cpu().numpy().tobytes())
    own = {"stdout", "stderr", "findings.json", "record.json", "__pycache__"}
    for path in sorted(Path.cwd().iterdir()):
        if path.name not in before | own and path.is_file():
            files.update(path.name.encode())
            files.update(path.read_bytes())
    found = {name: hashlib.sha256(state).hexdigest() for name, state in seen.random.items()}
    return found | {"weights": weights.hexdigest(), "files": files.hexdigest()}
