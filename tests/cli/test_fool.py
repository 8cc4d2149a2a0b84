"""The command `fool`: what it prints, writes and refuses."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

MINE = """
import torch
from torch import nn
def build():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))
def squeezed():
    return nn.Sequential(build(), nn.Sigmoid())
def softer():
    return nn.Sequential(build(), nn.Softmax(dim=1))
class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(64, 3)
    def forward(self, x):
        return self.layer(x.flatten(1)), x
class Cut(Two):
    def forward(self, x):
        with torch.no_grad():
            return self.layer(x.flatten(1))
class Mixing(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.layer = nn.BatchNorm1d(64, track_running_stats=False), nn.Linear(64, 3)
    def forward(self, x):
        return self.layer(self.norm(x.flatten(1)))
def convolved():
    norm = nn.BatchNorm2d(1, track_running_stats=False)
    return nn.Sequential(norm, nn.Flatten(), nn.Linear(64, 3))
def doubled():
    return build().double()
def strange():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 3), nn.ELU())
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "mine_to_fool", raising=False)
    (tmp_path / "mine_to_fool.py").write_text(MINE)
    pixels = np.random.RandomState(0).randint(0, 256, (3, 8, 8)).astype(np.uint8)
    np.savez(tmp_path / "pictures.npz", inputs=pixels, labels=np.array([0, 1, 2]))
    (tmp_path / "tale.txt").write_text("the sea and the sky. " * 100)
    for name, labels in {"many": [0, 1, 7], "halves": [0.5, 1, 2], "below": [0, -1, 2]}.items():
        np.savez(tmp_path / f"{name}.npz", inputs=pixels, labels=np.array(labels))
    np.savez(tmp_path / "levels.npz", inputs=pixels.astype(float))
    np.savez(tmp_path / "complex.npz", inputs=pixels + 1j)
    np.savez(tmp_path / "wide.npz", inputs=np.zeros((2, 9, 9), np.uint8))
    return tmp_path


def test_pictures_without_labels(mine: Path, call) -> None:
    with np.load("pictures.npz") as kept:
        np.savez(mine / "bare.npz", inputs=kept["inputs"])
    told = call("fool", "mine_to_fool.py:build", "--pictures", "bare.npz", "--count", "2")
    assert told.code == 0
    assert "1/2  picture 0 read as " in told.err
    assert "None" not in told.out + told.err


def test_one_picture_of_a_run(shelf: Path, call) -> None:
    told = call("fool", "deep", "--image", "3", "--json", "out.json")
    assert told.code == 0
    record = json.loads(Path("out.json").read_text())
    (picture,) = record["pictures"]
    assert picture["index"] == 3
    assert picture["proved"] + picture["flipped"] + picture["undecided"] == 64
    assert f"{picture['proved']} pixels proved" in told.out
    path = shelf / "deep" / "fool" / "certificates" / "validation-3.json"
    assert path.is_file()
    checked = call("fool", "--verify", path, "--json", "-")
    assert checked.code == 0
    assert json.loads(checked.out)["holds"] is True


def test_many_pictures_have_a_share_with_its_interval(shelf: Path, call) -> None:
    told = call("fool", "plain", "--count", "6", "--json", "out.json")
    record = json.loads(Path("out.json").read_text())
    assert len(record["pictures"]) == 6
    assert 0 <= record["low"] <= record["share_fooled"] <= record["high"] <= 1
    assert "rightly read pictures" in told.out
    again = call("fool", "plain", "--count", "7", "--json", "more.json")
    more = json.loads(Path("more.json").read_text())
    assert more["pictures"][:6] == record["pictures"]
    assert again.code == 0


