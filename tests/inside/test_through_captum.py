"""Methods that Captum computes: what is refused, and what is said where it is missing."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from pellucid.inside import attribution
from pellucid.inside.attribution import DoesNotApply, Question, attribute, within_reach
from pellucid.inside.looking import measure
from pellucid.inside.subject import Gallery, Subject

needs_captum = pytest.mark.skipif(find_spec("captum") is None, reason="pip install captum")
THEIRS = ["deep-lift", "gradient-shap", "guided-backprop"]


class Called(nn.Module):
    """Its activation is a function, which hooks do not find."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Linear(16, 12), nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.second(functional.relu(self.first(x.flatten(1))))
        return found


def asked_of(network: nn.Module) -> Question:
    torch.manual_seed(1)
    return Question(network.eval(), torch.randn(1, 1, 4, 4), torch.zeros(1, 4, 4), target=1)


@needs_captum
@pytest.mark.parametrize(
    ("name", "words"),
    [("deep-lift", "miss the score's difference"), ("guided-backprop", "1 of the network's 1")],
)
def test_what_hooks_do_not_find_is_refused_and_not_shown_wrong(name: str, words: str) -> None:
    with pytest.raises(DoesNotApply, match=words):
        attribute(name, asked_of(Called()))


@needs_captum
def test_two_classes_are_one_score_and_its_parts_add_up() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 12), nn.ReLU(), nn.Linear(12, 3))
    question = asked_of(network)
    against = Question(network, question.picture, question.black, target=1, against=2)
    ends = against.scores(torch.stack([against.black, against.picture[0]]))
    found = attribute("deep-lift", against)
    assert float(found.values.sum()) == pytest.approx(float(ends[1] - ends[0]), abs=1e-5)
    shap = attribute("gradient-shap", against)
    assert float(shap.values.sum()) == pytest.approx(float(ends[1] - ends[0]), abs=0.5)
    assert shap.error > 0


def test_where_captum_is_missing_it_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attribution, "find_spec", lambda name: None)
    assert not set(THEIRS) & set(within_reach())
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 3)).eval()
    pictures, labels = torch.rand(2, 1, 4, 4), torch.tensor([0, 1])
    entries = [{"class": "a", "index": 0, "correct": None}]
    subject = Subject(
        network, pictures, (1, 4, 4), pictures[:1], pictures[:1], labels[:1], entries,
        classes=("a", "b", "c"), gallery=Gallery(pictures, pictures, labels, labels),
    )  # fmt: skip
    facts = measure("attributions", subject).facts
    said = [line for line in facts["skipped"] if "captum" in line]
    assert said == [f"{', '.join(THEIRS)}: pip install captum to have them, too."]
