"""The laws of an attribution: whatever file lies in `inside/attributions/` is held to all of them.

It is exact on a linear network, gives the same map for the same seed, leaves neither hooks nor
changed bits behind, and says how large its error is.
"""

from __future__ import annotations

import math
import pkgutil
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor, nn

import pellucid.inside.attributions
from pellucid.inside.attribution import (
    ATTRIBUTIONS,
    Attribution,
    DoesNotApply,
    Question,
    attribute,
    is_baseline,
    out_of_reach,
)

FOUND = sorted(
    entry.name.replace("_", "-")
    for entry in pkgutil.iter_modules(pellucid.inside.attributions.__path__)
)
LACKING = out_of_reach()
every_attribution = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.skip(f"pip install {LACKING[name]}"))
        if name in LACKING
        else name
        for name in FOUND
    ],
)
Method = Callable[[Question], Attribution]

# A linear network: two maps of one picture, and two scores made of all their cells.
MAPS = np.array([2.0, -1.0])
SCORES = np.random.RandomState(3).randint(-4, 5, (2, 2, 4, 4)).astype(float)  # (class, map, …)
BIASES = np.array([0.5, -2.0])
PICTURE = np.random.RandomState(4).randint(0, 6, (4, 4)).astype(float)
BLACK = np.full((4, 4), -1.0)


def linear() -> Question:
    network = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.Flatten(), nn.Linear(32, 2))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor(MAPS).view(2, 1, 1, 1))
        network[2].weight.copy_(torch.tensor(SCORES).view(2, 32))
        network[2].bias.copy_(torch.tensor(BIASES))
    picture, black = (torch.tensor(one).float()[None] for one in (PICTURE, BLACK))
    return Question(network.eval(), picture[None], black, target=1, against=0, point="0", seed=5)


def weights() -> np.ndarray:
    """What a pixel adds to score 1 − score 0: Σₖ map k · (weight of class 1 − class 0)."""
    return np.einsum("k,khw->hw", MAPS, SCORES[1] - SCORES[0])


def class_map() -> np.ndarray:
    """max(0, Σₖ mean weight of map k · map k)."""
    means = (SCORES[1] - SCORES[0]).mean(axis=(1, 2))
    return np.maximum(0, np.einsum("k,k,hw->hw", means, MAPS, PICTURE))


def edges() -> np.ndarray:
    """By SciPy's Sobel filter."""
    rows, columns = (ndimage.sobel(PICTURE, axis=axis, mode="nearest") for axis in (0, 1))
    return np.hypot(rows, columns)


CONTRIBUTIONS = weights() * (PICTURE - BLACK)
EXACT: dict[str, np.ndarray | None] = {
    "gradient": weights(),
    "smooth-gradient": weights(),
    "input-times-gradient": CONTRIBUTIONS,
    "integrated-gradients": CONTRIBUTIONS,
    "linear-template": CONTRIBUTIONS,
    "occlusion": CONTRIBUTIONS,
    "deep-lift": CONTRIBUTIONS,
    "gradient-shap": CONTRIBUTIONS,
    "guided-backprop": weights(),
    "grad-cam": class_map(),
    "edges": edges(),
    "random-order": None,
}
"""What each method must give to `linear()`; chance has no right answer."""


@every_attribution
def test_it_is_exact_on_a_linear_network(name: str) -> None:
    assert name in EXACT, f"work out what {name} must give to linear()"
    found = attribute(name, linear())
    assert found.values.shape == (1, 4, 4)
    expected = EXACT[name]
    if expected is None:
        assert bool(((found.values >= 0) & (found.values < 1)).all())
    else:
        np.testing.assert_allclose(found.values[0].numpy(), expected, rtol=1e-5, atol=1e-5)
        assert found.error < 1e-4


def test_an_inexact_method_is_found() -> None:
    assert np.abs(CONTRIBUTIONS).max() > 1
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(CONTRIBUTIONS * 1.001, CONTRIBUTIONS, rtol=1e-5, atol=1e-5)


