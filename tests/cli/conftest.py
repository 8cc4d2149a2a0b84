"""What the tests of commands share: a folder of small runs, and a way to call a command."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from pellucid.cli.main import main

TALE = "the sea and the sky and the sand. "


@dataclass
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str


Call = Callable[..., Outcome]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """`call("runs", "list")` runs a command as the shell would."""
    monkeypatch.delenv("PELLUCID_DEBUG", raising=False)

    def run(*words: object) -> Outcome:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        captured = capsys.readouterr()
        return Outcome(int(ended.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs, trained once: plain, deep and other (seed 1), noisy, tale."""
    from pellucid.data.load import load as load_data
    from pellucid.train.fit import fit
    from pellucid.train.recipe import Recipe

    home = tmp_path_factory.mktemp("home")
    (home / "tale.txt").write_text(TALE * 60)
    digits, tale = load_data("digits"), load_data(str(home / "tale.txt"), context=16)
    quick = Recipe(dataset="digits", epochs=2)
    recipes = {
        "plain": quick.with_changes({"net": "linear"}),
        "deep": quick.with_changes({"net": "dense"}),
        "other": quick.with_changes({"net": "dense", "seed": 1}),
        "noisy": quick.with_changes({"net": "autoencoder-dense", "task": "denoise", "epochs": 1}),
        "tale": Recipe(
            dataset="tale", net="recurrent", task="next-symbol", epochs=6, batch_size=8
        ).with_changes({"hidden": 32, "learning_rate": 0.03}),
    }
    for name, recipe in recipes.items():
        data = tale if name == "tale" else digits
        fit(recipe.net, data, recipe, runs=home / "runs", name=name)
    return home / "runs"


@pytest.fixture
def shelf(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the runs to do with as a test likes; the commands look there."""
    shutil.copytree(trained, tmp_path / "runs")
    monkeypatch.setenv("PELLUCID_RUNS", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"
