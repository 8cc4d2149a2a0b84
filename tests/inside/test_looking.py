"""Instruments put to a finished run: what they are shown, and what they leave in its folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pellucid.base.records import read_json
from pellucid.data.dataset import Dataset, Split
from pellucid.data.load import load as load_data
from pellucid.inside import look
from pellucid.inside.instruments.distributions import BINS, statistics
from pellucid.inside.looking import AFTER_TRAINING, measure
from pellucid.inside.subject import Subject, subject_of
from pellucid.train.fit import fit
from pellucid.train.recipe import Recipe
from pellucid.train.runs import Run


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_data("digits")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, digits: Dataset) -> Run:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("runs")
    return fit("convnet", "digits", Recipe(epochs=2), runs=folder, look_at_test=False)


def test_every_instrument_of_the_report_leaves_its_two_files(run: Run, digits: Dataset) -> None:
    look(run, digits)
    names = {path.name for path in (run.folder / "inside").iterdir()}
    assert names == {
        f"{name}.{ending}" for name in AFTER_TRAINING for ending in ("json", "safetensors")
    }
    assert read_json(run.folder / "inside" / "filters.json")["instrument"] == "filters"


def test_the_same_run_gives_the_same_bytes(run: Run, digits: Dataset) -> None:
    look(run, digits)
    first = {path: path.read_bytes() for path in (run.folder / "inside").iterdir()}
    look(Run(run.folder), load_data("digits"))
    assert {path: path.read_bytes() for path in (run.folder / "inside").iterdir()} == first


def test_the_test_set_stays_sealed(run: Run) -> None:
    data = load_data("digits")
    looks: list[str] = []
    data.on_look.append(lambda reason, _count: looks.append(reason))
    look(run, data)
    assert looks == []
    assert run.looks == []


def test_one_rightly_answered_picture_of_every_class_is_shown(run: Run, digits: Dataset) -> None:
    subject = subject_of(run, digits)
    answers = run.network(subject.shown).argmax(dim=1)
    right = [entry["correct"] for entry in subject.pictures]
    assert subject.labels.tolist() == list(range(10))
    assert (answers == subject.labels).tolist() == right
    stored = digits.validation.inputs[[entry["index"] for entry in subject.pictures]]
    assert np.array_equal(subject.stored.numpy(), stored)


def test_a_class_that_is_never_read_is_shown_and_marked(run: Run, digits: Dataset) -> None:
    validation = digits.validation
    confused = Split(validation.inputs, (validation.labels + 1) % 10)
    wrong = Dataset(
        digits.card, digits.kind, digits.classes, digits.train, confused, confused,
        digits.mean, digits.std,
    )  # fmt: skip
    marks = [entry["correct"] for entry in subject_of(run, wrong).pictures]
    assert False in marks
    assert len(marks) == 10


def pictures_of(network: nn.Module, count: int = 4) -> Subject:
    x = torch.randn(count, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    entries = [{"class": "a", "index": 0, "correct": None}]
    return Subject(network, x, (1, 6, 6), x[:1], x[:1].to(torch.uint8), torch.tensor([0]), entries)


def test_a_layer_that_writes_over_the_answer_changes_no_map() -> None:
    network = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(inplace=True))
    subject = pictures_of(network)
    with torch.no_grad():
        expected = network[0](subject.shown)
    maps = measure("activation-maps", subject).tensors["maps.0"]
    assert (maps < 0).any()
    assert torch.equal(maps, expected)


def test_only_so_many_maps_are_kept_and_it_is_told() -> None:
    facts = measure("activation-maps", pictures_of(nn.Conv2d(1, 70, 3))).facts
    assert facts["layers"][0]["channels"] == 70
    assert facts["layers"][0]["kept"] == 64


class RefusesNaN(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Conv2d(1, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        if x.isnan().any():
            raise ValueError("a picture with NaN")
        answer: Tensor = self.look(x)
        return answer


def test_a_network_that_refuses_nan_has_maps_without_a_receptive_field() -> None:
    facts = measure("activation-maps", pictures_of(RefusesNaN())).facts
    assert facts["layers"][0]["receptive_field"] is None
    assert "refuses NaN" in facts["skipped"][0]


def test_a_dense_first_layer_is_kept_as_pictures() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(36, 5))
    reading = measure("filters", pictures_of(network))
    assert reading.facts["first"] == "1"
    assert torch.equal(reading.tensors["weights.1"], network[1].weight.detach().view(5, 1, 6, 6))


def test_the_first_layer_is_the_one_called_first_not_the_one_written_first() -> None:
    class Backwards(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.second = nn.Conv2d(2, 1, 1)
            self.first = nn.Conv2d(1, 2, 3)

        def forward(self, x: Tensor) -> Tensor:
            answer: Tensor = self.second(self.first(x))
            return answer

    assert measure("filters", pictures_of(Backwards())).facts["first"] == "first"


def test_of_a_transposed_convolution_the_filters_come_first() -> None:
    weights = measure("filters", pictures_of(nn.ConvTranspose2d(1, 5, 3))).tensors
    assert weights["weights.network"].shape == (5, 1, 3, 3)


def test_silent_units_after_a_rectifier_are_counted() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(36, 3), nn.ReLU())
    with torch.no_grad():
        network[1].weight[1:] = 0
        network[1].bias.copy_(torch.tensor([0.0, -1.0, 2.0]))
    last = measure("distributions", pictures_of(network)).facts["activations"][-1]
    assert last["silent"] == {"units": 3, "silent": 1}


def test_numbers_that_are_not_finite_are_counted_apart() -> None:
    record = statistics(torch.tensor([1.0, float("nan"), float("inf"), 3.0, 0.0]))
    assert (record["count"], record["not_finite"]) == (5, 2)
    assert (record["mean"], record["low"], record["high"]) == (4 / 3, 0, 3)
    assert record["zeros"] == 1 / 3
    assert sum(record["counts"]) == 2
    nothing = statistics(torch.tensor([float("nan")]))
    assert nothing["counts"] == []
    json.dumps(nothing, allow_nan=False)


def test_a_constant_layer_has_one_bin() -> None:
    record = statistics(torch.full((7,), 2.0))
    assert record["counts"][BINS // 2] == 7
    assert (record["low"], record["high"]) == (1.5, 2.5)


def test_nothing_is_written_outside_the_folder_inside(run: Run, digits: Dataset) -> None:
    def others(folder: Path) -> dict[Path, bytes]:
        paths = [path for path in folder.rglob("*") if path.is_file()]
        return {path: path.read_bytes() for path in paths if path.parent.name != "inside"}

    before = others(run.folder)
    look(run, digits)
    assert others(run.folder) == before
