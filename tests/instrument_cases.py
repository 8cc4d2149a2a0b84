"""What every instrument must find on one small linear network, worked out by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from pellucid.inside.subject import Frame, Reading, Subject


def linear_network() -> Subject:
    network = nn.Sequential(nn.Conv2d(1, 1, 2), nn.Flatten(), nn.Linear(4, 2))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[[[1.0, 2.0], [-3.0, 0.0]]]]))
        network[0].bias.fill_(0.5)
        network[2].weight.copy_(torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 2.0]]))
        network[2].bias.zero_()
    x = torch.arange(9.0).reshape(1, 1, 3, 3)
    pictures = [{"class": "a", "index": 0, "correct": True}]
    own = {name: value.clone() for name, value in network.state_dict().items()}
    turned = {name: -value for name, value in own.items()}
    return Subject(
        network, x, (1, 3, 3), x, x.to(torch.uint8), torch.tensor([0]), pictures,
        film=(Frame(1, turned), Frame(2, own)),
        loss=lambda output, _target: output.mean(),
    )  # fmt: skip


def exact_filters(reading: Reading) -> None:
    assert reading.facts["first"] == "0"
    assert reading.tensors["weights.0"].tolist() == [[[[1, 2], [-3, 0]]]]


def exact_activation_maps(reading: Reading) -> None:
    """Cell (0, 0): 0·1 + 1·2 − 3·3 + 4·0 + 0.5 = −6.5; one step on nothing changes by 1+2−3 = 0."""
    assert reading.tensors["maps.0"].tolist() == [[[[-6.5, -6.5], [-6.5, -6.5]]]]
    assert reading.facts["layers"][0]["receptive_field"] == [2, 2]


def exact_distributions(reading: Reading) -> None:
    """The scores are −6.5 and 6.5 − 13 = −6.5; the last weights are 1, −1, 2 and five zeros."""
    scores = reading.facts["activations"][-1]
    assert (scores["name"], scores["mean"], scores["std"], scores["zeros"]) == ("2", -6.5, 0, 0)
    weights = reading.facts["weights"][-1]
    assert weights["count"] == 8
    assert weights["zeros"] == 5 / 8
    assert weights["mean"] == 2 / 8
    assert weights["std"] == pytest.approx((6 / 8 - (2 / 8) ** 2) ** 0.5, rel=1e-15)
    assert sum(weights["counts"]) == 3
    assert (weights["low"], weights["high"]) == (-1, 2)


def exact_top_activations(reading: Reading) -> None:
    """The one channel answers −6.5 everywhere; both scores are made of it alone: 1 · −6.5, and
    −1 · −6.5 + 2 · −6.5.
    """
    first, last = reading.facts["layers"]
    (unit,) = first["units"]
    assert (unit["top"][0]["value"], unit["top"][0]["cell"]) == (-6.5, [0, 0])
    assert unit["top"][0]["box"] == [0, 1, 0, 1]
    assert [one["top"][0]["value"] for one in last["units"]] == [-6.5, -6.5]
    assert last["units"][0]["top"][0]["box"] == [0, 2, 0, 2]
    assert [one["before"] for one in last["units"]] == [[{"unit": 0, "share": -6.5}]] * 2
    assert unit["after"] == [{"unit": 0, "share": -6.5}, {"unit": 1, "share": -6.5}]
    assert reading.tensors["pictures"].flatten().tolist() == list(range(9))


def exact_pooling(reading: Reading) -> None:
    assert reading.facts["skipped"] == ["The network has no max pooling as a module of its own."]


def exact_attributions(reading: Reading) -> None:
    """Score 0 is the first cell: 1 · x00 + 2 · x01 − 3 · x10 + 0.5, with x01 = 1 and x10 = 3."""
    slope = [[1, 2, 0], [-3, 0, 0], [0, 0, 0]]
    shares = [[0, 2, 0], [-9, 0, 0], [0, 0, 0]]
    for name, expected in {
        "gradient": slope, "input-times-gradient": shares, "linear-template": shares,
        "occlusion": shares,
    }.items():  # fmt: skip
        assert reading.tensors[name].tolist() == [[expected]], name
    for name, expected in (("integrated-gradients", shares), ("smooth-gradient", slope)):
        wanted = torch.tensor([[expected]]).float()
        torch.testing.assert_close(reading.tensors[name], wanted, rtol=1e-5, atol=1e-5)
    (picture,) = reading.facts["pictures"]
    assert (picture["target"], picture["score"], picture["probability"]) == ("0", -6.5, 0.5)
    template = next(one for one in reading.facts["methods"] if one["name"] == "linear-template")
    assert template["replies"][0]["constant"] == 0.5


def exact_attribution_checks(reading: Reading) -> None:
    """Pixel x01 = 1 comes first: the scores are then 2.5 and −1.5 + 2 · 0.5. All black, and all
    there, both scores are equal.
    """
    inserted = reading.tensors["gradient.insertion"].tolist()
    assert [inserted[0], inserted[-1]] == [0.5, 0.5]
    assert inserted[3] == pytest.approx(1 / (1 + np.exp(-3)), rel=1e-6)
    found = {one["name"]: one for one in reading.facts["methods"]}
    assert found["edges"]["likeness"] == found["random-order"]["likeness"] == pytest.approx(1)


def exact_probes(reading: Reading) -> None:
    told = "The examples are no pictures with class labels: there is nothing to read."
    assert reading.facts["skipped"] == [told]


def exact_gratings(reading: Reading) -> None:
    """The middle cell sees rows and columns 1 and 2; half of the swing of Σ weight · wave / 2."""
    (layer,) = reading.facts["layers"]
    assert (layer["sees"], layer["periods"]) == ([2, 2], [2.5])
    kernel = [[1, 2], [-3, 0]]
    for place, angle in enumerate(np.pi * np.arange(12) / 12):
        swings = [
            sum(
                kernel[row][column] / 2 * np.cos(2 * np.pi / 2.5 * (
                    (column - 0.5) * np.cos(angle) + (row - 0.5) * np.sin(angle)) + phase)
                for row in range(2) for column in range(2)
            )
            for phase in 2 * np.pi * np.arange(8) / 8
        ]  # fmt: skip
        found = float(reading.tensors["tuning.0"][0, place])
        assert found == pytest.approx((max(swings) - min(swings)) / 2, rel=1e-5)


def exact_optimised_pictures(reading: Reading) -> None:
    """The middle cell is 1 · p11 + 2 · p12 − 3 · p21 + 0.5."""
    first = reading.facts["layers"][0]["units"][0]
    assert first["natural"] == -6.5
    for picture, reached in zip(reading.tensors["pictures.0"][0], first["reached"], strict=True):
        p = picture[0].double()
        expected = float(p[1, 1] + 2 * p[1, 2] - 3 * p[2, 1] + 0.5)
        assert reached == pytest.approx(expected, abs=1e-5)
        assert p[1, 2] > 0.5 > p[2, 1]
        assert reached > 0.5


def exact_through_training(reading: Reading) -> None:
    """At first every weight has the other sign: filters point the other way, cells are +6.5."""
    assert reading.tensors["likeness.0"].flatten().tolist() == pytest.approx([-1, 1])
    assert reading.tensors["weights.0"].tolist() == [[[[-1, -2], [3, 0]]], [[[1, 2], [-3, 0]]]]
    assert reading.tensors["maps.0"].tolist() == [
        [[[6.5, 6.5], [6.5, 6.5]]], [[[-6.5, -6.5], [-6.5, -6.5]]],
    ]  # fmt: skip
    assert [layer["settled"] for layer in reading.facts["layers"]] == [[2], [2, 2]]
    assert reading.facts["error"] == 1  # epoch between the two


def exact_loss_landscape(reading: Reading) -> None:
    """The loss is the mean score: −6.5 with all weights turned, too, and 0 half way, at zero."""
    checkpoints, random = reading.facts["planes"]
    assert checkpoints["explained"] == pytest.approx(1, abs=1e-12)
    for mark in checkpoints["marks"]:
        assert mark["true"] == -6.5
        assert mark["plane"] == pytest.approx(-6.5, abs=1e-5)
    values = reading.tensors["checkpoints"]
    assert values[4].tolist()[4] == pytest.approx(0, abs=1e-5)
    assert random["middle"] == float(reading.tensors["random"][4, 4]) == -6.5


def skips(sentence: str) -> Callable[[Reading], None]:
    """It has nothing to do on a linear network, and says so."""

    def check(reading: Reading) -> None:
        assert reading.facts["skipped"] == [sentence]

    return check


EXACT: dict[str, Callable[[Reading], None]] = {
    "through-training": exact_through_training,
    "loss-landscape": exact_loss_landscape,
    "gates": skips("The network has no LSTM and no GRU."),
    "codes": skips("The answer is no picture that passed through a layer smaller than itself."),
    "attention": skips(
        "No attention was heard: the network has none, or computes it in a way of its own."
    ),
    "probes": exact_probes,
    "gratings": exact_gratings,
    "optimised-pictures": exact_optimised_pictures,
    "attributions": exact_attributions,
    "attribution-checks": exact_attribution_checks,
    "top-activations": exact_top_activations,
    "pooling": exact_pooling,
    "filters": exact_filters,
    "activation-maps": exact_activation_maps,
    "distributions": exact_distributions,
}
