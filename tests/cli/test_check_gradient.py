"""`pellucid check-gradient`: a file of one's own, told right or wrong."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

FILE = """
import numpy as np

def forward(x, weights, actual):
    prediction = x @ weights
    print("prediction", prediction.shape)
    return np.mean((prediction - actual) ** 2)

def right(x, weights, actual):
    prediction = x @ weights
    return 2 * x.T @ (prediction - actual) / actual.size

def wrong(x, weights, actual):
    prediction = x @ weights
    return 2 * (prediction - actual) @ x.T

class Doubled:
    def forward(self, x):
        return 2 * x
    def backward(self, gradient):
        return 2 * gradient

doubled = Doubled()
three = 3

def inputs(seed):
    chance = np.random.default_rng(seed)
    return [chance.normal(size=shape) for shape in ((5, 3), (3, 3), (5, 3))]
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder with a file `mine.py`, which is forgotten after."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    (tmp_path / "mine.py").write_text(FILE)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def test_a_right_gradient_ends_with_0(here: Path, call) -> None:
    outcome = call("check-gradient", "mine.py:forward,right", "--of", "weights")
    assert outcome.code == 0, outcome.err
    assert "weights (3, 3): right, every number compared" in outcome.out
    assert "prediction" not in outcome.out  # what the functions print is no result


def test_a_wrong_gradient_ends_with_1_and_is_recognised(here: Path, call) -> None:
    outcome = call(
        "check-gradient", "mine.py:forward,wrong", "--of", "weights", "--json", "out.json"
    )
    assert outcome.code == 1
    assert "weights (3, 3): wrong shape: found (5, 5), expected (3, 3)" in outcome.out
    assert "write instead: x.T @ d / 15" in outcome.out
    record = json.loads(Path("out.json").read_text())
    assert record["right"] is False
    assert record["inputs"][0]["mistake"]["kinds"] == ["operands", "count"]


def test_the_json_object_stands_alone(here: Path, call) -> None:
    words = ("check-gradient", "mine.py:forward,right", "--of", "weights", "--json", "-")
    assert json.loads(call(*words).out)["right"] is True


def test_inputs_come_from_a_file_by_name_or_in_order(here: Path, call) -> None:
    chance = np.random.default_rng(0)
    x, weights, actual = (chance.normal(size=shape) for shape in ((7, 2), (2, 4), (7, 4)))
    np.savez("named.npz", actual=actual, x=x, weights=weights)
    np.savez("ordered.npz", x, weights, actual)
    for path in ("named.npz", "ordered.npz"):
        outcome = call(
            "check-gradient", "mine.py:forward,right", "--of", "weights", "--inputs", path
        )
        assert outcome.code == 0, outcome.err
        assert "weights (2, 4): right" in outcome.out


def test_a_seed_draws_other_inputs(here: Path, call) -> None:
    def told(seed: int) -> str:
        words = ("mine.py:forward,half", "--of", "weights", "--seed", seed)
        return str(call("check-gradient", *words).out)

    with (here / "mine.py").open("a") as file:
        file.write("\ndef half(*inputs): return right(*inputs) / 2\n")
    assert told(1) == told(1) != told(2)


def test_names_lead_into_objects(here: Path, call) -> None:
    with (here / "mine.py").open("a") as file:
        file.write("\ninputs = np.arange(6.0).reshape(2, 3)\n")
    outcome = call("check-gradient", "mine.py:doubled.forward,doubled.backward")
    assert outcome.code == 0, outcome.err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("mine.py:forward",), 2, "write mine.py:forward,backward"),
        (("mine.py",), 2, "no backward in mine"),
        (("mine.py:forwrad,right",), 2, "did you mean forward?"),
        (("mine.py:three,right",), 2, "three of type int, which cannot be called"),
        (("mien.py",), 2, "no module mien"),
        (("mine.py:forward,right",), 2, "--of weights"),
        (("mine.py:forward,right", "--of", "wheights"), 2, "did you mean weights?"),
        (("mine.py:forward,right", "--inputs", "gone.npz"), 3, "no such file"),
        (("mine.py:forward,right", "--inputs", "mine.py"), 3, "NumPy cannot read"),
        (("mine.py:forward,right", "--inputs", "part.npz"), 2, "one called actual"),
    ],
)
def test_wrong_use_is_told_with_the_way_out(here: Path, call, words, code: int, told: str) -> None:
    np.savez("part.npz", x=np.ones(3), weights=np.ones(3))
    outcome = call("check-gradient", *words)
    assert (outcome.code, told in outcome.err) == (code, True), outcome.err


def test_a_file_without_inputs_is_told_what_to_add(here: Path, call) -> None:
    (here / "bare.py").write_text(FILE.partition("def inputs")[0])
    outcome = call("check-gradient", "bare.py:forward,right")
    assert outcome.code == 2
    assert "add to the file: inputs = (x, weights, actual), or give --inputs" in outcome.err
