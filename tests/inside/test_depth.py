"""Probes against scikit-learn, gratings on filters whose kind is known, optimised pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import RidgeClassifier
from torch import Tensor, nn

from pellucid.inside.instruments import gratings, probes
from pellucid.inside.looking import measure
from pellucid.inside.subject import Gallery, Subject


def subject(network: nn.Module, pictures: Tensor, labels: Tensor) -> Subject:
    entries = [{"class": "a", "index": 0, "correct": None}]
    many = Gallery(pictures, pictures, labels, labels)
    return Subject(
        network.eval(), pictures, tuple(pictures.shape[1:]), pictures[:1], pictures[:1],
        labels[:1], entries, classes=("a", "b", "c"), gallery=many,
    )  # fmt: skip


def test_the_reading_is_scikit_learns_ridge_classifier() -> None:
    chance = torch.Generator().manual_seed(0)
    labels = torch.randint(3, (90,), generator=chance)
    features = torch.randn(90, 12, generator=chance).double() + labels[:, None]
    theirs = RidgeClassifier(alpha=7.0).fit(features.numpy(), labels.numpy())
    weights, biases = probes.ridge(features, labels, 7.0)
    np.testing.assert_allclose(weights.T.numpy(), theirs.coef_, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(biases.numpy(), theirs.intercept_, rtol=1e-8, atol=1e-10)
    answers = probes.read((weights, biases), features).numpy()
    assert (answers == theirs.predict(features.numpy())).all()


def test_a_layer_that_forgets_the_classes_is_read_no_better_than_chance() -> None:
    chance = torch.Generator().manual_seed(1)
    labels = torch.arange(400) % 2
    pictures = torch.rand(400, 1, 4, 4, generator=chance)
    pictures[:, :, :2] += labels.view(-1, 1, 1, 1)
    keeps, forgets = nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 1, bias=False)
    with torch.no_grad():
        keeps.weight.fill_(1)
        forgets.weight.fill_(0)
    network = nn.Sequential(keeps, forgets, nn.Flatten(), nn.Linear(16, 2))
    found = {one["name"]: one for one in measure("probes", subject(network, pictures, labels))
             .facts["layers"]}  # fmt: skip
    assert found["pixels"]["accuracy"] == found["0"]["accuracy"] == 1
    assert found["1"]["low"] < 0.5 < found["1"]["high"] + 0.06
    assert found["0"]["examples"] == 200


def test_data_sorted_by_class_are_read_as_well_as_mixed_ones() -> None:
    chance = torch.Generator().manual_seed(1)
    labels = (torch.arange(300) // 100).sort().values
    pictures = torch.rand(300, 1, 3, 3, generator=chance)
    pictures[torch.arange(300), 0, labels] += 1  # a bright row a class
    network = nn.Sequential(nn.Flatten(), nn.Linear(9, 3))
    found = measure("probes", subject(network, pictures, labels)).facts["layers"][0]
    assert found["accuracy"] > 0.95


@pytest.mark.parametrize("shape", [(4, 1, 1), (3, 20, 30), (2000, 4, 4), (70, 5, 5)])
def test_large_maps_are_averaged_to_about_a_thousand_numbers(shape: tuple[int, ...]) -> None:
    maps = torch.ones(2, *shape)
    found = probes.compressed(maps)
    assert found.shape[1] <= max(probes.FEATURES, shape[0])
    assert bool((found == 1).all())


def known_filters() -> nn.Conv2d:
    """An upright edge, a lying bright stroke, a blob, and a filter that is flat."""
    rows = torch.arange(7.0).view(-1, 1) - 3
    columns = torch.arange(7.0) - 3
    near = torch.exp(-(rows.square() + columns.square()) / 4)
    edge = columns * near
    stroke = (1 - rows.square() / 1.5) * torch.exp(-rows.square() / 3 - columns.square() / 9)
    wide = torch.exp(-(rows.square() + columns.square()) / 9)
    blob = near / near.sum() - wide / wide.sum()
    layer = nn.Conv2d(1, 4, 7, bias=False)
    kernels = [edge, stroke - stroke.mean(), blob - blob.mean(), torch.full((7, 7), 0.1)]
    with torch.no_grad():
        layer.weight.copy_(torch.stack([one / one.norm() for one in kernels])[:, None])
    return layer


def test_filters_whose_kind_is_known_are_told_so() -> None:
    pictures = torch.rand(3, 1, 15, 15, generator=torch.Generator().manual_seed(0))
    (layer,) = measure("gratings", subject(known_filters(), pictures, torch.tensor([0, 1, 2])))\
        .facts["layers"]  # fmt: skip
    edge, stroke, blob, flat = layer["units"]
    assert (edge["kind"], edge["angle"]) == ("edge", 0)
    assert (stroke["kind"], stroke["angle"]) == ("stroke", 90)
    assert stroke["even"] > 0
    assert blob["kind"] == "blob"
    assert flat["kind"] == "neither"


def test_selectivity_is_one_for_one_angle_and_nothing_for_all() -> None:
    tuning = torch.zeros(3, gratings.ANGLES)
    tuning[0, 4] = 2
    tuning[1] = 5
    tuning[2, [0, gratings.ANGLES // 2]] = 1  # two angles at right angles cancel
    np.testing.assert_allclose(gratings.selectivity(tuning).numpy(), [1, 0, 0], atol=1e-12)


def test_an_optimised_picture_excites_its_unit_more_than_noise_does() -> None:
    pictures = torch.rand(60, 1, 15, 15, generator=torch.Generator().manual_seed(0))
    given = subject(known_filters(), pictures, torch.arange(60) % 3)
    reading = measure("optimised-pictures", given)
    units = reading.facts["layers"][0]["units"]
    for unit in units[:3]:
        assert min(unit["reached"]) > unit["natural"]
    made = reading.tensors["pictures.network"]
    assert made.shape == (4, 4, 1, 15, 15)
    assert float(made.min()) >= 0
    assert float(made.max()) <= 1
    assert not torch.equal(made[0, 0], made[0, 1])
