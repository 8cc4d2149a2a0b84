"""The law of bounds: no value of a box leads to a score outside of what was promised."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from fool_victims import NETWORKS, victim
from pellucid.fool import bounds, curves, layers, window
from pellucid.fool.bounds import Bounds, Pieces
from pellucid.fool.lines import Ends
from pellucid.fool.operations import trace
from pellucid.fool.victim import Victim
from pellucid.fool.window import SLACK

KINDS = pytest.mark.parametrize("name", NETWORKS)


def bounds_of(asked: Victim, index: int = 0) -> Bounds:
    given = asked.given(asked.pictures[index : index + 1])
    return Bounds(trace(asked.network, given), given, asked.scaling)


def random_pieces(channels: int, count: int, width: float, seed: int = 1) -> Pieces:
    chance = torch.Generator().manual_seed(seed)
    pixel = torch.randint(8, (count, 2), generator=chance)
    low = torch.rand(count, channels, generator=chance, dtype=torch.float64) * (1 - width)
    return Pieces(pixel, low, low + width)


def true_scores(asked: Victim, pieces: Pieces, share: Tensor, index: int = 0) -> Tensor:
    """PyTorch's own scores in float64, where each pixel is `share` of the way through its box."""
    exact = copy.deepcopy(asked.network).double()
    given = asked.given(asked.pictures[index : index + 1]).double().repeat(len(pieces), 1, 1, 1)
    value = pieces.low + share * (pieces.high - pieces.low)
    row, column = pieces.pixel.unbind(dim=1)
    given[torch.arange(len(pieces)), :, row, column] = (
        asked.scaling.offset + asked.scaling.gain * value
    )
    with torch.no_grad():
        scores: Tensor = exact(given)
    return scores


def lead(scores: Tensor, classes: Tensor) -> Tensor:
    """By how much the score of each row's class is ahead of the best other one."""
    rows = torch.arange(len(scores))
    own = scores[rows, classes]
    others = scores.clone()
    others[rows, classes] = -torch.inf
    return own - others.amax(dim=1)


def broken_promises(asked: Victim, width: float) -> int:
    """How many pieces have a value at which the promised lead is not there."""
    channels = asked.pictures.shape[1]
    pieces = random_pieces(channels, 60, width)
    verdicts = bounds_of(asked).judge(pieces)
    chance = torch.Generator().manual_seed(2)
    broken = torch.zeros(len(pieces), dtype=torch.bool)
    for _ in range(16):
        share = torch.rand(len(pieces), channels, generator=chance, dtype=torch.float64)
        share = torch.where(torch.rand(share.shape, generator=chance) < 0.4, share.round(), share)
        found = lead(true_scores(asked, pieces, share), verdicts.classes)
        broken |= found < verdicts.ahead
    return int(broken.sum())


@pytest.mark.parametrize("width", [1.0, 0.25, 2.0**-10])
@KINDS
def test_no_value_of_a_box_breaks_the_promise(name: str, width: float) -> None:
    assert broken_promises(victim(name), width) == 0


@KINDS
def test_the_promise_for_a_single_value_is_pytorchs_own_score(name: str) -> None:
    asked = victim(name)
    pieces = random_pieces(asked.pictures.shape[1], 60, 0.0)
    verdicts = bounds_of(asked).judge(pieces)
    scores = true_scores(asked, pieces, torch.zeros(60, asked.pictures.shape[1]))
    assert torch.equal(scores.argmax(dim=1), verdicts.classes)
    found = lead(scores, verdicts.classes)
    # what is left is the room for the rounding of the pixel to float32
    torch.testing.assert_close(verdicts.ahead, found, rtol=0, atol=3e-5)


@KINDS
def test_halving_the_box_makes_the_promise_better(name: str) -> None:
    asked = victim(name)
    channels = asked.pictures.shape[1]
    wide, narrow = (random_pieces(channels, 80, 0.0) for _ in range(2))
    wide = Pieces(wide.pixel, wide.low * 0, wide.high * 0 + 1)
    narrow = Pieces(narrow.pixel, wide.low + 0.45, wide.high - 0.45)
    asking = bounds_of(asked)
    assert asking.judge(narrow).ahead.mean() > asking.judge(wide).ahead.mean()