def test_a_proof_that_is_stopped_keeps_what_it_has_and_goes_on(
    shelf: Path, call, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pellucid.fool import search

    before, chunks = search.Search._settle, []

    def settle(self, pieces):
        chunks.append(len(pieces))
        if len(chunks) == 3:
            signal.raise_signal(signal.SIGINT)
        return before(self, pieces)

    monkeypatch.setattr(search, "AT_ONCE", 16)
    monkeypatch.setattr(search.Search, "_settle", settle)
    words = ("fool", "deep", "--count", "2", "--json", "out.json")
    stopped = call(*words)
    assert stopped.code == 130
    assert "1 of 2 pictures have a certificate: the same command goes on" in stopped.err
    (half,) = json.loads(Path("out.json").read_text())["pictures"]
    assert 0 < half["proved"] + half["flipped"] < 64
    assert call(*words).code == 0
    whole = json.loads(Path("out.json").read_text())["pictures"]
    went_on = len(chunks)
    assert call(*words, "--again").code == 0
    for one, other in zip(json.loads(Path("out.json").read_text())["pictures"], whole, strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}
    assert len(chunks) == 2 * went_on


def test_a_look_at_the_test_set_is_written_down(shelf: Path, call) -> None:
    before = len((shelf / "plain" / "looks.jsonl").read_text().splitlines())
    assert call("fool", "plain", "--image", "0").code == 0
    assert len((shelf / "plain" / "looks.jsonl").read_text().splitlines()) == before
    assert call("fool", "plain", "--image", "0", "--test").code == 0
    assert len((shelf / "plain" / "looks.jsonl").read_text().splitlines()) == before + 1


def test_a_network_of_ones_own(mine: Path, call) -> None:
    told = call(
        "fool", "mine_to_fool.py:build", "--pictures", "pictures.npz", "--count", "3",
        "--json", "out.json",
    )  # fmt: skip
    assert told.code == 0, told.err
    record = json.loads(Path("out.json").read_text())
    assert [one["label"] for one in record["pictures"]] == ["0", "1", "2"]
    path = Path("fool-build/certificates/picture-2.json")
    assert call("fool", "--verify", path).code == 0


def test_pictures_that_lie_class_by_class_are_taken_from_all_classes(mine: Path, call) -> None:
    pixels = np.random.RandomState(1).randint(0, 256, (12, 8, 8)).astype(np.uint8)
    np.savez(mine / "sorted.npz", inputs=pixels, labels=np.repeat([0, 1, 2], 4))
    words = ("fool", "mine_to_fool.py:build", "--pictures", "sorted.npz", "--count", "6")
    assert call(*words, "--json", "out.json").code == 0
    pictures = json.loads(Path("out.json").read_text())["pictures"]
    assert [picture["index"] for picture in pictures] == [0, 2, 4, 6, 8, 10]


def test_a_count_beyond_the_pictures_is_said(mine: Path, call) -> None:
    words = ("fool", "mine_to_fool.py:build", "--pictures", "pictures.npz")
    told = call(*words, "--count", "500", "--json", "out.json")
    assert told.code == 0
    assert "--count 500: there are only 3 pictures" in told.err
    assert len(json.loads(Path("out.json").read_text())["pictures"]) == 3
    assert "there are only" not in call(*words, "--count", "3").err


def test_all_levels_of_a_network_that_cannot_be_proved(mine: Path, call) -> None:
    words = ("fool", "mine_to_fool.py:strange", "--pictures", "pictures.npz")
    refused = call(*words)
    assert refused.code == 2
    assert "the operation elu" in refused.err
    assert "--enumerate" in refused.err
    told = call(*words, "--enumerate", "--json", "out.json")
    assert told.code == 0
    assert json.loads(Path("out.json").read_text())["method"] == "enumeration"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "no network"),
        (("mine_to_fool.py:build",), "no pictures"),
        (("mine_to_fool.py:softer", "--pictures", "pictures.npz"), "probabilities"),
        (("mine_to_fool.py:squeezed", "--pictures", "pictures.npz"), "by a sigmoid"),
        (("mine_to_fool.py:build", "--pictures", "pictures.npz", "--image", "9"), "0 to 2"),
        (("mine_to_fool.py:build", "--pictures", "pictures.npz", "--count", "0"), "--count"),
        (("mine_to_fool.py:build", "--pictures", "pictures.npz", "--seconds", "0"), "--seconds"),
        (("mine_to_fool.py:build", "--pictures", "tale.txt"), "holds symbols"),
        (("mine_to_fool.py:Two", "--pictures", "pictures.npz"), "an answer of type tuple"),
        (("mine_to_fool.py:Mixing", "--pictures", "pictures.npz", "--count", "2"), "for a single"),
        (("mine_to_fool.py:convolved", "--pictures", "pictures.npz"), "each picture by itself"),
        (("mine_to_fool.py:doubled", "--pictures", "pictures.npz"), "network.float()"),
        (("mine_to_fool.py:biuld", "--pictures", "pictures.npz"), "mine_to_fool:build?"),
        (("mine_to_fool.py:build", "--pictures", "levels.npz"), "astype('uint8')"),
        (("mine_to_fool.py:build", "--pictures", "many.npz", "--count", "3"), "the class 7"),
        (("mine_to_fool.py:build", "--pictures", "halves.npz"), "labels of float64"),
        (("mine_to_fool.py:build", "--pictures", "below.npz"), "the label -1"),
        (("mine_to_fool.py:build", "--pictures", "complex.npz"), "inputs of complex128"),
        (("mine_to_fool.py:build", "--pictures", "wide.npz"), "for pictures (1, 1, 9, 9)"),
        (("mine_to_fool.py:build", "--pictures", "gone.npz"), "no file"),
        (("nosuchrun",), "runs list"),
        (("--verify", "gone.json"), "no such file"),
        (("--verify", "gone.json", "--attack", "pgd"), "--attack with --verify"),
        (("--verify", "gone.json", "--count", "3"), "leave --count out"),
        (("--verify", "gone.json", "--budget", "0"), "--budget with --verify"),
    ],
)
def test_what_cannot_be_asked_is_told_in_four_parts(mine: Path, call, words, told: str) -> None:
    outcome = call("fool", *words)
    assert outcome.code in (2, 3)
    assert told in outcome.err
    assert "Fix:" in outcome.err


