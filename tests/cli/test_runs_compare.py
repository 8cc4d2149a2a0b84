"""`pellucid runs compare`: the recipes' difference, the results', and when there is none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from pellucid.base.records import read_json, write_json
from pellucid.cli.comparison import sentences
from pellucid.lab.compare import Difference


def damage(path: Path) -> None:
    """Cut a file in half."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def change(path: Path, **values: Any) -> None:
    write_json(path, {**read_json(path), **values})


def compared(call, *words: str, code: int = 0) -> tuple[dict[str, Any], str]:
    outcome = call("runs", "compare", *words, "--json", "c.json")
    assert outcome.code == code, outcome.err
    record: dict[str, Any] = json.loads(Path("c.json").read_text())
    return record, " ".join((outcome.out + outcome.err).split())


def test_the_difference_is_that_of_the_two_results(shelf: Path, call) -> None:
    record, told = compared(call, "plain", "deep")
    a, b = (
        read_json(shelf / name / "result.json")["test"]["accuracy"] for name in ("plain", "deep")
    )
    found = record["difference"]
    assert (found["a"], found["b"]) == (a, b)
    assert found["value"] == pytest.approx(b - a)
    counts = found["counts"]
    assert sum(counts.values()) == found["examples"] == 359
    assert counts["only_b"] - counts["only_a"] == round(359 * (b - a))
    assert record["recipe"] == {"net": ["linear", "dense"]}
    assert "of 359 correctly" in told


def test_a_run_compared_with_itself_cannot_be_told_apart(shelf: Path, call) -> None:
    record, told = compared(call, "plain", "plain")
    assert record["recipe"] == {}
    assert record["difference"]["better"] == ""
    assert "Their recipes are the same." in told
    assert "cannot tell them apart" in told


def test_on_validation_the_test_set_is_left_alone(shelf: Path, call) -> None:
    for name in ("plain", "deep"):
        (shelf / name / "evaluation" / "test.safetensors").unlink()
    record, told = compared(call, "plain", "deep", "--on", "validation")
    assert record["difference"]["split"] == "validation"
    assert "uses it up" not in told
    assert compared(call, "plain", "deep")[0] == record  # no other answers are there


def test_restorers_and_texts_are_compared_in_their_own_unit(shelf: Path, call) -> None:
    record, told = compared(call, "noisy", "noisy")
    assert (record["difference"]["metric"], record["difference"]["value"]) == ("psnr_db", 0.0)
    assert "dB" in told
    record, told = compared(call, "tale", "tale")
    assert (record["difference"]["metric"], record["difference"]["value"]) == ("nats", 0.0)


@pytest.mark.parametrize(
    ("pair", "told"),
    [
        (("plain", "noisy"), "different tasks: classify and denoise"),
        (("plain", "tale"), "different tasks: classify and next-symbol"),
    ],
)
def test_unlike_runs_are_refused_but_their_recipes_are_shown(shelf, call, pair, told) -> None:
    record, text = compared(call, *pair, code=2)
    assert record["difference"] is None
    assert "task" in record["recipe"]
    assert told in record["error"]["found"]
    assert told in text
    assert "Choice" in text


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("classes", ["0", "1"], "different classes"),
        ("mean", [0.1], "different a train split of means"),
        ("sizes", {"train": 1}, "different splits of sizes"),
    ],
)
def test_runs_of_other_data_are_refused(shelf: Path, call, key: str, value, told: str) -> None:
    change(shelf / "deep" / "data.json", **{key: value}, fingerprints={})
    record, _ = compared(call, "plain", "deep", code=2)
    assert told.removeprefix("different ") in record["error"]["found"]


