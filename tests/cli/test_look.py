"""`pellucid look`: what it writes, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

NETWORK = """
import torch
from torch import nn
def build():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                         nn.Linear(27, 2))
class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.scores = nn.Linear(64, 2)
    def forward(self, x):
        return self.scores(nn.functional.dropout(x.flatten(1), 0.5, training=True))
"""


def asked(call, *words: object, code: int = 0) -> tuple[dict[str, Any], Any]:
    outcome = call("look", *words, "--json", "l.json")
    assert outcome.code == code, outcome.err
    return json.loads(Path("l.json").read_text()), outcome


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    name = f"net_of_{tmp_path.name}"  # a module is imported once a process
    (tmp_path / f"{name}.py").write_text(NETWORK)
    chance = np.random.RandomState(0)
    pixels, labels = chance.randint(0, 256, (12, 1, 8, 8)).astype(np.uint8), np.arange(12) % 2
    np.savez(tmp_path / "p.npz", inputs=pixels, labels=labels)
    return tmp_path / f"{name}.py"


def test_a_run_gets_a_page_and_every_instrument_its_two_files(shelf: Path, call) -> None:
    record, _ = asked(call, "plain", "--only", "filters", "--only", "top-activations")
    folder = shelf / "plain" / "look"
    assert [one["name"] for one in record["instruments"]] == ["filters", "top-activations"]
    for one in record["instruments"]:
        assert (folder / one["facts"]).is_file()
        assert sorted(load_file(folder / one["arrays"])) == one["names"]
    assert Path(record["page"]).read_text(encoding="utf-8").count("<section") == 2


def test_a_second_look_leaves_nothing_of_the_first(shelf: Path, call) -> None:
    asked(call, "plain", "--only", "filters")
    asked(call, "plain", "--only", "distributions")
    names = {path.name for path in (shelf / "plain" / "look").iterdir()}
    assert names == {
        "about.json", "look.html", "distributions.json", "distributions.safetensors",
    }  # fmt: skip


def test_the_test_set_stays_sealed(shelf: Path, call) -> None:
    before = (shelf / "plain" / "looks.jsonl").read_bytes()
    asked(call, "plain", "--only", "top-activations")
    assert (shelf / "plain" / "looks.jsonl").read_bytes() == before


def test_one_picture_can_be_shown(shelf: Path, call) -> None:
    record, _ = asked(call, "plain", "--image", "3", "--only", "filters")
    assert [entry["index"] for entry in record["pictures"]] == [3]


def test_a_network_of_ones_own_with_weights_and_pictures(mine: Path, call) -> None:
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 3, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(),
        torch.nn.Linear(27, 2),
    )  # fmt: skip
    weights = {name: torch.full_like(one, 0.25) for name, one in network.state_dict().items()}
    save_file(weights, mine.parent / "w.safetensors")
    words = (f"{mine.name}:build", "--weights", "w.safetensors", "--pictures", "p.npz")
    record, _ = asked(call, *words, "--layer", "0", "--out", "seen")
    kept = load_file(Path("seen") / "filters.safetensors")
    assert bool((kept["weights.0"] == 0.25).all())
    facts = json.loads((Path("seen") / "top-activations.json").read_text())
    assert [layer["name"] for layer in facts["layers"]] == ["0"]
    assert record["classes"] == ["0", "1"]


def test_the_list_names_instruments_and_layers(shelf: Path, call) -> None:
    record, outcome = asked(call, "deep", "--list")
    assert [layer["name"] for layer in record["layers"]] == ["hidden.0", "hidden.3", "scores"]
    assert "top-activations" in record["instruments"]
    assert "hidden.3" in outcome.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("plain", "--layer", "score"), "did you mean 'scores'?"),
        (("plain", "--only", "filter"), "did you mean 'filters'?"),
        (("plain", "--image", "100000"), "a validation example from 0 to"),
        (("plain", "--image", "gone.png"), "gone.png"),
        (("plain", "--target", "17"), "--target: found '17', expected one of 0, 1"),
        (("plain", "--against", "cat"), "--against: found 'cat'"),
        (("plain", "--weights", "w.safetensors"), "leave --weights out"),
        (("noisy", "--target", "3"), "a network that names classes"),
        (("gone",), "gone"),
    ],
)
def test_what_there_is_not_is_refused(shelf: Path, call, words, told: str) -> None:
    outcome = call("look", *words)
    assert outcome.code in (2, 3)
    assert told in outcome.err
    assert "Traceback" not in outcome.err


def test_a_forward_with_chance_is_refused(mine: Path, call) -> None:
    outcome = call("look", f"{mine.name}:Noisy", "--pictures", "p.npz")
    assert outcome.code == 2
    assert "two different answers to one picture" in outcome.err


def test_pictures_of_another_size_are_refused(mine: Path, call) -> None:
    np.savez("large.npz", inputs=np.zeros((4, 1, 9, 30), np.uint8))
    outcome = call("look", f"{mine.name}:build", "--pictures", "large.npz")
    assert outcome.code == 2
    assert "with pictures (1, 9, 30)" in outcome.err


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"pictures": np.zeros((2, 1, 8, 8))}, "arrays pictures, expected inputs"),
        ({"inputs": np.zeros((0, 1, 8, 8))}, "inputs (0, 1, 8, 8)"),
        ({"inputs": np.zeros((2, 1, 8, 8)), "labels": np.zeros(3, int)}, "labels (3,) for 2"),
    ],
)
def test_arrays_that_are_no_pictures_are_refused(mine: Path, call, arrays, told: str) -> None:
    np.savez("odd.npz", **arrays)
    outcome = call("look", f"{mine.name}:build", "--pictures", "odd.npz")
    assert outcome.code == 3
    assert told in outcome.err


def test_weights_that_are_not_numbers_are_refused(mine: Path, call) -> None:
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 3, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(),
        torch.nn.Linear(27, 2),
    )  # fmt: skip
    weights = {name: one.clone() for name, one in network.state_dict().items()}
    weights["4.bias"][1] = float("nan")
    save_file(weights, mine.parent / "w.safetensors")
    words = (f"{mine.name}:build", "--weights", "w.safetensors", "--pictures", "p.npz")
    outcome = call("look", *words)
    assert outcome.code == 3
    assert "weights 4.bias: found 1 of 2 numbers that are not finite" in outcome.err


def test_a_network_without_pictures_is_told_what_to_give(mine: Path, call) -> None:
    outcome = call("look", f"{mine.name}:build")
    assert outcome.code == 2
    assert "--pictures FOLDER" in outcome.err


def test_a_run_without_checkpoints_is_refused(shelf: Path, call) -> None:
    for path in (shelf / "plain" / "checkpoints").iterdir():
        path.unlink()
    outcome = call("look", "plain")
    assert outcome.code == 3
    assert "best.safetensors: found no such file" in outcome.err


def test_answers_that_are_no_scores_leave_the_question_why_out_and_say_so(
    shelf: Path, call
) -> None:
    record, _ = asked(call, "noisy", "--only", "attributions", "--only", "attribution-checks")
    for one in record["instruments"]:
        (told,) = one["skipped"]
        assert "not one score a class" in told


def test_answers_that_are_probabilities_are_told(mine: Path, call) -> None:
    source = mine.read_text()
    softmax = source.replace("nn.Linear(27, 2))", "nn.Linear(27, 2), nn.Softmax(dim=1))")
    other = mine.with_name(f"soft_{mine.name}")
    other.write_text(softmax)
    words = (f"{other.name}:build", "--pictures", "p.npz", "--only", "attributions")
    record, _ = asked(call, *words)
    (one,) = record["instruments"]
    assert any("answers with probabilities" in line for line in one["limits"])


def test_maps_are_compared_after_learning_shuffled_labels(shelf: Path, call) -> None:
    before = sorted(path.name for path in shelf.iterdir())
    asked(call, "plain", "--only", "attribution-checks", "--random-labels")
    facts = json.loads((shelf / "plain" / "look" / "attribution-checks.json").read_text())
    found = {one["name"]: one["relabelled"] for one in facts["methods"]}
    assert found["edges"] == found["random-order"] == pytest.approx(1)
    assert found["gradient"] < 0.9  # another network: other weights
    assert sorted(path.name for path in shelf.iterdir()) == before


@pytest.mark.parametrize("words", [("noisy",), ("mine.py:build", "--pictures", "p.npz")])
def test_labels_that_cannot_be_shuffled_are_refused(shelf: Path, call, words) -> None:
    outcome = call("look", *words, "--random-labels")
    assert outcome.code == 2
    assert "leave --random-labels out" in outcome.err


def test_what_was_found_before_ctrl_c_is_on_the_page(
    shelf: Path, call, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pellucid.inside import looking

    before = looking.measure

    def measure(name, subject):
        if name == "filters":
            raise KeyboardInterrupt
        return before(name, subject)

    monkeypatch.setattr(looking, "measure", measure)
    only = [word for name in ("distributions", "filters", "pooling") for word in ("--only", name)]
    record, outcome = asked(call, "plain", *only, code=130)
    assert [one["name"] for one in record["instruments"]] == ["distributions"]
    assert record["not_done"] == ["filters", "pooling"]
    assert "Not done: filters, pooling." in outcome.err
    assert "<section" in Path(record["page"]).read_text(encoding="utf-8")
    told = call("look", "plain", "--only", "filters")
    assert told.code == 130
    assert "Traceback" not in told.err
