"""The doctor beside `pellucid train`: seen, written down, drawn, and without a trace in the run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

Call = Callable[..., Any]
SMALL = ("train", "digits", "--net", "dense", "--set", "dropout=0.2", "--epochs", "2", "--no-test")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PELLUCID_RUNS", raising=False)
    return tmp_path


def test_a_run_ends_in_the_same_bits_with_and_without(call: Call) -> None:
    call(*SMALL, "--no-report", "--name", "with")
    call(*SMALL, "--no-report", "--name", "without", "--no-doctor")
    assert Path("runs/with/findings.json").is_file()
    assert not Path("runs/without/findings.json").exists()
    kept = [load_file(f"runs/{name}/checkpoints/last.safetensors") for name in ("with", "without")]
    assert kept[0].keys() == kept[1].keys()
    assert all(kept[0][name].tobytes() == kept[1][name].tobytes() for name in kept[0])
    results = [json.loads(Path(f"runs/{n}/result.json").read_text()) for n in ("with", "without")]
    assert results[0]["validation"] == results[1]["validation"]


def test_a_rate_that_is_too_low_is_told_written_and_drawn(call: Call) -> None:
    outcome = call(*SMALL, "--learning-rate", "1e-6", "--name", "cold")
    assert outcome.code == 0
    assert "CONFIRMED  learning-rate-too-low" in outcome.err
    assert "CONFIRMED" not in outcome.out
    record = json.loads(Path("runs/cold/findings.json").read_text())
    (finding,) = record["findings"]
    assert finding["name"] == "learning-rate-too-low"
    assert finding["where"] is None  # a line of our own loop says nothing to the user
    assert finding["prescription"].startswith("try --learning-rate 0.0")
    steps = {len(losses) for losses in finding["tried"]["with"]}
    assert len(finding["tried"]["with"]) == 3
    assert len(steps) == 1  # as many as the time allows, in every repetition
    assert 10 <= steps.pop() <= 60
    assert len(record["course"]["losses"]) == len(record["course"]["steps"])
    page = Path("runs/cold/report.html").read_text()
    assert '<section id="doctor"' in page
    assert "learning-rate-too-low" in page


def test_a_healthy_run_is_told_nothing(call: Call) -> None:
    outcome = call(*SMALL, "--no-report", "--name", "well")
    assert json.loads(Path("runs/well/findings.json").read_text())["findings"] == []
    assert "PROVEN" not in outcome.err + outcome.out


def test_a_training_that_diverges_is_examined_all_the_same(call: Call) -> None:
    rate = ("--learning-rate", "1000", "--set", "optimiser=sgd", "--set", "clip=0")
    outcome = call(*SMALL, *rate, "--no-report", "--name", "hot")
    assert outcome.code == 2
    assert "a loss that is not a finite number" in outcome.err
    names = [
        entry["name"]
        for entry in json.loads(Path("runs/hot/findings.json").read_text())["findings"]
    ]
    assert "non-finite-values" in names or "learning-rate-too-high" in names
