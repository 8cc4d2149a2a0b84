"""Attributions against Captum's, for the methods that both have; skipped where it is missing."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from pellucid.inside.attribution import Question, attribute

captum = pytest.importorskip("captum.attr", reason="pip install captum to compare with it")
pytestmark = pytest.mark.filterwarnings("ignore:Input Tensor 0 did not already require gradients")


def network() -> nn.Module:
    torch.manual_seed(2)
    made = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.MaxPool2d(2), nn.BatchNorm2d(6), nn.ReLU(),
        nn.Conv2d(6, 8, 3, padding=1), nn.GELU(), nn.Flatten(), nn.Linear(8 * 36, 5),
    )  # fmt: skip
    with torch.no_grad():
        made[2].running_mean.normal_()
        made[2].running_var.uniform_(0.5, 2)
    return made.eval()


@pytest.fixture
def question() -> Question:
    chance = torch.Generator().manual_seed(1)
    picture = torch.randn(1, 3, 12, 12, generator=chance)
    black = torch.full((3, 12, 12), -0.7)
    return Question(network(), picture, black, target=3, point="5", seed=4)


def close(ours: Tensor, theirs: Tensor, tolerance: float = 1e-5) -> None:
    theirs = theirs.detach()
    size = float(theirs.abs().max())
    assert size > 0
    torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance * size)


def test_the_gradient_is_captums_saliency(question: Question) -> None:
    method = captum.Saliency(question.network)
    theirs = method.attribute(question.picture, target=3, abs=False)[0]
    close(attribute("gradient", question).values, theirs)


def test_against_another_class_it_is_the_difference_of_captums_two(question: Question) -> None:
    method = captum.Saliency(question.network)
    for_, minus = (method.attribute(question.picture, target=one, abs=False)[0] for one in (3, 0))
    asked = Question(question.network, question.picture, question.black, 3, against=0)
    close(attribute("gradient", asked).values, for_ - minus)


def test_input_times_gradient_is_captums_on_a_black_of_zeros(question: Question) -> None:
    theirs = captum.InputXGradient(question.network).attribute(question.picture, target=3)[0]
    asked = Question(question.network, question.picture, torch.zeros(3, 12, 12), 3)
    close(attribute("input-times-gradient", asked).values, theirs)


def test_integrated_gradients_are_captums_and_so_is_the_residual(question: Question) -> None:
    found = attribute("integrated-gradients", question)
    theirs, delta = captum.IntegratedGradients(question.network).attribute(
        question.picture,
        baselines=question.black[None],
        target=3,
        n_steps=found.facts["steps"],
        return_convergence_delta=True,
    )
    close(found.values, theirs[0])
    assert found.error == pytest.approx(abs(float(delta)), abs=1e-5)


def test_grad_cam_is_captums(question: Question) -> None:
    method = captum.LayerGradCam(question.network.forward, question.network[5])
    theirs = method.attribute(question.picture, target=3, relu_attributions=True)[0, 0]
    close(attribute("grad-cam", question).extras["coarse"], theirs)


def test_occlusion_is_captums_with_a_window_of_one_pixel(question: Question) -> None:
    theirs = captum.Occlusion(question.network).attribute(
        question.picture,
        sliding_window_shapes=(3, 1, 1),
        baselines=question.black[None],
        target=3,
    )[0]
    close(attribute("occlusion", question).values.sum(dim=0), theirs[0])


def test_the_smooth_gradient_is_captums_within_both_standard_errors(question: Question) -> None:
    """The noise differs, so only the means can be held against each other."""
    found = attribute("smooth-gradient", question)
    torch.manual_seed(8)
    copies = 4096
    theirs = captum.NoiseTunnel(captum.Saliency(question.network)).attribute(
        question.picture, nt_type="smoothgrad", nt_samples=copies, nt_samples_batch_size=256,
        stdevs=found.facts["noise"], target=3, abs=False,
    )[0]  # fmt: skip
    apart = (found.values - theirs).abs() / found.error
    assert float(apart.max()) < 5
    assert float(theirs.abs().max()) > 10 * found.error