def test_options_of_a_network_of_ones_own_are_refused_for_runs(shelf: Path, call) -> None:
    refused = call("fool", "plain", "--pictures", "digits")
    assert refused.code == 2
    assert "only with module:factory" in refused.err


def test_a_run_that_restores_pictures_is_refused(shelf: Path, call) -> None:
    assert "names no classes" in call("fool", "noisy").err


def test_a_run_without_checkpoints_is_refused(shelf: Path, call) -> None:
    (shelf / "plain" / "checkpoints" / "best.safetensors").unlink()
    refused = call("fool", "plain")
    assert refused.code == 3
    assert "no checkpoints" in refused.err


def test_an_attack_and_a_corruption_have_their_curves(shelf: Path, call) -> None:
    told = call("fool", "deep", "--count", "20", "--attack", "pgd", "--json", "out.json")
    assert told.code == 0
    record = json.loads(Path("out.json").read_text())
    shares = [row["accuracy"] for row in record["curve"]]
    assert record["clean"]["accuracy"] >= shares[0] >= shares[-1]
    assert "does not prove" in told.out
    told = call("fool", "deep", "--count", "20", "--corruption", "blur", "--json", "out.json")
    assert len(json.loads(Path("out.json").read_text())["severities"]) == 5


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--attack", "pdg"), "did you mean 'pgd'"),
        (("--corruption", "blurr"), "did you mean 'blur'"),
        (("--attack", "pgd", "--budget", "0"), "--budget"),
        (("--attack", "pgd", "--corruption", "blur"), "one of them"),
        (("--attack", "pgd", "--budget", "8"), "8 of 255 levels are 0.031"),
        (("--attack", "fgsm", "--steps", "3"), "leave --steps out"),
        (("--attack", "square", "--restarts", "3"), "pgd, pgd-l2"),
        (("--attack", "pgd", "--steps", "0"), "1 or more"),
        (("--budget", "0.1"), "add --attack pgd"),
        (("--corruption", "blur", "--restarts", "2"), "no attack"),
        (("--attack", "pgd", "--enumerate"), "leave --enumerate out"),
        (("--attack", "pgd", "--beside", "zzzz"), "runs list"),
        (("--attack", "pgd", "--beside", "noisy"), "names no classes"),
    ],
)
def test_wrong_attacks_are_told(shelf: Path, call, words: tuple[str, ...], told: str) -> None:
    outcome = call("fool", "deep", *words)
    assert outcome.code == 2
    assert told in outcome.err


