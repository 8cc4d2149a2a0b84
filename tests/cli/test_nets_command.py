"""`pellucid nets`: the list, and one network with its cost."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from pellucid.base.catalog import Catalog
from pellucid.data.arrays import from_arrays
from pellucid.train import cost
from pellucid.train.cost import measure
from pellucid.train.fit import Sitting
from pellucid.train.recipe import Recipe

MINE = """
import torch
from torch import nn

class Odd(nn.Module):
    def __init__(self, outputs):
        super().__init__()
        self.scores = nn.Linear(64, outputs)
        self.forgotten = nn.Linear(5, 5)

    def forward(self, x):
        flat = x.flatten(1)
        return self.scores(flat) + 0 * torch.cdist(flat, flat).sum()

def build(inputs, outputs):
    return Odd(outputs)

def number():
    return 3

def narrow(outputs):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, outputs + 1))
"""


@pytest.fixture(autouse=True)
def in_a_folder_with_a_net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine_for_nets.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(cost, "measure", partial(measure, seconds=0.05))


def show(call, *words: object) -> dict[str, Any]:
    outcome = call("nets", "show", *words, "--json", "net.json")
    assert outcome.code == 0, outcome.err
    record: dict[str, Any] = json.loads(Path("net.json").read_text())
    return record


def test_every_net_is_listed_with_its_line(call) -> None:
    outcome = call("nets", "list")
    assert outcome.code == 0
    for name, text in Catalog("net", "nets").menu().items():
        assert name in outcome.out
        assert text in outcome.out


def test_without_a_subcommand_the_help_is_shown(call) -> None:
    outcome = call("nets")
    assert outcome.code == 0
    assert "pellucid nets show" in call("nets", "show", "--help").out


def test_linear_on_digits_is_64_times_10(call) -> None:
    record = show(call, "linear", "--data", "digits", "--batch-size", 100)
    assert record["parameters"] == 64 * 10 + 10
    assert record["multiply_adds"] == 64 * 10
    assert record["memory_bytes"]["parameters"] == 4 * 650
    assert record["memory_bytes"]["gradients"] == 4 * 650
    assert record["batch_size"] == 100
    assert record["epoch"]["steps"] == 11  # 1,133 training pictures
    assert 0 < record["epoch"]["low"] <= record["epoch"]["seconds"] <= record["epoch"]["high"]
    assert record["epoch"]["measured_steps"] >= 5


def test_the_table_tells_layers_totals_seconds_and_memory(call) -> None:
    outcome = call("nets", "show", "linear", "--data", "digits")
    for told in ("1 × 8 × 8", "Linear", "640", "total", "An epoch: about", "Training holds"):
        assert told in outcome.out


def test_an_autoencoder_is_shown_for_denoising(call) -> None:
    assert show(call, "autoencoder-dense", "--data", "digits")["task"] == "denoise"


def test_a_net_of_the_users_is_walked_and_what_is_odd_is_told(call) -> None:
    outcome = call("nets", "show", "mine_for_nets:build", "--data", "digits")
    assert outcome.code == 0, outcome.err
    assert "not counted" in outcome.out
    assert "at least 640" in outcome.out
    assert "uses _cdist_forward" in outcome.out
    assert "Never called in forward: forgotten (Linear), 30 parameters" in outcome.out


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("convnt", "--data", "digits"), 2, "did you mean 'convnet'?"),
        (("convnet",), 2, "--data"),
        (("convnet", "--data", "digts"), 2, "did you mean 'digits'?"),
        (("convnet", "--data", "digits", "--set", "widht=3"), 2, "did you mean 'width'?"),
        (("convnet", "--data", "digits", "--set", "width"), 2, "key=value"),
        (("convnet", "--data", "digits", "--task", "denoize"), 2, "did you mean 'denoise'?"),
        (("convnet", "--data", "digits", "--batch-size", 5000), 2, "5000 with 1133"),
        (("convnet", "--data", "digits", "--batch-size", 0), 2, "1 example or more"),
        (("recurrent", "--data", "digits", "--task", "next-symbol"), 2, "next-symbol"),
        (("mine_for_nets:number", "--data", "digits"), 2, "returned int"),
        (("mine_for_nets:narrow", "--data", "digits"), 2, "out_features of layer 1 to 10, not 11"),
        (("mine_for_nets:biuld", "--data", "digits"), 2, "did you mean mine_for_nets:build?"),
        (("nowhere:build", "--data", "digits"), 2, "no module nowhere"),
    ],
)
def test_wrong_use_is_told_with_the_way_out(call, words, code: int, told: str) -> None:
    outcome = call("nets", "show", *words)
    assert outcome.code == code
    assert told in outcome.err
    assert "Fix: " in outcome.err


def test_a_batch_keeps_the_bytes_that_its_backward_pass_needs() -> None:
    # A linear layer keeps its inputs (6 × 16 floats), a ReLU its answer (6 × 5), the loss the
    # logarithms of the shares (6 × 2) and the targets (6 of 8 bytes), and what it divides by.
    chance = np.random.default_rng(0)
    data = from_arrays(chance.integers(0, 256, (60, 4, 4)).astype(np.uint8), np.arange(60) % 2)
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 5), nn.ReLU(), nn.Linear(5, 2))
    recipe = Recipe(dataset="arrays", net="given:net", batch_size=6, optimiser="momentum")
    torch.manual_seed(0)
    timing, memory = measure(Sitting(recipe, data, network), seconds=0.05)
    floats = 6 * 16 + 6 * 5 + 6 * 2
    assert 0 <= memory.activations - (4 * floats + 8 * 6) <= 16
    assert memory.optimiser == memory.gradients == memory.parameters == 4 * (85 + 12)
    assert memory.average == 0
    assert timing.low <= timing.mean <= timing.high
