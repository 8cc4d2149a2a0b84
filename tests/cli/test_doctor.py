"""`pellucid doctor`: the script runs as ever, and what is wrong is said."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

import pellucid
from pellucid.cli.doctoring import NO_TIME, tell
from pellucid.doctor.cases import script
from pellucid.doctor.diagnosis import DIAGNOSES
from pellucid.doctor.examination import Examination
from pellucid.watch.trace import Trace


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_findings_are_written_as_json_and_to_standard_error(here: Path, call) -> None:
    Path("train.py").write_text(DIAGNOSES.load("gradients-not-cleared").DIAGNOSIS.SICK)
    outcome = call("doctor", "--json", "f.json", "train.py")
    assert outcome.code == 0
    record = json.loads(Path("f.json").read_text())
    (finding,) = record["findings"]
    assert finding["name"] == "gradients-not-cleared"
    assert finding["grade"] == "proven"
    assert finding["where"]["text"] == "optimiser.step()"
    assert finding["evidence"]["steps"] == 29  # all but the first of 30
    assert record["script"] == {"file": "train.py", "exit_code": 0}
    assert "Mend: call optimiser.zero_grad()" in outcome.err
    assert "PROVEN" not in outcome.out


def test_what_a_cure_brings_is_written_as_json_too(here: Path, call) -> None:
    Path("train.py").write_text(DIAGNOSES.load("gradients-not-cleared").DIAGNOSIS.SICK)
    outcome = call("doctor", "--mend", "--seeds", "2", "--json", "f.json", "train.py")
    (mended,) = json.loads(Path("f.json").read_text())["mend"]
    assert set(mended) == {
        "finding", "cure", "measure", "lower_is_better", "without", "with", "gain", "helps", "diff",
    }  # fmt: skip
    assert mended["finding"] == "gradients-not-cleared"
    assert len(mended["without"]) == len(mended["with"]) == 2
    assert mended["gain"] == pytest.approx(
        (sum(mended["with"]) - sum(mended["without"])) / 2 * (-1) ** mended["lower_is_better"]
    )
    assert "+optimiser.zero_grad()" in mended["diff"].replace(" ", "")
    assert "MEND  gradients-not-cleared" in outcome.err


def test_strict_ends_with_1_if_there_is_a_finding(here: Path, call) -> None:
    Path("train.py").write_text(DIAGNOSES.load("gradients-not-cleared").DIAGNOSIS.SICK)
    assert call("doctor", "--strict", "train.py").code == 1
    Path("train.py").write_text(script())
    assert call("doctor", "--strict", "train.py").code == 0


def test_the_script_gets_its_own_arguments(here: Path, call) -> None:
    Path("train.py").write_text(
        "import sys\nfrom helper import word\nprint(sys.argv[1:], __name__, word)\nsys.exit(7)\n"
    )
    Path("helper.py").write_text("word = 'beside'\n")
    outcome = call("doctor", "train.py", "--epochs", "5", "--json", "x")
    assert outcome.code == 7
    assert "['--epochs', '5', '--json', 'x'] __main__ beside" in outcome.out
    assert "Not observed: a pass through a network" in outcome.err


def test_a_crash_is_the_scripts_own_and_is_explained(here: Path, call) -> None:
    Path("train.py").write_text(
        "import torch\nfrom torch import nn\n"
        "network = nn.Sequential(nn.Conv2d(1, 16, 5), nn.Flatten(), nn.Linear(256, 10))\n"
        "network(torch.zeros(2, 1, 9, 9))\n"
    )
    outcome = call("doctor", "train.py")
    assert outcome.code == 1
    assert "mat1 and mat2 shapes cannot be multiplied" in outcome.err
    assert "runpy" not in outcome.err
    mend = "Linear expects 256 features, gets 400 = 16 × 5 × 5: make in_features 400"
    assert mend in outcome.err


@pytest.mark.parametrize(
    ("name", "text", "part"),
    [
        ("nothing.py", None, "no file nothing.py"),
        ("prose.py", "this is no Python", "which is no Python"),
    ],
)
def test_what_is_no_script_is_told_in_four_parts(here: Path, call, name, text, part) -> None:
    if text is not None:
        Path(name).write_text(text)
    outcome = call("doctor", name)
    assert outcome.code == 2
    assert part in outcome.err
    assert "Fix: " in outcome.err


def test_a_block_of_code_can_be_watched(capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    weights = torch.nn.Linear(3, 1)
    optimiser = torch.optim.SGD(weights.parameters(), lr=0.1)
    with pellucid.watching() as watched:
        for _ in range(5):
            torch.nn.functional.mse_loss(weights(torch.ones(4, 3)), torch.zeros(4)).backward()
            optimiser.step()
    names = {finding.name for finding in watched.findings}
    assert names == {"gradients-not-cleared", "target-broadcast"}
    assert "PROVEN  target-broadcast" in capsys.readouterr().err


@pytest.mark.parametrize(("more", "kind"), [([], "SICK"), (["--healthy"], "HEALTHY")])
def test_an_example_is_printed_as_it_stands(here: Path, call, more, kind) -> None:
    outcome = call("doctor", "--example", "graph-cut", *more)
    assert outcome.code == 0
    assert outcome.out == getattr(DIAGNOSES.load("graph-cut").DIAGNOSIS, kind)


def test_an_example_as_json_leaves_standard_output_to_the_object(here: Path, call) -> None:
    outcome = call("doctor", "--example", "graph-cut", "--json", "-")
    text = DIAGNOSES.load("graph-cut").DIAGNOSIS.SICK
    example = {"name": "graph-cut", "healthy": False, "text": text}
    assert json.loads(outcome.out)["example"] == example
    assert text in outcome.err


def test_the_names_are_listed_by_group(here: Path, call) -> None:
    outcome = call("doctor", "--names", "--json", "names.json")
    assert outcome.code == 0
    rows = json.loads(Path("names.json").read_text())["names"]
    assert [row["name"] for row in rows if row["name"] == "graph-cut"] == ["graph-cut"]
    assert sorted(row["name"] for row in rows) == DIAGNOSES.names()
    assert [row["group"] for row in rows][:1] == ["procedure"]
    assert all(row["name"] in outcome.out and row["text"] for row in rows)


def test_the_names_are_listed_without_pytorch() -> None:
    code = "import sys; from pellucid.cli.main import main\ntry: main(['doctor', '--names'])\n"
    code += "except SystemExit: sys.exit(int('torch' in sys.modules or 'numpy' in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL).returncode == 0


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--example", "graph-cuts"], "Fix: did you mean 'graph-cut' or"),
        (["--example", "graph-cut", "train.py"], "found a script, train.py, beside --example"),
        (["--names", "train.py"], "found a script, train.py, beside --names"),
        (["--healthy"], "found --healthy alone"),
        ([], "found no SCRIPT.py"),
    ],
)
def test_what_is_asked_without_a_script_and_cannot_be_is_told(here, call, words, part) -> None:
    outcome = call("doctor", *words)
    assert outcome.code == 2
    assert part in outcome.err


def test_trials_without_time_are_told_in_one_line_with_the_option(here: Path, call) -> None:
    Path("train.py").write_text(DIAGNOSES.load("learning-rate-too-high").DIAGNOSIS.SICK)
    outcome = call("doctor", "--probe-budget", "1e-9", "--json", "f.json", "train.py")
    assert json.loads(Path("f.json").read_text())["not_tried"] == NO_TIME
    assert "No time was left to try a cure." in outcome.err
    out = io.StringIO()
    unseen = ["an evaluation", f"dead-units: {NO_TIME}", f"learning-rate-too-low: {NO_TIME}"]
    tell(Console(file=out, width=200), Examination(not_observed=unseen), Trace())
    lines = out.getvalue().splitlines()
    assert lines[-2] == "Not observed: an evaluation."
    assert lines[-1].startswith("No time was left to try dead-units, learning-rate-too-low. ")
    assert "--probe-budget 20" in lines[-1]
