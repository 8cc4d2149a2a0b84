"""What excites a unit, whom it hears, what pooling keeps: against what is worked out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from pellucid.base.errors import WrongUse
from pellucid.inside.looking import measure
from pellucid.inside.points import points_of
from pellucid.inside.subject import Gallery, Subject


def subject(network: nn.Module, pictures: Tensor, labels: list[int]) -> Subject:
    entries = [{"class": "a", "index": 0, "correct": None}]
    truth = torch.tensor(labels)
    stored = pictures.to(torch.uint8)
    return Subject(
        network, pictures, tuple(pictures.shape[1:]), pictures[:1], stored[:1], truth[:1], entries,
        classes=("a", "b"), gallery=Gallery(pictures, stored, truth, truth),
    )  # fmt: skip


def spot_finder() -> nn.Module:
    """One unit that answers with the brightness of a single pixel."""
    layer = nn.Conv2d(1, 1, 1, bias=False)
    nn.init.ones_(layer.weight)
    return nn.Sequential(layer, nn.ReLU())


def test_the_pictures_come_by_strength_with_the_cell_that_was_strongest() -> None:
    pictures = torch.zeros(3, 1, 4, 4)
    pictures[0, 0, 1, 2], pictures[1, 0, 3, 0], pictures[2, 0, 0, 1] = 5, 9, 7
    (layer,) = measure("top-activations", subject(spot_finder(), pictures, [0, 1, 1])).facts[
        "layers"
    ]
    top = layer["units"][0]["top"]
    assert [(one["index"], one["value"], one["cell"]) for one in top] == [
        (1, 9, [3, 0]), (2, 7, [0, 1]), (0, 5, [1, 2]),
    ]  # fmt: skip
    assert top[0]["box"] == [3, 3, 0, 0]
    assert layer["read"] == "read after 1"


def test_the_classes_and_the_selectivity_are_those_of_the_class_means() -> None:
    """Means 5 and 8: (8 − 5) / (8 + 5)."""
    pictures = torch.zeros(3, 1, 2, 2)
    pictures[:, 0, 0, 0] = torch.tensor([5.0, 9, 7])
    unit = measure("top-activations", subject(spot_finder(), pictures, [0, 1, 1])).facts["layers"][
        0
    ]["units"][0]
    assert [(one["class"], one["mean"]) for one in unit["answers"]] == [("b", 8), ("a", 5)]
    assert unit["selectivity"] == pytest.approx(3 / 13, rel=1e-12)


def test_a_unit_is_read_after_the_norm_and_the_activation_that_follow_it() -> None:
    network = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.BatchNorm2d(2), nn.ReLU(),
        nn.Flatten(), nn.Linear(8, 3), nn.Tanh(), nn.Linear(3, 2),
    ).eval()  # fmt: skip
    points = points_of(network, torch.zeros(1, 1, 6, 6))
    assert [(one.name, one.read, one.units) for one in points] == [
        ("0", "3", 2), ("5", "6", 3), ("7", "7", 2),
    ]  # fmt: skip


def test_a_layer_can_be_chosen_and_a_wrong_name_has_its_near_misses() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2))
    (point,) = points_of(network, torch.zeros(1, 1, 6, 6), ("1",))
    assert (point.name, point.rows) == ("1", 2)
    with pytest.raises(WrongUse) as told:
        points_of(network, torch.zeros(1, 1, 6, 6), ("3",))
    assert "one of 0, 1" in str(told.value)


def test_what_a_partner_gives_adds_up_to_the_unit_without_its_bias() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 2))
    pictures = torch.rand(5, 1, 6, 6)
    layers = measure("top-activations", subject(network, pictures, [0, 1, 0, 1, 0])).facts["layers"]
    with torch.no_grad():
        expected = (network(pictures) - network[3].bias).mean(dim=0)
    for unit, value in zip(layers[1]["units"], expected, strict=True):
        assert sum(one["share"] for one in unit["before"]) == pytest.approx(float(value), rel=1e-5)


def test_a_crop_is_the_receptive_field_also_along_a_branch() -> None:
    class Branch(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.near = nn.Conv2d(1, 1, 3, padding=1)
            self.far = nn.Conv2d(1, 1, 5, padding=2)
            self.last = nn.Conv2d(1, 1, 1)

        def forward(self, x: Tensor) -> Tensor:
            answer: Tensor = self.last(self.near(x) + self.far(x))
            return answer

    pictures = torch.rand(2, 1, 12, 12, generator=torch.Generator().manual_seed(1))
    layers = measure("top-activations", subject(Branch(), pictures, [0, 1])).facts["layers"]
    fields = {one["name"]: one["receptive_field"] for one in layers}
    assert fields == {"near": [3, 3], "far": [5, 5], "last": [5, 5]}


def test_the_winner_of_a_pooling_window_is_where_the_pooled_value_stands() -> None:
    pictures = torch.rand(2, 3, 6, 8, generator=torch.Generator().manual_seed(2))
    reading = measure("pooling", subject(nn.MaxPool2d(2), pictures, [0, 1]))
    won = reading.tensors["winners.network"].long()
    windows = functional.unfold(pictures[:1], 2, stride=2).view(1, 3, 4, 3, 4)
    chosen = windows.gather(2, won[:, :, None]).squeeze(2)
    assert torch.equal(chosen, functional.max_pool2d(pictures[:1], 2))
    (layer,) = reading.facts["layers"]
    assert sum(layer["shares"]) == pytest.approx(1, abs=1e-12)
    assert layer["shares"] == [float((won == place).double().mean()) for place in range(4)]


def test_windows_that_overlap_and_reach_over_the_border_are_counted_from_their_own_corner() -> None:
    picture = torch.zeros(1, 1, 4, 4)
    picture[0, 0, 1, 1] = 1
    reading = measure("pooling", subject(nn.MaxPool2d(3, 2, 1), picture, [0]))
    assert reading.tensors["winners.network"][0, 0].tolist()[0][0] == 2 * 3 + 2
    assert reading.tensors["winners.network"][0, 0].tolist()[1][1] == 0