class Restless(nn.Module):
    """Everything that a method could leave changed: norms, dropout, a layer that writes over."""

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True),
            nn.Dropout(0.5), nn.MaxPool2d(2), nn.Flatten(),
        )  # fmt: skip
        self.scores = nn.Linear(4 * 4 * 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.scores(self.stages(x))
        return scores


def restless() -> Question:
    torch.manual_seed(3)
    network = Restless()
    with torch.no_grad():
        network.stages[1].running_mean.normal_()
        network.stages[1].running_var.uniform_(0.5, 2)
    picture = torch.randn(1, 2, 8, 8)
    return Question(network.eval(), picture, torch.zeros(2, 8, 8), 2, point="stages.2", seed=1)


# The laws. Each takes a method, so that the planted faults can be put to it.


def it_states_its_error(method: Method) -> None:
    found = method(restless())
    assert isinstance(found.error, float)
    assert math.isfinite(found.error)
    assert found.error >= 0
    assert bool(found.values.isfinite().all())


def the_same_seed_gives_the_same_map(method: Method) -> None:
    question = restless()
    torch.manual_seed(1)
    first = method(question).values
    torch.manual_seed(2)
    torch.testing.assert_close(method(question).values, first, rtol=0, atol=0)


def no_hook_stays_and_no_bit_changes(method: Method) -> None:
    question = restless()
    before = {name: value.clone() for name, value in question.network.state_dict().items()}
    picture = question.picture.clone()
    method(question)
    for name, module in question.network.named_modules():
        kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")
        assert not any(getattr(module, kind) for kind in kinds), name
    after = question.network.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert all(weight.grad is None for weight in question.network.parameters())
    assert not question.network.training
    assert torch.equal(question.picture, picture)


def the_chance_of_others_stays(method: Method) -> None:
    question = restless()
    torch.manual_seed(11)
    expected = torch.rand(4)
    torch.manual_seed(11)
    method(question)
    assert torch.equal(torch.rand(4), expected)


def it_works_where_gradients_are_switched_off(method: Method) -> None:
    with torch.no_grad():
        assert method(restless()).values.shape == (2, 8, 8)


LAWS = [
    it_states_its_error,
    the_same_seed_gives_the_same_map,
    no_hook_stays_and_no_bit_changes,
    the_chance_of_others_stays,
    it_works_where_gradients_are_switched_off,
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@every_attribution
def test_the_attribution_keeps_the_law(name: str, law: Callable[[Method], None]) -> None:
    law(lambda question: attribute(name, question))


@every_attribution
def test_the_docstring_is_a_menu_text_and_names_its_source(name: str) -> None:
    assert 20 <= len(ATTRIBUTIONS.menu()[name]) <= 110
    text = ATTRIBUTIONS.load(name).__doc__ or ""
    assert "Source:" in text or name == "random-order"


@pytest.mark.parametrize("name", ["edges", "random-order"])
def test_a_baseline_does_not_look_at_the_network(name: str) -> None:
    assert is_baseline(name)
    question = restless()
    before = attribute(name, question).values
    with torch.no_grad():
        for weight in question.network.parameters():
            weight.mul_(-3)
    assert torch.equal(attribute(name, question).values, before)


def test_another_seed_is_another_chance() -> None:
    one, two = (
        attribute("random-order", Question(nn.Identity(), torch.ones(1, 1, 3, 3),
                                           torch.zeros(1, 3, 3), 0, seed=seed)).values
        for seed in (0, 1)
    )  # fmt: skip
    assert not torch.equal(one, two)


# Planted faults.


def _map(question: Question) -> Attribution:
    return Attribution(question.picture[0].clone(), 0.0)


def states_no_error(question: Question) -> Attribution:
    return Attribution(question.picture[0], math.nan)


def draws_from_common_chance(question: Question) -> Attribution:
    return Attribution(torch.rand_like(question.picture[0]), 0.0)


def leaves_a_hook(question: Question) -> Attribution:
    question.network.register_forward_hook(lambda *_: None)
    return _map(question)


def leaves_gradients(question: Question) -> Attribution:
    question.score(question.picture).sum().backward()
    return _map(question)


def writes_into_the_picture(question: Question) -> Attribution:
    question.picture.mul_(2)
    return _map(question)


def needs_gradients_switched_on(question: Question) -> Attribution:
    given = question.picture.clone().requires_grad_()
    (slope,) = torch.autograd.grad(question.score(given).sum(), given)
    return Attribution(slope[0], 0.0)


PLANTED: list[tuple[Callable[[Method], None], Method, type[Exception]]] = [
    (it_states_its_error, states_no_error, AssertionError),
    (the_same_seed_gives_the_same_map, draws_from_common_chance, AssertionError),
    (no_hook_stays_and_no_bit_changes, leaves_a_hook, AssertionError),
    (no_hook_stays_and_no_bit_changes, leaves_gradients, AssertionError),
    (no_hook_stays_and_no_bit_changes, writes_into_the_picture, AssertionError),
    (the_chance_of_others_stays, draws_from_common_chance, AssertionError),
    (it_works_where_gradients_are_switched_off, needs_gradients_switched_on, RuntimeError),
]


@pytest.mark.parametrize(("law", "fault", "kind"), PLANTED, ids=lambda part: part.__name__)
def test_a_planted_fault_is_found(
    law: Callable[[Method], None], fault: Method, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        law(fault)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_a_method_that_does_nothing_wrong_breaks_no_law(law: Callable[[Method], None]) -> None:
    law(_map)


def test_a_template_of_a_network_that_is_not_linear_in_pieces_is_refused() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 4), nn.Tanh(), nn.Linear(4, 2)).eval()
    question = Question(network, torch.rand(1, 1, 4, 4), torch.zeros(1, 4, 4), 0)
    with pytest.raises(DoesNotApply, match=r"misses its score by \d"):
        attribute("linear-template", question)
    with pytest.raises(DoesNotApply, match="4 × 4"):
        attribute("grad-cam", question)
