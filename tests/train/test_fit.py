from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import pellucid
from pellucid.base.errors import BadData, WrongUse
from pellucid.data.dataset import Dataset
from pellucid.train.fit import Sitting, resume
from pellucid.train.folders import check_same_data
from pellucid.train.metrics import wilson
from pellucid.train.recipe import Recipe

SHORT = Recipe(dataset="bars", net="dense", batch_size=16, epochs=3, learning_rate=0.01)


def test_digits_end_to_end_is_good_and_leaves_a_whole_run(tmp_path: Path) -> None:
    run = pellucid.fit(dataset="digits", runs=tmp_path)
    result = run.result
    assert result["test"]["accuracy"] >= 0.955  # one seed; the mean of three is held to 0.975
    right = round(result["test"]["accuracy"] * result["test"]["examples"])
    assert (result["test"]["low"], result["test"]["high"]) == pytest.approx(
        wilson(right, result["test"]["examples"])
    )
    assert result["looks_at_test"] == 1
    assert [look["reason"] for look in run.looks] == ["the verdict at the end of training"]
    assert {path.name for path in run.folder.iterdir()} >= {
        "recipe.json", "environment.json", "data.json", "metrics.jsonl", "result.json",
        "looks.jsonl", "notes.md", "checkpoints", "evaluation",
    }  # fmt: skip
    for path in run.folder.rglob("*.json"):
        assert json.loads(path.read_text())["schema"] == 1


def test_a_loaded_run_answers_as_it_was_judged(dataset: Dataset, tmp_path: Path) -> None:
    run = pellucid.fit("dense", dataset, SHORT, runs=tmp_path)
    loaded = pellucid.load(run.folder)
    test = dataset.open_test("a test of ours")
    assert not loaded.network.training
    with torch.no_grad():
        answers = loaded.network(loaded.prepare(test.inputs)).argmax(1).numpy()
    assert (answers == test.labels).mean() == pytest.approx(loaded.result["test"]["accuracy"])


def test_pictures_of_another_kind_are_refused_by_prepare(dataset: Dataset, tmp_path: Path) -> None:
    run = pellucid.fit("linear", dataset, SHORT, runs=tmp_path)
    assert run.prepare(np.zeros((2, 8, 8), np.uint8)).shape == (2, 1, 8, 8)
    for wrong in (np.zeros((2, 1, 9, 8), np.uint8), np.zeros((2, 1, 8, 8), np.float32)):
        with pytest.raises(BadData, match="uint8 with shape"):
            run.prepare(wrong)


def test_a_module_of_ones_own_is_trained_and_loaded_with_its_object(
    dataset: Dataset, tmp_path: Path
) -> None:
    def own() -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 3))

    run = pellucid.fit(own(), dataset, SHORT, runs=tmp_path)
    with pytest.raises(WrongUse, match="network=YourNetwork"):
        _ = pellucid.load(run.folder).network
    assert isinstance(pellucid.load(run.folder, network=own()).network, nn.Sequential)
    other = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.Linear(32, 3))
    with pytest.raises(BadData, match=r"weights 1\.weight"):
        _ = pellucid.load(run.folder, network=other).network


def test_until_stops_at_the_level_and_patience_restores_the_best(
    dataset: Dataset, tmp_path: Path
) -> None:
    long = SHORT.with_changes({"epochs": 60})
    until = pellucid.fit("dense", dataset, long.with_changes({"until": 0.9}), runs=tmp_path)
    values = [row["validation"]["accuracy"] for row in until.metrics]
    assert until.result["stopped"] == "until"
    assert values[-1] >= 0.9 > max([*values[:-1], 0])
    patient = pellucid.fit("dense", dataset, long.with_changes({"patience": 4}), runs=tmp_path)
    values = [row["validation"]["accuracy"] for row in patient.metrics]
    assert patient.result["stopped"] == "patience"
    best = max(place for place, value in enumerate(values, start=1) if value == max(values))
    assert patient.result["best_epoch"] == best  # of equals the later one
    risen = values.index(max(values)) + 1
    assert len(values) == risen + 4  # an equal epoch is no better one
    assert patient.result["validation"]["accuracy"] == max(values)


def test_the_test_set_stays_sealed_when_it_is_asked_to(dataset: Dataset, tmp_path: Path) -> None:
    looks: list[str] = []
    dataset.on_look.append(lambda reason, count: looks.append(reason))
    run = Sitting(SHORT, dataset).start(tmp_path, None, [], look_at_test=False)
    assert "test" not in run.result
    assert (looks, run.looks, run.result["looks_at_test"]) == ([], [], 0)


def test_resuming_with_other_data_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    from made import bars

    run = pellucid.fit("linear", dataset, SHORT, runs=tmp_path)
    with pytest.raises(BadData, match="sizes"):
        resume(run, dataset=bars(train=90))


def test_a_run_of_another_name_is_refused_with_the_near_miss(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PELLUCID_RUNS", str(tmp_path))
    pellucid.fit("linear", dataset, SHORT, runs=tmp_path)
    assert pellucid.load("bars-linear-1").name == "bars-linear-1"
    with pytest.raises(WrongUse, match="bars-linear-1"):
        pellucid.load("bar-linear-1")


def test_a_damaged_checkpoint_is_named(dataset: Dataset, tmp_path: Path) -> None:
    run = pellucid.fit("linear", dataset, SHORT, runs=tmp_path)
    path = run.folder / "checkpoints" / "best.safetensors"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BadData, match=r"best\.safetensors"):
        _ = pellucid.load(run.folder).network


@pytest.mark.parametrize(
    ("network", "dataset", "found"),
    [
        (lambda: nn.Linear(64, 10), "digits", "pellucid.fit, network: found a function,"),
        ("linear", torch.zeros(3), "pellucid.fit, dataset: found a Tensor,"),
        (nn.Linear(3, 4), "digits", "layer the network itself (Linear): found in_features 3"),
    ],
)
def test_what_is_no_network_or_no_data_is_told_before_anything_is_written(
    tmp_path: Path, network: Any, dataset: Any, found: str
) -> None:
    with pytest.raises(WrongUse) as caught:
        pellucid.fit(network, dataset, runs=tmp_path)
    assert found in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_run_goes_on_with_the_very_examples_it_began_with_alone(
    tmp_path: Path, dataset: Dataset
) -> None:
    """Two test examples that change places leave shapes, sizes and means as they were."""
    run = pellucid.fit("dense", dataset, SHORT, runs=tmp_path, look_at_test=False)
    order = np.arange(len(dataset._test))
    order[:2] = 1, 0
    changed = replace(dataset, _test=dataset._test.take(order))
    with pytest.raises(BadData, match="other examples or labels in the test split"):
        resume(run, dataset=changed)
    with pytest.raises(BadData, match="other examples or labels in the test split"):
        check_same_data(run, changed)
    check_same_data(run, dataset)
