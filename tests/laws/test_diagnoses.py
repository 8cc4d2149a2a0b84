"""The laws of a diagnosis: whatever file lies in `doctor/diagnoses/` is held to all of them.

It finds its sick script under its own name alone, leaves its healthy one, says where, shows
numbers, and prescribes; and the script's own output is the same with and without the doctor.
"""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pellucid.doctor.diagnosis import DIAGNOSES, ORDER, PROCEDURE, Diagnosis
from pellucid.doctor.examination import Examination, examine
from pellucid.doctor.finding import Finding
from pellucid.doctor.script import run_script
from pellucid.watch.trace import Trace

NAMES = DIAGNOSES.names()
PAGES = Path(__file__).resolve().parents[2] / "docs" / "doctor"


def diagnosis(name: str) -> type[Diagnosis]:
    kind: type[Diagnosis] = DIAGNOSES.load(name).DIAGNOSIS
    return kind


def run(text: str, folder: Path) -> Examination:
    """A script under the doctor, with as much time for trials as they take."""
    path = folder / "train.py"
    path.write_text(text)
    outcome = run_script(path, [])
    return examine(outcome.trace, outcome.captured, seconds=600)


def check_finds_the_sick(kind: type[Diagnosis], folder: Path) -> Finding:
    found = run(kind.SICK, folder).findings
    named = [f for f in found if f.is_alarm or f.name == kind.name()]
    assert [finding.name for finding in named] == [kind.name()]
    return named[0]


def check_leaves_the_healthy(kind: type[Diagnosis], folder: Path) -> None:
    found = run(kind.HEALTHY, folder)
    assert found.alarms == []
    assert kind.name() not in [finding.name for finding in found.findings]


@pytest.mark.parametrize("name", NAMES)
def test_the_sick_script_is_found_under_its_name_alone(name: str, tmp_path: Path) -> None:
    finding = check_finds_the_sick(diagnosis(name), tmp_path)
    assert finding.evidence
    assert any(letter.isdigit() for letter in "".join(finding.evidence))
    assert finding.prescription
    assert finding.where is not None
    assert finding.where.file.endswith("train.py")
    assert finding.where.text
    assert without_numbers(str(finding)) in without_numbers((PAGES / f"{name}.md").read_text())


def without_numbers(text: str) -> str:
    """Numbers may differ in their last digits from one machine to another."""
    return re.sub(r"-?\d[\d.,]*(e[+-]?\d+)?", "0", text)


def test_other_words_on_a_page_are_seen() -> None:
    said = "loss 0.8158 instead of 1.2e-05 (3 of 3)"
    assert without_numbers(said) == without_numbers("loss 0.82 instead of 13 (3 of 3)")
    assert without_numbers(said) != without_numbers("loss 0.8158 and not 1.2e-05 (3 of 3)")


@pytest.mark.parametrize("name", NAMES)
def test_the_healthy_script_is_left_alone(name: str, tmp_path: Path) -> None:
    check_leaves_the_healthy(diagnosis(name), tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_it_says_in_one_sentence_what_went_wrong(name: str) -> None:
    kind = diagnosis(name)
    text = inspect.getdoc(kind) or ""
    assert text.endswith(".")
    assert kind.__module__.endswith(name.replace("-", "_"))
    assert kind.GROUP in ORDER


@pytest.mark.parametrize("name", ["eval-forgotten", "non-finite-values"])
def test_the_script_prints_the_same_bits_with_the_doctor(name: str, tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    end = "\nprint([float(weight.double().sum()) for weight in network.parameters()])\n"
    path.write_text(diagnosis(name).SICK + end + "print(torch.rand(3).tolist())\n")
    alone, watched = (
        subprocess.run([sys.executable, *words, str(path)], capture_output=True, text=True)
        for words in ([], ["-m", "pellucid", "doctor"])
    )
    assert watched.stdout == alone.stdout
    assert watched.returncode == alone.returncode == 0
    assert f"PROVEN  {name}" in watched.stderr


class Blind(Diagnosis):
    """Finds nothing."""

    GROUP = PROCEDURE
    SICK = diagnosis("eval-forgotten").SICK
    HEALTHY = diagnosis("eval-forgotten").SICK

    def find(self, trace: Trace) -> Finding | None:
        return None


def test_a_planted_fault_is_found(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        check_finds_the_sick(Blind, tmp_path)
    with pytest.raises(AssertionError):
        check_leaves_the_healthy(Blind, tmp_path)
