"""The doctor's development corpus: every planted fault applies, programs run and print a metric."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from doctor.material import files_of, write
from doctor.mutant import DoesNotApply, Mutant, mutants_of, program_text, programs, source, traps
from doctor.rivals import Collector, StepSeen, autotrainer, deeplocalize
from doctor.score import told_after, wilson
from scipy.stats import binomtest

ROOT = Path(__file__).resolve().parents[2]
NAMES = {path.stem.replace("_", "-") for path in (ROOT / "src/pellucid/doctor").rglob("*.py")}


@pytest.mark.parametrize("program", programs())
def test_every_planted_fault_changes_the_program_or_its_files(program: str) -> None:
    whole, files = program_text(program), files_of(program)
    for mutant in mutants_of(program):
        text = mutant.text(whole)
        compile(text, mutant.key, "exec")
        assert (text != whole) == (mutant.place == "source"), mutant.key
        assert (mutant.change is None) == (mutant.place == "source"), mutant.key
        if mutant.change is not None:
            changed = mutant.files()
            assert any(differ(changed[name], files[name]) for name in files), mutant.key


def differ(changed: dict[str, Any], healthy: dict[str, Any]) -> bool:
    """Whether two files hold different values."""
    return any(
        not np.array_equal(np.asarray(changed[key]), np.asarray(value))
        for key, value in healthy.items()
    )


def test_a_replacement_that_is_not_there_is_told() -> None:
    with pytest.raises(DoesNotApply):
        source("graph-cut", "", ("not in the program", "")).text(program_text("digits_mlp"))


@pytest.mark.parametrize("trap", traps())
def test_every_trap_is_python_and_has_its_files(trap: str) -> None:
    compile(program_text(trap), trap, "exec")
    assert isinstance(files_of(trap), dict)


@pytest.mark.parametrize(("hits", "of"), [(8, 10), (0, 7), (19, 20)])
def test_wilsons_interval_is_scipys(hits: int, of: int) -> None:
    theirs = binomtest(hits, of).proportion_ci(method="wilson")
    assert wilson(hits, of) == pytest.approx((theirs.low, theirs.high), abs=1e-4)


def test_when_a_finding_was_known_is_read_from_what_the_doctor_said() -> None:
    said = "PROVEN  graph-cut  train.py:7, in run  (after 1,010 steps; more at the end)\n"
    assert told_after(said) == {"graph-cut": 1010}
    assert told_after("PROVEN  graph-cut  train.py:7, in run\n") == {}


def test_the_published_rules_find_what_they_were_made_for() -> None:
    seen = Collector()
    seen.steps = [StepSeen(loss=1.0 / n, gradients=[1.0 / n], weights=[n]) for n in range(1, 40)]
    assert deeplocalize(seen) == []
    seen.steps[7].loss = float("nan")
    assert deeplocalize(seen) == ["not finite"]
    for step in seen.steps:
        step.loss, step.gradients = 1.0, [1e-9, 1.0]
    assert autotrainer(seen) == ["vanishing"]


def last_line(mutant: Mutant, folder: Path) -> str:
    """What a mutant prints last, run as a user would run it."""
    (folder / "train.py").write_text(mutant.text(program_text(mutant.program)))
    write(mutant.files(), folder)
    done = subprocess.run(
        [sys.executable, "train.py", "--seed", "1"],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize("label", ["source-never steps", "config-lr 2"])
def test_a_mutant_runs_and_learns_next_to_nothing(label: str, tmp_path: Path) -> None:
    mutant = next(found for found in mutants_of("digits_mlp") if found.key.endswith(label))
    word, value = last_line(mutant, tmp_path).split()
    assert word == "metric"
    assert float(value) < 0.5
