"""What `pellucid train` refuses, and how it tells it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]
SHORT = ("--net", "linear", "--epochs", "0.2", "--no-report")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PELLUCID_RUNS", raising=False)
    return tmp_path


WRONG = {
    "digts": ("data set: found 'digts'", "did you mean 'digits'?"),
    "digits --net convnt": ("net: found 'convnt'", "did you mean 'convnet'?"),
    "digits --task clasify": ("task: found 'clasify'", "did you mean 'classify'?"),
    "digits --optimiser adma": ("optimiser: found 'adma'", "did you mean 'adam' or 'adamw'?"),
    "digits --precision fp16": ("precision: found 'fp16'", ""),
    "digits --device gpu": ("device: found 'gpu'", "--device cpu"),
    "digits --set schedule=cosin": ("schedule: found 'cosin'", "did you mean 'cosine'?"),
    "digits --set augment=shfit:2": ("augmentation: found 'shfit'", "did you mean 'shift'?"),
    "digits --set adversarial=fgsm": ("--set adversarial: found 'fgsm'", "adversarial=pgd:0.1"),
    "digits --set adversarial=pgd:8": ("--set adversarial: found 'pgd:8'", "adversarial=pgd:0.1"),
    "digits --set adversarial=pixels:1.5": ("a whole number of pixels", "adversarial=pixels:1"),
    "digits --set adversarial=pgd --set adversarial_steps=0": (
        "--set adversarial_steps: found 0", "adversarial_steps=7",
    ),
    "digits --task denoise --set adversarial=pgd": ("the task denoise", "leave adversarial out"),
    "digits --set widht=3": ("--set: found 'widht'", "did you mean 'width'"),
    "digits --set noise=0.5": ("--set: found 'noise'", "noise belongs to --task denoise"),
    "digits --set hidden=5": (
        "--set: found 'hidden'", "hidden belongs to --net autoencoder-dense or --net dense",
    ),
    "digits --set width": ("--set: found 'width'", "--set noise=0.5"),
    "digits --set width=many": ("setting width: found 'many'", "--set width="),
    "digits --skip-broken": ("--skip-broken: found data digits", "leave it out"),
    "digits --epochs 0": ("--epochs: found 0,", "for example --epochs 10"),
    "digits --set epochs=0": ("--set epochs: found 0,", "for example --set epochs=10"),
    "digits --set epochs=3 --epochs 0": ("--epochs: found 0,", "for example --epochs 10"),
    "digits --batch-size 0": ("--batch-size: found 0,", "for example --batch-size 128"),
    "digits --set weight-decay=-1": ("--set weight_decay: found -1", "--set weight_decay=0.01"),
    "digits --seed -1": ("--seed: found -1", "for example --seed 0"),
    "digits --set width=1.5": ("setting width: found 1.5", "--set width="),
    "digits --epochs many": ("'--epochs'", "pellucid train --help"),
    "digits --learning-rate 0": ("--learning-rate: found 0,", "--learning-rate 0.003"),
    "digits --learning-rate fast": ("'--learning-rate'", "pellucid train --help"),
    "digits --set learning_rate=fast": ("--set learning_rate: found 'fast'", ""),
    "digits --set until=high": ("--set until: found 'high'", ""),
    "digits --patience -1": ("--patience: found -1", "for example --patience 0"),
    "digits --batch-size 5000": ("found 5000 with 1133 training examples", "--batch-size 566"),
    "digits --overfit 0": ("--overfit: found 0 examples", "--overfit 8"),
    "digits --task next-symbol": ("task next-symbol: found digits, which holds pictures", ""),
    "digits --task denoise --net linear": ("found an output (2, 10)", "for the task denoise"),
    "digits --task inpaint --set hole=8": ("setting hole: found 8", "--set hole=7"),
    "digits --nett linear": ("No such option: --nett", "pellucid train --help"),
}  # fmt: skip


@pytest.mark.parametrize("words", WRONG)
def test_wrong_use_is_told_in_four_parts_before_anything_is_written(
    call: Call, here: Path, words: str
) -> None:
    outcome = call("train", *words.split())
    found, fix = WRONG[words]
    assert outcome.code == 2, outcome.err
    told, _, mend = outcome.err.partition("\nFix: ")
    assert found in told
    assert fix in mend
    assert "Traceback" not in outcome.err
    assert outcome.out == ""
    assert not list(here.iterdir())


@pytest.mark.parametrize("file", ["mine.py", "nets/mine.py", "mine.ipynb"])
def test_a_program_given_as_data_is_told_where_it_belongs(
    call: Call, here: Path, file: str
) -> None:
    (here / "nets").mkdir()
    (here / file).write_text("from torch import nn\n\ndef build(): return nn.Linear(2, 2)\n" * 99)
    outcome = call("train", file)
    assert outcome.code == 3
    assert f"{file}: found a program (" in outcome.err
    assert f"--net {file.replace('.ipynb', '.py')}:NAME" in outcome.err
    assert ("copy its network into mine.py" in outcome.err) is file.endswith(".ipynb")
    assert not (here / "runs").exists()


@pytest.mark.parametrize("net", ["mine.py", "mine"])
def test_a_file_without_its_factory_is_told_to_name_it(call: Call, here: Path, net: str) -> None:
    (here / "mine.py").write_text("def build(): ...\n")
    outcome = call("train", "digits", "--net", net)
    assert outcome.code == 2
    assert f"{net}:NAME" in outcome.err


@pytest.mark.parametrize("option", [("--find-rate",), ("--overfit", "8"), ("--dry-run",)])
def test_only_trying_out_is_done_by_one_process(
    call: Call, option: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    outcome = call("train", "digits", *option)
    assert outcome.code == 2
    assert "found 2 processes" in outcome.err


def test_data_that_are_not_there_end_with_3(call: Call) -> None:
    outcome = call("train", "./pictures")
    assert outcome.code == 3
    assert "nothing there" in outcome.err


def test_a_file_in_the_way_of_the_runs_is_told(call: Call, here: Path) -> None:
    (here / "runs").write_text("a file")
    outcome = call("train", "digits", *SHORT)
    assert outcome.code in (2, 3)
    assert outcome.err.count("Fix:") == 1
    assert "runs" in outcome.err
    assert (here / "runs").read_text() == "a file"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_runs_without_permission_are_told(call: Call, here: Path) -> None:
    (here / "locked").mkdir(mode=0o500)
    outcome = call("train", "digits", *SHORT, "--runs", "locked")
    assert outcome.code == 3
    assert "locked" in outcome.err


def test_a_name_that_is_taken_is_refused(call: Call) -> None:
    assert call("train", "digits", *SHORT, "--name", "mine").code == 0
    outcome = call("train", "digits", *SHORT, "--name", "mine")
    assert outcome.code == 2
    assert "choose another --name" in outcome.err
