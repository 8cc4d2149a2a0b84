"""`pellucid explain`: a number written out, the way down, a gradient, a step, a walk."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pellucid.train.runs import load

MINE = """
import torch
from torch import nn

def build():
    network = nn.Sequential(nn.Conv2d(1, 1, 2), nn.Flatten(), nn.Linear(4, 2))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[[[0.0, 1.0], [-1.0, 0.0]]]]))
        network[0].bias.zero_()
    return network

def needs(width):
    return nn.Linear(width, 1)

def broken():
    raise RuntimeError("out of ideas")

def loss(answer):
    return answer.square().sum()
"""


def told(call, *words: object, code: int = 0) -> tuple[dict[str, Any], str]:
    outcome = call("explain", *words, "--json", "e.json")
    assert outcome.code == code, outcome.err + outcome.out
    record: dict[str, Any] = json.loads(Path("e.json").read_text())
    return record, outcome.out


@pytest.fixture
def mine(shelf: Path) -> Iterator[Path]:
    sys.modules.pop("mine", None)
    Path("mine.py").write_text(MINE)
    picture = np.arange(1, 10, dtype=np.float32).reshape(1, 1, 3, 3)
    np.save("x.npy", picture)
    yield Path("mine.py")
    sys.modules.pop("mine", None)  # another test may write a module of the same name


def test_the_largest_output_is_the_sum_of_its_products(shelf: Path, call) -> None:
    record, out = told(call, "deep", "--image", "3", "--top", "4")
    run = load("deep")
    assert record["agrees"]
    assert record["where"]["module"] == "scores"
    assert len(record["terms"]) == 4
    whole = sum(term["value"] for term in record["terms"]) + record["rest"]["value"]
    assert whole == pytest.approx(record["value"], abs=1e-5)
    unit = record["index"][1]
    first = record["terms"][0]
    inner = int(first["from"][1].rpartition(",")[2].strip(" ]"))
    weight = float(run.network.scores.weight.detach()[unit, inner])
    assert f"{weight:.5g}" in out
    assert "equal within rounding" in out


def test_the_way_down_ends_at_a_pixel(shelf: Path, call) -> None:
    record, out = told(call, "deep", "--image", "0", "--down")
    assert record["way"][0]["where"]["module"] == "scores"
    assert record["way"][-1]["name"].startswith("input[0, 0, ")
    assert "numbers recomputed" in out
    assert all(step["agrees"] for step in record["way"][:-1])


def test_the_shares_of_the_examples_are_the_gradient(shelf: Path, call) -> None:
    asked = "hidden.0.weight[1, 20]"
    record, out = told(call, "deep", "--gradient-of", asked, "--examples", "6")
    assert record["agrees"]
    assert len(record["examples"]) == 6
    total = sum(share["value"] for share in record["examples"])
    assert total == pytest.approx(record["value"], abs=1e-7)
    assert "pulled it most" in out


def test_a_step_is_told_up_to_the_real_new_weight(shelf: Path, call) -> None:
    record, _ = told(call, "deep", "--update-of", "scores.weight[3, 7]")
    assert record["agrees"]
    assert record["steps"][-1]["value"] == record["after"]
    assert record["change"] == pytest.approx(record["after"] - record["before"])
    assert record["before"] == float(load("deep").network.scores.weight.detach()[3, 7])


def test_a_network_of_ones_own_is_explained(mine: Path, call) -> None:
    record, out = told(call, "mine.py:build", "--input", "x.npy", "--at", "0[0, 1, 1]")
    assert record["value"] == -2  # 6 · 1 + 8 · −1
    assert record["windows"][0]["products"] == [[0, 6], [-8, 0]]
    assert "input[0, 0, 1…2, 1…2]" in out


def test_the_copied_python_gives_the_number_again(mine: Path, call) -> None:
    record, _ = told(call, "mine.py:build", "--input", "x.npy", "--at", "2[1]", "--python")
    done = subprocess.run(
        [sys.executable, "-c", record["python"]], capture_output=True, text=True, check=True
    )
    ours, theirs = map(float, done.stdout.split())
    assert theirs == record["value"]
    assert ours == pytest.approx(theirs, rel=1e-6)


def test_a_loss_of_ones_own_gives_the_gradient(mine: Path, call) -> None:
    words = ("mine.py:build", "--input", "x.npy", "--loss", "mine.py:loss")
    record, _ = told(call, *words, "--gradient-of", "2.bias[1]")
    answer, _ = told(call, "mine.py:build", "--input", "x.npy", "--at", "2[1]")
    assert record["agrees"]
    assert abs(answer["value"]) < 1e6
    assert record["op"]


def test_everything_that_can_be_asked_is_listed(mine: Path, call) -> None:
    record, _ = told(call, "mine.py:build", "--input", "x.npy", "--list")
    assert record["names"]["0"] == [1, 1, 2, 2]
    assert record["names"]["2.weight"] == [2, 4]


def test_one_walks_from_term_to_term_and_back(mine: Path, call, monkeypatch) -> None:
    words = iter(["1", "u", "2b", "nowhere", "9", "d", "p", "l", "h", "0[0, 0, 0]", "q"])
    monkeypatch.setattr("builtins.input", lambda _: next(words))
    record, out = told(call, "mine.py:build", "--input", "x.npy", "--at", "2[0]", "--walk")
    assert record["visited"][0] == "2[0, 0]"
    assert record["visited"][1].startswith("1[0, ")
    assert record["visited"][2] == "2[0, 0]"
    assert record["visited"][3].startswith("2.weight[0, ")
    assert record["visited"][-1] == "0[0, 0, 0, 0]"
    assert "recorded name: found 'nowhere'" in out


def test_a_kept_number_stands_in_the_report(shelf: Path, call) -> None:
    told(call, "deep", "--image", "1", "--keep")
    page = (load("deep").folder / "report.html").read_text()
    assert "Where a number comes from" in page
    assert "validation 1" in page


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["deep", "--at", "scores[0, 99]"], ["scores: found", "[0 … 0, 0 … 9]"]),
        (["deep", "--at", "score[0, 1]"], ["'score'", "did you mean 'scores'"]),
        (["deep", "--at", "scores[a]"], ["address: found"]),
        (["deep", "--at", "scores[0, 1]", "--gradient-of", "scores[1]"], ["2 numbers at once"]),
        (["deep", "--top", "0"], ["--top: found 0"]),
        (["deep", "--image", "99999"], ["--image: found 99999", "validation example"]),
        (["mine.py:build"], ["no input", "--input"]),
        (["mine.py:needs", "--input", "x.npy"], ["raised TypeError"]),
        (["mine.py:broken", "--input", "x.npy"], ["raised RuntimeError: out of ideas"]),
        (["mine.py:build", "--input", "y.npy"], ["no file y.npy"]),
        (["mine.py:build", "--input", "mine.py"], ["mine.py", ".npz"]),
        (["mine.py:build", "--input", "x.npy", "--gradient-of", "2.bias[0]"], ["no loss"]),
        (["mine.py:build", "--input", "wide.npy"], ["(1, 3, 3, 3)", "0"]),
    ],
)
def test_wrong_use_is_told_in_four_parts(mine: Path, call, words, parts) -> None:
    np.save("wide.npy", np.zeros((1, 3, 3, 3), np.float32))
    outcome = call("explain", *words)
    assert outcome.code == 2
    assert "Traceback" not in outcome.err
    assert "Fix: " in outcome.err
    for part in parts:
        assert part in outcome.err


def test_a_damaged_input_file_is_bad_data(mine: Path, call) -> None:
    Path("bad.npy").write_bytes(b"\x93NUMPY nonsense")
    assert call("explain", "mine.py:build", "--input", "bad.npy").code == 3
