"""The checks of attributions: each is shown to pass what is right and to catch what is not."""

from __future__ import annotations

import pytest
import torch
from scipy import stats
from torch import nn

from pellucid.inside import planted
from pellucid.inside.attribution import ATTRIBUTIONS, Attribution, Question, attribute
from pellucid.inside.curves import STEPS, insertion_and_deletion
from pellucid.inside.looking import measure
from pellucid.inside.randomised import cascade, likeness, stages
from pellucid.inside.subject import Gallery, Subject


def linear_question() -> Question:
    """Score 0 is 3 · first + 2 · second + 1 · third pixel, score 1 is nothing."""
    layer = nn.Linear(3, 2, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[3.0, 2, 1], [0, 0, 0]]))
    network = nn.Sequential(nn.Flatten(), layer).eval()
    return Question(network, torch.ones(1, 1, 1, 3), torch.zeros(1, 1, 3), target=0)


def test_the_curves_are_those_worked_out_by_hand() -> None:
    """Inserting 3, 2, 1 gives scores 0, 3, 5, 6; deleting them 6, 3, 1, 0."""
    question = linear_question()
    order = torch.tensor([[[3.0, 2, 1]]])
    inserted, deleted = insertion_and_deletion(question, order)
    places = [0, STEPS // 3, 2 * STEPS // 3, STEPS]
    scores = torch.tensor([0.0, 3, 5, 6]).double()
    torch.testing.assert_close(inserted[places], torch.sigmoid(scores))
    torch.testing.assert_close(deleted[places], torch.sigmoid(6 - scores))


def test_the_right_order_gains_more_than_the_wrong_one() -> None:
    question = linear_question()
    gains = [
        float((curve[0] - curve[1]).mean())
        for curve in (
            insertion_and_deletion(question, torch.tensor([[order]]))
            for order in ([3.0, 2, 1], [1.0, 2, 3])
        )
    ]
    assert gains[0] > gains[1]


def test_the_likeness_is_scipys_rank_correlation_over_what_is_not_black() -> None:
    chance = torch.Generator().manual_seed(0)
    picture = torch.rand(1, 1, 6, 6, generator=chance).round()
    question = Question(nn.Identity(), picture, torch.zeros(1, 6, 6), 0)
    one, two = (torch.randint(-4, 5, (1, 6, 6), generator=chance).float() for _ in range(2))
    lit = picture[0] != 0
    expected = stats.spearmanr(one[lit].abs(), two[lit].abs()).statistic
    assert likeness(question, one, two) == pytest.approx(expected, rel=1e-12)
    assert likeness(question, one, -one) == pytest.approx(1, rel=1e-12)


def small() -> Subject:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)
    ).eval()
    pictures = torch.rand(6, 1, 6, 6)
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    many = Gallery(pictures, pictures, labels, labels)
    entries = [{"class": "a", "index": 0, "correct": None}]
    return Subject(network, pictures, (1, 6, 6), pictures[:1], pictures[:1], labels[:1], entries,
                   classes=("a", "b", "c"), gallery=many)  # fmt: skip


def test_the_cascade_goes_down_from_the_last_layer_and_keeps_the_sizes_of_the_weights() -> None:
    subject = small()
    question = Question(subject.network, subject.shown, torch.zeros(1, 6, 6), 0)
    own = subject.network.state_dict()
    changed = [
        {name.split(".")[0] for name, value in one.weights.items() if not value.equal(own[name])}
        for one in cascade(subject, question)
    ]
    assert stages(subject) == ["4", "0"]
    assert changed[0] == {"4"}
    assert {"4", "0"} <= changed[1]
    for one in cascade(subject, question):
        for name, value in one.weights.items():
            if value.is_floating_point():
                assert torch.equal(value.flatten().sort().values, own[name].flatten().sort().values)


def test_a_method_that_only_draws_edges_is_told_to_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    edges = ATTRIBUTIONS.load("edges")
    gradient = ATTRIBUTIONS.load("gradient")
    monkeypatch.setattr(gradient, "attribute", edges.attribute)
    facts = measure("attribution-checks", small()).facts
    told = {one["name"]: one["verdict"]["fails"] for one in facts["methods"]}
    assert any("stays the same when all weights are shuffled" in line for line in told["gradient"])
    assert any("not better than that of the picture's edges" in line for line in told["gradient"])
    assert not any("stays the same" in line for line in told["occlusion"])


@pytest.fixture(scope="module")
def shares() -> dict[str, float]:
    return {name: found["mass"] for name, found in planted.masses(0).items()}


@pytest.mark.parametrize("name", ["integrated-gradients", "occlusion"])
def test_nine_tenths_of_the_map_lie_on_the_planted_tag(shares: dict[str, float], name: str) -> None:
    assert shares[name] >= 0.9


@pytest.mark.parametrize("name", ["edges", "random-order"])
def test_a_baseline_does_not_find_the_planted_tag(shares: dict[str, float], name: str) -> None:
    assert shares[name] < 0.25


def test_the_tag_alone_decides_and_the_network_reads_it() -> None:
    pictures, labels, tag = planted.draw(200, torch.Generator().manual_seed(9))
    network = planted.trained(0)
    assert float((network(pictures).argmax(dim=1) == labels).float().mean()) > 0.98
    swapped = pictures * tag[:, None]
    assert float((network(swapped).argmax(dim=1) == labels).float().mean()) > 0.98
    assert (tag.sum(dim=(1, 2)) == 9).all()


def test_a_map_of_one_pixel_beside_the_tag_has_no_mass_on_it() -> None:
    _, _, tag = planted.draw(1, torch.Generator().manual_seed(1))
    beside = Attribution((~tag).float(), 0.0).values
    assert planted._share(beside, tag[0]) == 0
    assert planted._share(tag.float(), tag[0]) == 1


def test_weights_that_stand_in_leave_the_network_alone() -> None:
    subject = small()
    question = Question(subject.network, subject.shown, torch.zeros(1, 6, 6), 0)
    before = attribute("gradient", question).values
    for changed in cascade(subject, question):
        assert not torch.equal(attribute("gradient", changed).values, before)
    assert torch.equal(attribute("gradient", question).values, before)