@KINDS
def test_the_bound_on_rounding_holds_against_twice_the_precision(name: str) -> None:
    """The base in float64 against the same layers with weights and input shifted in their last
    place: the error bound must be larger than what such a shift can do."""
    asked = victim(name)
    asking = bounds_of(asked)
    exact = copy.deepcopy(asked.network).double()
    given = asked.given(asked.pictures[:1]).double()
    with torch.no_grad():
        scores = exact(given)[0]
        for weight in exact.parameters():
            weight.mul_(1 + 2.0**-52)
        shifted = exact(given * (1 - 2.0**-52))[0]
    error = asking.maps[asking.graph.answer].error.flatten()
    assert bool(((shifted - asking.scores).abs() <= error).all())
    assert bool(((scores - asking.scores).abs() <= error).all())
    assert float(error.max()) < 1e-6


def flat_relu(self: Ends, line: Tensor, slope: float) -> Tensor:
    return line.clamp(min=0) * 0.999 + slope * 0


def no_chord(self: Ends, line: Tensor, slope: float) -> Tensor:
    return line.clamp(min=0).mean(dim=1, keepdim=True).expand_as(line).clone()


@pytest.mark.parametrize("fault", [flat_relu, no_chord], ids=lambda fault: fault.__name__)
def test_a_planted_fault_in_a_bound_is_found(fault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ends, "rectified", fault)
    assert broken_promises(victim("convolutions"), 1.0) > 0


def test_a_spread_that_is_forgotten_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers.Dense, "_times", lambda *given: DENSE(*given) * (given[3].min() < 0))
    assert broken_promises(victim("convolutions"), 1.0) > 0


DENSE = layers.Dense._times


def sums_alone() -> Victim:
    """Layers without a bend: the only thing that a bound has to leave room for is rounding."""
    asked = victim("dense")
    torch.manual_seed(3)
    asked.network = nn.Sequential(
        nn.Conv2d(1, 6, 3), nn.Conv2d(6, 8, 3, padding=1), nn.Flatten(), nn.Linear(288, 60),
        nn.Linear(60, 4),
    ).eval()  # fmt: skip
    return asked


def test_the_room_for_rounding_in_float32_is_enough_and_not_much() -> None:
    asked, pieces = sums_alone(), random_pieces(1, 60, 0.8)
    assert broken_promises(asked, 0.8) == 0
    verdicts = bounds_of(asked).judge(pieces)
    ends = [true_scores(asked, pieces, torch.full((60, 1), end)) for end in (0.0, 1.0)]
    least = torch.minimum(*[lead(scores, verdicts.classes) for scores in ends])
    assert float((least - verdicts.ahead).max()) < 0.01


def test_room_for_rounding_in_float32_that_is_forgotten_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (window, bounds):
        monkeypatch.setattr(module, "slack_of", lambda *given: 0.0)
    monkeypatch.setattr(bounds, "SINGLE", 0.0)
    assert broken_promises(sums_alone(), 0.8) > 0


def test_a_curve_that_bends_more_than_was_said_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    told = dict(curves.CURVES)
    flat = curves.Curve(torch.tanh, 1.0, 0.0)
    monkeypatch.setattr(curves, "GRID", 1)
    monkeypatch.setitem(curves.CURVES, "tanh", flat)
    assert told["tanh"].curvature > 0
    assert broken_promises(victim("averages"), 1.0) > 0


@pytest.mark.parametrize("name", curves.CURVES)
def test_a_curves_slope_and_bend_are_no_larger_than_said(name: str) -> None:
    curve = curves.CURVES[name]
    x = torch.linspace(-12, 12, 200_001, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(curve.of(x).sum(), x, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), x)
    assert curve.steepest * 0.8 < float(slope.detach().abs().max()) <= curve.steepest
    assert curve.curvature * 0.99 < float(bend.abs().max()) <= curve.curvature


def test_the_room_for_rounding_covers_a_long_sum() -> None:
    """4,096 terms: n·u/(1 − n·u) with u = 2⁻⁵³ is just over 2⁻⁴¹, half of the room."""
    bound = 4096 * 2.0**-53 / (1 - 4096 * 2.0**-53)
    assert bound < 0.6 * SLACK
