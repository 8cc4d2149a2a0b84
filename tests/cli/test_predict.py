"""`pellucid predict`: classes for picture files, and what the network got to see."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pellucid.train.runs import load


def draw(path: Path, size: int = 120, ground: int = 255, ink: int = 0) -> Path:
    """A one: an upright stroke."""
    page = Image.new("L", (size, size), ground)
    line = [(size // 2, size // 5), (size // 2, size - size // 5)]
    ImageDraw.Draw(page).line(line, fill=ink, width=size // 12)
    page.save(path)
    return path


def asked(call, *words: object, code: int = 0) -> tuple[dict[str, Any], Any]:
    outcome = call("predict", *words, "--json", "p.json")
    assert outcome.code == code, outcome.err
    record: dict[str, Any] = json.loads(Path("p.json").read_text())
    return record, outcome


@pytest.fixture
def one(shelf: Path, tmp_path: Path) -> Path:
    return draw(tmp_path / "one.png")


def test_each_file_has_its_label_and_the_probabilities_of_all_classes(one: Path, call) -> None:
    record, outcome = asked(call, "deep", one, draw(one.with_name("large.jpg"), size=900))
    assert [entry["file"] for entry in record["files"]] == [
        str(one),
        str(one.with_name("large.jpg")),
    ]
    for entry in record["files"]:
        beliefs = entry["probabilities"]
        assert list(beliefs) == list("0123456789")
        assert sum(beliefs.values()) == pytest.approx(1)
        assert entry["label"] == max(beliefs, key=beliefs.get)
        assert f"{entry['label']}  {100 * max(beliefs.values()):.2f} %" in outcome.out


def test_the_probabilities_are_those_of_the_network_for_the_last_step(one: Path, call) -> None:
    from pellucid.data.prepare import prepare

    record, _ = asked(call, "deep", one)
    run = load("deep")
    pixels: NDArray[np.uint8] = prepare(one, run.data).pixels
    with torch.no_grad():
        scores = run.network(run.prepare(pixels[None])).double().numpy()[0]
    expected = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
    assert list(record["files"][0]["probabilities"].values()) == pytest.approx(expected.tolist())


def test_ink_on_paper_and_chalk_on_a_board_are_read_alike(one: Path, call) -> None:
    chalk = draw(one.with_name("chalk.png"), ground=0, ink=255)
    first, second = asked(call, "deep", one, chalk)[0]["files"]
    assert first["probabilities"] == pytest.approx(second["probabilities"])


def test_the_preparation_is_drawn_into_the_run_or_where_it_is_asked_for(one: Path, call) -> None:
    record, outcome = asked(call, "deep", one)
    assert record["picture"].endswith("predict.png")
    assert record["picture"] in outcome.out
    assert Image.open(record["picture"]).width > 300
    record, _ = asked(call, "deep", one, one, draw(one.with_name("b.png")), "--picture", "seen.png")
    assert record["picture"] == "seen.png"
    single = Image.open(Path("runs/deep/predict.png")).height
    assert Image.open("seen.png").height == 2 * single  # one row a file; a file named twice is one


def test_a_run_that_may_not_be_written_answers_all_the_same(one: Path, shelf: Path, call) -> None:
    (shelf / "deep" / "predict.png").mkdir()  # stands in the way, for root, too
    record, outcome = asked(call, "deep", one)
    assert (len(record["files"]), record["picture"]) == (1, None)
    assert "Not drawn: " in outcome.err
    assert call("predict", "deep", one, "--picture", shelf / "deep" / "predict.png").code != 0


def test_top_says_how_many_classes_are_shown(one: Path, call) -> None:
    assert call("predict", "deep", one, "--top", 1).out.count(" %") == 1
    assert call("predict", "deep", one, "--top", 99).out.count(" %") == 10
    outcome = call("predict", "deep", one, "--top", 0)
    assert (outcome.code, "1 or more" in outcome.err) == (2, True)


def test_a_folder_stands_for_its_pictures(one: Path, call) -> None:
    (one.parent / "scans").mkdir()
    draw(one.parent / "scans" / "b.png")
    draw(one.parent / "scans" / "a.JPG")
    (one.parent / "scans" / "read.me").write_text("no picture")
    record, _ = asked(call, "deep", "scans")
    assert [entry["file"] for entry in record["files"]] == ["scans/a.JPG", "scans/b.png"]


def test_broken_files_are_named_and_the_others_answered(one: Path, call) -> None:
    (one.parent / "half.png").write_bytes(one.read_bytes()[:80])
    (one.parent / "words.png").write_text("not a picture")
    (one.parent / "empty").mkdir()
    Image.new("L", (50, 50), 200).save(one.parent / "blank.png")
    words = ("half.png", one, "words.png", "gone.png", "empty", "blank.png")
    record, outcome = asked(call, "deep", *words, code=3)
    assert [entry["file"] for entry in record["files"]] == [str(one)]
    missed = [entry["file"] for entry in record["not_read"]]
    assert missed == ["half.png", "words.png", "gone.png", "empty", "blank.png"]
    assert all(f"Not read: {name}" in outcome.err for name in missed)


def test_with_no_file_to_answer_nothing_is_drawn(shelf: Path, call) -> None:
    record, _ = asked(call, "deep", "gone.png", code=3)
    assert (record["files"], record["picture"]) == ([], None)
    assert not (shelf / "deep" / "predict.png").exists()


@pytest.mark.parametrize(
    ("run", "told"), [("tale", "pellucid sample tale"), ("noisy", "report.html")]
)
def test_runs_that_name_no_classes_say_what_to_do(one: Path, call, run: str, told: str) -> None:
    outcome = call("predict", run, one)
    assert outcome.code == 2
    assert "names no classes" in outcome.err
    assert told in outcome.err


def test_an_unknown_run_and_damaged_weights_are_told(shelf: Path, one: Path, call) -> None:
    assert "did you mean deep?" in call("predict", "deeep", one).err
    path = shelf / "deep" / "checkpoints" / "best.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    outcome = call("predict", "deep", one)
    assert outcome.code == 3
    assert str(path) in outcome.err