def test_two_runs_are_attacked_beside_each_other(shelf: Path, call) -> None:
    words = ("fool", "deep", "--count", "30", "--attack", "pgd", "--budget", "0.05", "--steps", "5")
    told = call(*words, "--restarts", "2", "--beside", "plain", "--json", "out.json")
    assert told.code == 0, told.err
    record = json.loads(Path("out.json").read_text())
    assert record["settings"] == {"steps": 5, "restarts": 2}
    assert record["beside"]["title"] == "run plain"
    for here, there, apart in zip(
        record["curve"], record["beside"]["curve"], record["difference"], strict=True
    ):
        assert apart["size"] == here["budget"] == there["budget"]
        assert apart["value"] == pytest.approx(here["accuracy"] - there["accuracy"])
        assert apart["low"] <= apart["value"] <= apart["high"]
    alone = call(*words[:-2], "--steps", "5", "--restarts", "2", "--json", "alone.json")
    assert alone.code == 0
    assert json.loads(Path("alone.json").read_text())["curve"] == record["curve"]


def test_two_runs_are_asked_about_one_pixel_beside_each_other(shelf: Path, call) -> None:
    told = call("fool", "deep", "--count", "6", "--beside", "plain", "--json", "out.json")
    assert told.code == 0, told.err
    record = json.loads(Path("out.json").read_text())
    assert record["beside"]["asked"] + record["beside"]["wrong"] == 6
    assert record["difference"]["pictures"] + record["difference"]["left_out"] == 6
    assert "Of run plain it changes" in told.out
    assert (shelf / "plain" / "fool" / "certificates" / "validation-5.json").is_file()


def test_a_run_of_other_pictures_cannot_stand_beside(mine: Path, shelf: Path, call) -> None:
    told = call(
        "fool", "mine_to_fool.py:build", "--pictures", "pictures.npz", "--beside", "plain"
    )  # fmt: skip
    assert told.code == 2
    assert "other pictures" in told.err


def test_an_attack_that_is_stopped_tells_what_it_has(
    shelf: Path, call, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pellucid.fool import robustness

    monkeypatch.setattr(robustness, "AT_ONCE", {"linf": 10})
    parts, before = [], robustness.Attacking._part

    def part(self, known, places):
        if len(parts) == 2:
            raise KeyboardInterrupt
        parts.append(places)
        return before(self, known, places)

    monkeypatch.setattr(robustness.Attacking, "_part", part)
    words = ("fool", "deep", "--count", "30", "--attack", "fgsm", "--beside", "plain")
    told = call(*words, "--json", "out.json")
    assert told.code == 130
    assert "Only 20 of 30 pictures were done." in told.err
    record = json.loads(Path("out.json").read_text())
    assert record["stopped"] is True
    assert record["clean"]["examples"] == 20
    assert "beside" not in record


def test_a_network_that_cuts_its_graph_is_said_to_have_no_slope(mine: Path, call) -> None:
    pixels = np.load("pictures.npz")["inputs"]
    np.savez("unlabelled.npz", inputs=pixels)
    words = ("--pictures", "unlabelled.npz", "--count", "3", "--attack", "pgd", "--steps", "2")
    told = call("fool", "mine_to_fool.py:Cut", *words)
    assert told.code == 0, told.err
    assert "The slope is exactly 0 for 100 % of the pictures" in told.out


@pytest.mark.parametrize(
    "change",
    [
        {"flips": [], "flipped": 0, "proved": 64},
        {"proved": 65},
        {"open": [[9, 0, [0.0], [1.0]]]},
    ],
    ids=["flips left out", "one pixel too many", "outside"],
)
def test_a_certificate_whose_pixels_do_not_add_up_is_refused(shelf: Path, call, change) -> None:
    assert call("fool", "plain", "--count", "9").code == 0
    folder = shelf / "plain" / "fool" / "certificates"
    records = [(path, json.loads(path.read_text())) for path in sorted(folder.glob("*.json"))]
    path, record = next(one for one in records if one[1]["flips"])
    assert call("fool", "--verify", path).code == 0
    path.write_text(json.dumps({**record, **change}))
    told = call("fool", "--verify", path)
    assert told.code == 3
    assert "do not add up" in told.err
