"""`pellucid train`, as it is typed."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from torch import nn

from pellucid.base.errors import WrongUse
from pellucid.cli import ending, lines
from pellucid.cli.choices import choose, parse_pair
from pellucid.cli.commands.train import rate_curve
from pellucid.cli.progress import ProgressDisplay, standing
from pellucid.data.dataset import Dataset
from pellucid.train.folders import RunFolder, remove
from pellucid.train.recipe import Recipe
from pellucid.train.watcher import Progress, Training

Call = Callable[..., Any]
SHORT = ("--net", "linear", "--epochs", "0.2", "--no-report")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PELLUCID_RUNS", raising=False)
    return tmp_path


# --------------------------------------------------------------------------------- what it gives


def test_the_json_object_has_the_keys_that_were_promised(call: Call, here: Path) -> None:
    outcome = call("train", "digits", *SHORT, "--seed", 3, "--json", "out.json")
    assert outcome.code == 0
    made = json.loads((here / "out.json").read_text())
    promised = {
        "dataset", "net", "task", "seed", "parameters", "epochs", "seconds", "validation", "test",
        "looks_at_test", "run",
    }  # fmt: skip
    assert promised <= made.keys()
    assert (made["dataset"], made["net"], made["task"], made["seed"]) == (
        "digits", "linear", "classify", 3,
    )  # fmt: skip
    assert made["parameters"] == 64 * 10 + 10
    assert made["seconds"].keys() == {"train", "total"}
    assert 0 < made["seconds"]["train"] < made["seconds"]["total"]
    for split in ("validation", "test"):
        judged = made[split]
        assert judged["low"] < judged["accuracy"] < judged["high"]
    assert made["looks_at_test"] == 1
    assert made["run"] == "runs/digits-linear-1"
    assert json.loads((here / made["run"] / "result.json").read_text()) == made


def test_with_json_on_standard_output_nothing_else_stands_there(call: Call) -> None:
    outcome = call("train", "digits", *SHORT, "--json", "-")
    assert json.loads(outcome.out)["dataset"] == "digits"
    assert "read correctly" in outcome.err


def test_people_are_told_verdict_and_run_and_progress_stands_apart(call: Call) -> None:
    outcome = call("train", "digits", "--net", "linear", "--epochs", 2, "--no-report")
    assert "% of 359 test pictures read correctly (95 % interval" in outcome.out
    assert "Run:     runs/digits-linear-1" in outcome.out
    assert "linear on digits: 650 parameters, 2 epochs of 35 steps, seed 0" in outcome.err
    rows = [words[0] for line in outcome.err.splitlines() if (words := line.split())]
    assert [word for word in rows if word.isdigit()] == ["1", "2"]
    assert "\x1b" not in outcome.err
    assert "steps/s" not in outcome.err  # no moving line where there is no terminal


def test_heading_and_rows_stand_in_columns(call: Call) -> None:
    outcome = call("train", "digits", "--net", "linear", "--epochs", 1, "--no-report")
    lines = outcome.err.splitlines()
    place = next(number for number, line in enumerate(lines) if line.startswith("epoch"))
    heading, row = lines[place], lines[place + 1]
    assert row.index(" s") + 2 == len(heading)
    assert row[: heading.index("  train loss")].strip() == "1"


def test_the_report_is_written_and_named(call: Call, here: Path) -> None:
    outcome = call("train", "digits", "--net", "linear", "--epochs", "0.2")
    assert "Report:  runs/digits-linear-1/report.html" in outcome.out
    assert "</html>" in (here / "runs/digits-linear-1/report.html").read_text()


def test_a_run_whose_report_is_being_written_cannot_be_deleted(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []

    def write(run: RunFolder, dataset: Dataset) -> Path:
        with pytest.raises(WrongUse) as caught:
            remove(run)
        told.append(caught.value.found)
        return run.folder / "report.html"

    monkeypatch.setattr(ending, "write_report", write)
    outcome = call("train", "digits", "--net", "linear", "--epochs", "0.2")
    assert outcome.code == 0, outcome.err
    assert told == [f"process {os.getpid()}, which is training it"]


def test_without_the_test_set_the_verdict_is_on_validation(call: Call, here: Path) -> None:
    call("train", "digits", *SHORT, "--no-test", "--json", "out.json")
    made = json.loads((here / "out.json").read_text())
    assert "test" not in made
    assert made["looks_at_test"] == 0
    assert "validation pictures" in made["verdict"]["headline"]


def test_until_stops_early(call: Call, here: Path) -> None:
    call("train", "digits", "--net", "linear", "--epochs", 20, "--until", "0.5", "--no-report",
         "--json", "out.json")  # fmt: skip
    made = json.loads((here / "out.json").read_text())
    assert made["stopped"] == "until"
    assert made["epochs"] < 20


def test_a_folder_of_pictures_is_trained_on(call: Call, here: Path) -> None:
    chance = np.random.RandomState(0)
    for name, level in (("dark", 20), ("bright", 150)):
        (here / "pictures" / name).mkdir(parents=True)
        for place in range(8):
            pixels = (chance.randint(0, 100, (9, 12, 3)) + level).astype(np.uint8)
            Image.fromarray(pixels).save(here / "pictures" / name / f"{place}.png")
    outcome = call("train", "pictures/", "--epochs", 2, "--set", "size=8", "--no-report")
    assert outcome.code == 0
    assert "Run:     runs/pictures-convnet-1" in outcome.out


def test_a_run_of_a_network_from_a_file_is_named_after_both(call: Call, here: Path) -> None:
    (here / "own_nets").mkdir()
    (here / "own_nets" / "flat.py").write_text(
        "from torch import nn\ndef build(): return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))\n"
    )
    outcome = call(
        "train", "digits", "--net", "own_nets/flat.py:build", "--epochs", "0.2", "--no-report"
    )
    assert "Run:     runs/digits-own_nets-flat-build-1" in outcome.out


# ------------------------------------------------------------------------------- only trying out


@pytest.mark.parametrize("data", ["digits", "tale.txt"])
def test_a_dry_run_keeps_nothing_and_leaves_the_test_set_sealed(
    call: Call, here: Path, data: str
) -> None:
    (here / "tale.txt").write_text("the sea and the sky and the sand. " * 40)
    outcome = call("train", data, "--dry-run", "--json", "out.json")
    assert outcome.code == 0, outcome.err
    assert "Nothing was kept; the test set stayed sealed" in outcome.out.replace("\n", " ")
    assert json.loads((here / "out.json").read_text())["dry_run"]["passed"] is True
    assert {path.name for path in here.iterdir()} == {"tale.txt", "out.json"}


def test_a_sound_setup_learns_eight_examples(call: Call, here: Path) -> None:
    outcome = call("train", "digits", "--overfit", 8, "--json", "out.json")
    assert outcome.code == 0
    assert "Learned 8 examples by heart" in outcome.out
    made = json.loads((here / "out.json").read_text())["overfit"]
    assert (made["learned"], made["right"], made["examples"]) == (True, 8, 8)
    assert not (here / "runs").exists()


def test_a_setup_that_cannot_learn_ends_with_1(call: Call) -> None:
    outcome = call("train", "digits", "--net", "linear", "--overfit", 8, "--learning-rate", 1e-12)
    assert outcome.code == 1
    assert "Did NOT learn 8 examples by heart" in outcome.out
    assert "--find-rate" in outcome.out


def test_find_rate_draws_the_curve_and_suggests(call: Call, here: Path) -> None:
    outcome = call("train", "digits", "--net", "linear", "--find-rate", "--json", "out.json")
    assert outcome.code == 0
    found = json.loads((here / "out.json").read_text())["rate"]
    assert f"--learning-rate {found['suggestion']:g}" in outcome.out
    assert len(found["points"]) > 20
    assert outcome.out.count("┤") == 12
    assert not (here / "runs").exists()


def test_the_curve_shows_the_shape_and_the_place() -> None:
    losses = [4.0] * 60 + [3.0] * 20 + [1.0] * 20 + [9.0] * 19
    rates = [10 ** (-6 + place / 17) for place in range(119)]
    lines = rate_curve(rates, losses, rates[70]).splitlines()
    assert len(lines) == 14
    drawn = [line.partition("┤")[2] for line in lines[:12]]
    assert all(len(row) == 60 for row in drawn)  # every second of 119 points
    top, bottom = drawn[0], drawn[11]
    assert top == " " * 50 + "●" * 10  # what lies above twice the first loss stays at the edge
    assert bottom == " " * 40 + "●" * 10 + " " * 10
    assert sum(row.count("●") for row in drawn) == 60  # one for each column
    assert lines[12].partition("└")[2].index("▲") == 35
    assert lines[0].startswith("   8.000 ┤")
    assert lines[11].startswith("   1.000 ┤")
    assert max(map(len, lines)) <= 80


def test_few_points_are_drawn_too() -> None:
    assert rate_curve([0.1, 0.2, 0.4], [3.0, 2.0, 1.0], 0.2).count("●") == 3


# ---------------------------------------------------------------------------------- what is typed


def test_a_pair_finds_whoever_knows_its_name() -> None:
    pairs = ["split_seed=4", "width=5", "noise=0.5", "weight-decay=0", "epochs=3"]
    data, recipe = choose("digits", "autoencoder-conv", "denoise", [*pairs[:1], *pairs[2:]], {})
    assert recipe.options["noise"] == 0.5
    assert recipe.options["split_seed"] == 4
    assert (recipe.weight_decay, recipe.epochs) == (0.0, 3)
    assert type(recipe.weight_decay) is float
    usual, _ = choose("digits", None, None, [], {})
    assert not np.array_equal(data.train.inputs, usual.train.inputs)
    assert choose("digits", None, None, ["width=5"], {})[1].options["width"] == 5


@pytest.mark.parametrize(
    ("written", "changes"),
    [("none", ()), ("shift:2", ("shift:2",)), ("flip,crop:1", ("flip", "crop:1")), ("", ())],
)
def test_augmentations_are_a_list(written: str, changes: tuple[str, ...]) -> None:
    assert choose("digits", None, None, [f"augment={written}"], {})[1].augment == changes


def test_an_option_wins_over_the_recipe() -> None:
    options = {"epochs": 3, "seed": None, "optimiser": "sgd"}
    recipe = choose("digits", None, None, [], options)[1]
    assert (recipe.epochs, recipe.seed, recipe.optimiser) == (3, 0, "sgd")


@pytest.mark.parametrize(
    ("written", "pair"),
    [
        ("a=1", ("a", 1)),
        ("a=1.5", ("a", 1.5)),
        ("a=true", ("a", True)),
        ("a=b=c", ("a", "b=c")),
        ("step-every=2", ("step_every", 2)),
    ],
)
def test_pairs_become_values(written: str, pair: tuple[str, object]) -> None:
    made = parse_pair(written)
    assert made == pair
    assert type(made[1]) is type(pair[1])


# ----------------------------------------------------------------------------------- on a terminal


def training(step: int, epochs: float = 2, **where: Any) -> Training:
    recipe = Recipe(dataset="digits", net="linear", epochs=epochs, batch_size=10)
    now = Progress(step=step, done=step, **where)
    return Training(recipe, nn.Linear(1, 1), "runs/a", 50, now, parameters=1234)


def shown(display: ProgressDisplay) -> str:
    file = display.console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> ProgressDisplay:
    monkeypatch.setattr(lines, "REFRESH", 0.0)
    console = Console(file=io.StringIO(), force_terminal=True, width=100, highlight=False)
    return ProgressDisplay(console)


def test_a_terminal_shows_a_moving_line(terminal: ProgressDisplay) -> None:
    terminal.on_start(training(0))
    terminal.on_step(training(25, loss_sum=10.0, right=150.0))
    terminal.stop()
    # 25 of 100 steps; the sums stand at step 20: loss 10 / 20, 150 right of 200
    for told in ("25 %", "epoch 1 of 2", "loss 0.5000", "75.0 % right", "steps/s", "s left"):
        assert told in shown(terminal)


def test_the_moving_line_fits_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    display = ProgressDisplay(Console(file=io.StringIO(), force_terminal=True, width=80))
    display.lines._begun = 0.0
    where = standing(training(25, epochs=30, loss_sum=10.0, right=150.0))
    line = display.lines.moving_line(where, 10.0)
    assert len(line) - len("[cyan][/]") <= 80
    assert line.endswith("10 min left")  # 1,475 more steps at 2.5 a second


@pytest.mark.parametrize(
    ("task", "told"), [("classify", "digits: 1,234"), ("denoise", "digits, denoise: 1,234")]
)
def test_the_task_is_named_where_it_is_not_the_usual_one(
    terminal: ProgressDisplay, task: str, told: str
) -> None:
    about = training(0)
    about.recipe = about.recipe.with_changes({"task": task})
    terminal.on_start(about)
    assert told in shown(terminal).replace("\x1b[1m", "").replace("\x1b[0m", "")


def test_a_resumed_training_says_where_it_goes_on(terminal: ProgressDisplay) -> None:
    terminal.on_start(training(70, epoch=1))
    assert "Resumed in epoch 2, at step 70." in shown(terminal)


def test_a_pipe_gets_no_moving_line() -> None:
    display = ProgressDisplay(Console(file=io.StringIO(), width=100))
    display.on_start(training(0))
    before = shown(display)
    display.on_step(training(25, loss_sum=10.0))
    assert shown(display) == before
    assert "2 epochs of 50 steps" in before


def test_the_metric_of_the_task_heads_its_column() -> None:
    display = ProgressDisplay(Console(file=io.StringIO(), width=100), "psnr_db")
    display.on_start(training(0, epochs=1))
    row = {
        "epoch": 1, "seconds": 1.25, "train": {"loss": 0.5},
        "validation": {"psnr_db": 17.25, "loss": 0.25},
    }  # fmt: skip
    display.on_epoch(training(50, best_epoch=1), row)
    heading, line = shown(display).splitlines()[-2:]
    assert "valid. psnr dB" in heading
    assert "1 epoch of 50 steps" in shown(display)
    assert line.split() == ["1", "0.5000", "–", "0.2500", "17.250", "1.2", "s", "←", "best"]


# -------------------------------------------------------------------------------- how it ends


def test_why_it_ended_early_is_told(call: Call) -> None:
    told = call("train", "digits", "--net", "linear", "--epochs", 20, "--until", "0.5",
                "--no-report").out  # fmt: skip
    assert " of 20 epochs: validation reached 0.5 (--until)." in told
    assert "Ended after" not in call("train", "digits", *SHORT).out


def test_texts_of_many_lines_are_told_apart(call: Call, here: Path) -> None:
    (here / "tale.txt").write_text("the sea\nand the sky\nand the sand.\n" * 60)
    told = call("train", "tale.txt", "--epochs", 1, "--no-report", "--set", "context=16").out
    after = told.partition("It writes by now:")[2]
    assert [line.strip("─ ") for line in after.splitlines() if line.startswith("───")] == [
        "1", "2", "3", "",
    ]  # fmt: skip