def test_whether_the_examples_are_the_same_is_told_by_their_fingerprint(shelf, call) -> None:
    """Another train split does not matter, another test example does."""
    marks = read_json(shelf / "deep" / "data.json")["fingerprints"]
    change(shelf / "deep" / "data.json", mean=[0.1])
    assert compared(call, "plain", "deep")[0]["notes"] == []
    change(shelf / "deep" / "data.json", fingerprints={**marks, "validation": "0" * 64})
    compared(call, "plain", "deep")
    record, _ = compared(call, "plain", "deep", "--on", "validation", code=2)
    assert "different a train split of means" in record["error"]["found"]
    mean = read_json(shelf / "plain" / "data.json")["mean"]
    change(shelf / "deep" / "data.json", mean=mean)
    record, _ = compared(call, "plain", "deep", "--on", "validation", code=2)
    assert record["error"]["found"] == (
        f"different validation examples: fingerprint {marks['validation'][:12]} and "
        "fingerprint 000000000000"
    )


def test_a_run_from_before_fingerprints_is_compared_and_that_is_said(shelf, call) -> None:
    old = read_json(shelf / "deep" / "data.json")
    del old["fingerprints"]
    write_json(shelf / "deep" / "data.json", old)
    record, told = compared(call, "plain", "deep")
    assert record["difference"]["examples"] == 359
    assert len(record["notes"]) == 1
    assert "deep lacks a fingerprint of the test examples" in told
    assert "concluded from the data's name, sizes, labels and means" in told


def test_restorers_that_were_given_other_noise_are_refused(shelf: Path, call) -> None:
    from pellucid.train.checkpoint import load_tensors, save_tensors

    shutil.copytree(shelf / "noisy", shelf / "noisier")
    path = shelf / "noisier" / "evaluation" / "test.safetensors"
    tensors, facts = load_tensors(path)
    save_tensors(path, {**tensors, "given_squared_error": 2 * tensors["given_squared_error"]}, {})
    record, _ = compared(call, "noisy", "noisier", code=2)
    assert "damage to the pictures" in record["error"]["found"]
    assert facts["split"] == "test"


def test_a_run_that_was_not_judged_says_how_to_go_on(shelf: Path, call) -> None:
    (shelf / "deep" / "result.json").unlink()
    record, _ = compared(call, "plain", "deep", code=2)
    assert record["error"]["fix"].endswith("pellucid runs resume deep")


def test_damaged_answers_are_named(shelf: Path, call) -> None:
    path = shelf / "deep" / "evaluation" / "test.safetensors"
    damage(path)
    record, _ = compared(call, "plain", "deep", code=3)
    assert record["error"]["where"] == str(path)
    assert record["recipe"] == {"net": ["linear", "dense"]}


def test_an_unknown_split_is_refused(shelf: Path, call) -> None:
    assert "test or validation" in call("runs", "compare", "plain", "deep", "--on", "train").err


def difference(only_a: int, only_b: int, low: float, high: float) -> Difference:
    total, right = 10_000, 9_900
    counts = {"both_right": right, "only_a": only_a, "only_b": only_b}
    counts["both_wrong"] = total - right - only_a - only_b
    a, b = (right + only_a) / total, (right + only_b) / total
    return Difference("accuracy", "test", total, a, b, b - a, low, high, True, counts, 0.2)


def test_what_cannot_be_told_apart_is_said_in_plain_words() -> None:
    told = " ".join(sentences(difference(26, 38, -0.0003, 0.0027), {"net"}))
    assert "B reads 12 more of 10,000 correctly (38 are right in B alone, 26 in A alone)" in told
    assert "interval of the difference: −3.0 to +27" in told
    assert "The interval includes 0: this test set cannot tell them apart." in told
    assert "another seed" not in told


def test_a_clear_difference_names_the_better_and_what_the_interval_leaves_out() -> None:
    told = " ".join(sentences(difference(60, 20, -0.006, -0.002), {"net"}))
    assert "B reads 40 fewer" in told
    assert "A is better on such data" in told
    assert "How much another seed would change" in told


def test_a_difference_between_two_seeds_is_called_chance() -> None:
    told = " ".join(sentences(difference(60, 20, -0.006, -0.002), {"seed"}))
    assert "Only the seed differs" in told
