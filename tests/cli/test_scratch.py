"""`pellucid scratch`: what it tells, what it keeps sealed, and that PyTorch stays out of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pellucid.cli.numpy_training import Training, choose
from pellucid.data.dataset import Dataset
from pellucid.data.load import load
from pellucid.scratch.loop import Step

Call = Callable[..., Any]
LINEAR = ("scratch", "digits", "--net", "linear")


def record_of(call: Call, *words: str) -> dict[str, Any]:
    outcome = call(*words, "--json", "-")
    assert outcome.code == 0, outcome.err
    found: dict[str, Any] = json.loads(outcome.out)
    return found


def test_a_training_ends_with_a_verdict_and_what_to_read(call: Call) -> None:
    outcome = call(*LINEAR, "--epochs", "8")
    assert outcome.code == 0
    assert "of 359 test pictures read correctly (95 % interval" in outcome.out
    assert "Most often confused" in outcome.out
    assert "nets/linear.py" in outcome.out
    assert "pellucid train digits --net linear" in outcome.out
    assert "650 parameters, 8 epochs of 18 steps, seed 0" in outcome.err
    assert len([line for line in outcome.err.splitlines() if line.endswith(" s")]) == 8


def test_the_figures_are_those_of_the_data(call: Call) -> None:
    record = record_of(call, *LINEAR, "--epochs", "12")
    assert record["test"]["examples"] == 359
    assert record["test"]["accuracy"] > 0.9
    assert record["test"]["low"] < record["test"]["accuracy"] < record["test"]["high"]
    assert np.sum(record["test"]["confusion"]) == 359
    assert np.trace(record["test"]["confusion"]) == round(359 * record["test"]["accuracy"])
    assert record["steps"] == 12 * 18
    rows = record["epoch_rows"]
    assert [row["epoch"] for row in rows] == list(range(1, 13))
    assert rows[-1]["train"]["loss"] < rows[0]["train"]["loss"]
    assert rows[-1]["validation"]["accuracy"] == record["validation"]["accuracy"]


def test_the_seed_decides_everything(call: Call) -> None:
    one, same, other = (
        record_of(call, *LINEAR, "--epochs", "2", "--seed", seed) for seed in ("0", "0", "1")
    )
    timeless = [
        {key: value for key, value in row.items() if key != "seconds"}
        for record in (one, same, other)
        for row in record["epoch_rows"]
    ]
    assert timeless[:2] == timeless[2:4] != timeless[4:]


def test_the_files_to_read_are_those_that_ran(call: Call) -> None:
    files = [entry["file"] for entry in record_of(call, *LINEAR, "--epochs", "1")["read"]]
    home = Path(sys.modules["pellucid.scratch"].__file__ or "").parent
    assert all((home / file).is_file() for file in files)
    assert files[:2] == ["tensor.py", "op.py"]
    assert files[-1] == "loop.py"
    assert {"ops/matrix.py", "layers/linear.py", "nets/linear.py", "optimisers.py"} <= set(files)
    assert not {"ops/convolution.py", "layers/activation.py"} & set(files)


@pytest.mark.parametrize("words", [["--no-test"], ["--dry-run"]])
def test_the_test_set_stays_sealed(
    call: Call, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    def refuse(self: Dataset, reason: str) -> None:
        raise AssertionError(reason)

    monkeypatch.setattr(Dataset, "open_test", refuse)
    assert call(*LINEAR, "--epochs", "1", *words).code == 0
    with pytest.raises(AssertionError, match="verdict"):
        call(*LINEAR, "--epochs", "1")


def test_a_dry_run_sends_two_batches_through_any_network(call: Call) -> None:
    for net in ("lenet", "recurrent", "transformer"):
        outcome = call("scratch", "digits", "--net", net, "--dry-run", "--batch-size", "8")
        assert outcome.code == 0
        assert "Two batches went through everything" in outcome.out
        assert "1 epoch of 2 steps" in outcome.err


def test_a_folder_of_pictures_is_trained_on(call: Call, tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    for name, level in (("bright", 200), ("dark", 30)):
        (tmp_path / name).mkdir()
        for number in range(12):
            pixels = (level + chance.integers(0, 40, (10, 10, 3))).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    record = record_of(call, "scratch", str(tmp_path), "--net", "linear", "--epochs", "20")
    assert record["batch_size"] <= 24
    assert record["test"]["accuracy"] == 1.0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["digits", "--net", "lennet"], "did you mean 'lenet' or"),
        (["digts"], "did you mean 'digits'?"),
        (["digits", "--epochs", "0"], "--epochs: found 0, expected 1 or more"),
        (["digits", "--epochs", "half"], "a whole number"),
        (["digits", "--batch-size", "0"], "--batch-size: found 0 with 1,133 training examples"),
        (["digits", "--batch-size", "5000"], "Fix: --batch-size 64"),
        (["digits", "--learning-rate", "0"], "a rate above 0"),
        (["digits", "--learning-rate", "nan"], "a rate above 0"),
        (["digits", "--learning-rate", "1e30"], "lower the rate: --learning-rate 1e+29"),
    ],
)
def test_what_cannot_be_used_is_told(call: Call, words: list[str], told: str) -> None:
    outcome = call("scratch", *words)
    assert outcome.code == 2
    assert told in outcome.err
    assert "Fix: " in outcome.err
    assert "Traceback" not in outcome.err
    assert "Warning" not in outcome.err


def test_a_text_is_sent_to_the_command_that_reads_texts(call: Call, tmp_path: Path) -> None:
    text = tmp_path / "tale.txt"
    text.write_text("the sea and the sky and the sand. " * 60)
    outcome = call("scratch", text)
    assert outcome.code == 2
    assert "a data set of symbols" in outcome.err
    assert f"Fix: for symbols use: pellucid train {text}" in outcome.err


def test_a_wrong_network_is_told_before_the_data_are_loaded(call: Call, tmp_path: Path) -> None:
    outcome = call("scratch", str(tmp_path / "gone"), "--net", "lennet")
    assert "scratch net: found 'lennet'" in outcome.err


def test_ctrl_c_ends_with_a_verdict_and_the_test_set_sealed(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = Training._check_finite

    def press(self: Training, step: Step) -> None:
        check(self, step)
        if self.steps == 30:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Training, "_check_finite", press)
    outcome = call(*LINEAR, "--epochs", "9")
    assert outcome.code == 0
    assert "30 steps in" in outcome.out
    assert "It was stopped early; the test set stayed sealed." in outcome.out
    assert "validation pictures read correctly" in outcome.out
    record = record_of(call, *LINEAR, "--epochs", "9")
    assert record["stopped"] == "interrupted"
    assert record["looks_at_test"] == 0
    assert len(record["epoch_rows"]) == 1


def test_small_data_get_more_epochs_and_smaller_batches() -> None:
    digits = load("digits")
    few = digits.train.take(slice(0, 10))
    usual = choose(digits, "dense", None, None, None, 0)
    assert usual.batch_size == 64
    assert usual.epochs == 28  # 500 steps of 18 an epoch
    digits.train = few
    small = choose(digits, "dense", None, None, None, 0)
    assert (small.batch_size, small.epochs) == (10, 500)


def test_pytorch_is_never_loaded(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] == 'torch':\n"
        "            raise ImportError('no torch here')\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "from pellucid.cli.main import main\n"
        "main(['scratch', 'digits', '--net', 'linear', '--epochs', '1'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "test pictures read correctly" in done.stdout
