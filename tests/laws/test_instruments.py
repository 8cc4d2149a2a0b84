"""The laws of an instrument: whatever file lies in `inside/instruments/` is held to all of them.

It is exact on a linear network, gives the same numbers for the same seed, leaves neither hooks nor
changed bits nor another mode behind, and says what its numbers do not cover.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid.inside.instruments
import pellucid.nets
from instrument_cases import EXACT, exact_activation_maps, linear_network
from pellucid.base.catalog import Catalog
from pellucid.base.errors import WrongUse
from pellucid.base.records import to_json
from pellucid.inside import looking
from pellucid.inside.subject import Reading, Subject

FOUND = sorted(
    entry.name.replace("_", "-")
    for entry in pkgutil.iter_modules(pellucid.inside.instruments.__path__)
    if not entry.name.startswith("_")
)
NETS = Catalog("net", "nets").names()
every_instrument = pytest.mark.parametrize("name", FOUND)
Measure = Callable[[Subject], Reading]


def subject(network: nn.Module, shape: tuple[int, ...], symbols: int = 0) -> Subject:
    chance = torch.Generator().manual_seed(5)
    if symbols:
        examples = torch.randint(symbols, (12, *shape), generator=chance)
    else:
        examples = torch.randn(12, *shape, generator=chance)
    pictures = [{"class": str(place), "index": place, "correct": None} for place in range(3)]
    stored = torch.randint(256, (3, *shape), generator=chance).to(torch.uint8)
    return Subject(network, examples, shape, examples[:3], stored, torch.arange(3), pictures, 7)


class Restless(nn.Module):
    """A network with everything that an instrument could leave changed: norms, dropout, chance."""

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Conv2d(4, 4, 3),
            nn.Flatten(),
        )
        self.scores = nn.Linear(4 * 6 * 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.scores(self.stages(x))
        return scores + torch.randn_like(scores)  # chance of its own, as a sampling layer has


def restless() -> Subject:
    torch.manual_seed(3)
    network = Restless()
    network.stages[3].eval()  # modes are mixed: each must be put back
    return subject(network, (2, 8, 6))


def measure_of(name: str) -> Measure:
    return lambda given: looking.measure(name, given)


# The laws. Each takes an instrument's function, so that the planted faults can be put to it.


def it_says_what_it_does_not_cover(measure: Measure) -> None:
    facts = measure(restless()).facts
    assert facts["limits"]
    assert all(sentence.endswith(".") for sentence in [*facts["limits"], *facts["skipped"]])
    assert facts["error"] >= 0
    to_json(facts)


def the_same_seed_gives_the_same_numbers(measure: Measure) -> None:
    given = restless()
    torch.manual_seed(1)
    first = measure(given)
    torch.manual_seed(2)
    second = measure(given)
    assert to_json(first.facts) == to_json(second.facts)
    assert first.tensors.keys() == second.tensors.keys()
    for key, values in first.tensors.items():
        torch.testing.assert_close(values, second.tensors[key], rtol=0, atol=0, equal_nan=True)


def no_hook_stays(measure: Measure) -> None:
    given = restless()
    measure(given)
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    for name, module in given.network.named_modules():
        assert not any(getattr(module, kind) for kind in kinds), name


def the_network_stays_as_it_was(measure: Measure) -> None:
    given = restless()
    bits = {name: value.clone() for name, value in given.network.state_dict().items()}
    modes = [module.training for module in given.network.modules()]
    shown = given.shown.clone()
    measure(given)
    after = given.network.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in bits.items())
    assert [module.training for module in given.network.modules()] == modes
    assert all(weight.grad is None for weight in given.network.parameters())
    assert torch.equal(given.shown, shown)


def the_chance_of_others_stays(measure: Measure) -> None:
    given = restless()
    torch.manual_seed(11)
    expected = torch.rand(4)
    torch.manual_seed(11)
    measure(given)
    assert torch.equal(torch.rand(4), expected)


LAWS = [
    it_says_what_it_does_not_cover,
    the_same_seed_gives_the_same_numbers,
    no_hook_stays,
    the_network_stays_as_it_was,
    the_chance_of_others_stays,
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@every_instrument
def test_the_instrument_keeps_the_law(name: str, law: Callable[[Measure], None]) -> None:
    law(measure_of(name))


# Exact on a linear network: the answers are worked out by hand in `instrument_cases.py`.


@every_instrument
def test_it_is_exact_on_a_linear_network(name: str) -> None:
    assert name in EXACT, f"work out by hand what {name} must find on linear_network()"
    EXACT[name](looking.measure(name, linear_network()))


# Every network of the project, and those that are none of it.


def variants() -> list[tuple[str, tuple[int, ...], int]]:
    found: list[tuple[str, tuple[int, ...], int]] = [(name, (1, 8, 8), 0) for name in NETS]
    return found + [(name, (12,), 11) for name in NETS if _reads_symbols(name)]


def _reads_symbols(name: str) -> bool:
    try:
        _build(name, (12,), 11)
    except WrongUse:
        return False
    return True


def _build(name: str, shape: tuple[int, ...], symbols: int) -> nn.Module:
    torch.manual_seed(0)
    module = importlib.import_module("pellucid.nets." + name.replace("-", "_"))
    network: nn.Module = module.build(shape, symbols or 7, symbols)
    return network


@pytest.mark.parametrize(("net", "shape", "symbols"), variants())
@every_instrument
def test_it_works_on_every_net(name: str, net: str, shape: tuple[int, ...], symbols: int) -> None:
    reading = looking.measure(name, subject(_build(net, shape, symbols), shape, symbols))
    assert reading.tensors or reading.facts["skipped"] or name == "distributions"
    assert all(values.dtype != torch.bool for values in reading.tensors.values())


READS_ANY_LAYER = {"optimised-pictures", "top-activations"}
"""Instruments that find something in `Bare`, too."""


class Bare(nn.Module):
    """A module of a user's own that calls functions, and one layer twice."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(48, 5))
        self.twice = nn.Linear(5, 5)

    def forward(self, x: Tensor) -> Tensor:
        middle = torch.relu(x.flatten(1) @ self.weight)
        answer: Tensor = self.twice(self.twice(middle))
        return answer


@pytest.mark.parametrize("network", [Bare(), nn.Flatten(), nn.Identity()], ids=lambda n: str(n)[:8])
@every_instrument
def test_what_does_not_apply_is_skipped_and_said(name: str, network: nn.Module) -> None:
    reading = looking.measure(name, subject(network, (1, 6, 8)))
    if isinstance(network, Bare) and name in READS_ANY_LAYER:
        assert reading.facts["layers"]
    else:
        assert reading.facts["skipped"] or name == "distributions"


@every_instrument
def test_the_docstring_is_a_menu_text(name: str) -> None:
    line = looking.INSTRUMENTS.menu()[name]
    assert 20 <= len(line) <= 95


# Planted faults: each law must find the instrument that breaks it.


def leaves_a_hook(given: Subject) -> Reading:
    given.network.register_forward_hook(lambda *_: None)
    return _fine()


def changes_a_weight(given: Subject) -> Reading:
    with torch.no_grad():
        next(given.network.parameters()).add_(1e-7)
    return _fine()


def changes_a_mode(given: Subject) -> Reading:
    given.network.eval()
    return _fine()


def draws_from_common_chance(given: Subject) -> Reading:
    return Reading(_fine().facts, {"maps": torch.rand(3)})


def says_nothing(given: Subject) -> Reading:
    return Reading({"limits": [], "error": 0.0, "skipped": []})


def _fine() -> Reading:
    return Reading({"limits": ["Nothing."], "error": 0.0, "skipped": []})


PLANTED: list[tuple[Callable[[Measure], None], Measure]] = [
    (it_says_what_it_does_not_cover, says_nothing),
    (the_same_seed_gives_the_same_numbers, draws_from_common_chance),
    (no_hook_stays, leaves_a_hook),
    (the_network_stays_as_it_was, changes_a_weight),
    (the_network_stays_as_it_was, changes_a_mode),
    (the_chance_of_others_stays, draws_from_common_chance),
]


@pytest.mark.parametrize(("law", "fault"), PLANTED, ids=lambda part: part.__name__)
def test_a_planted_fault_is_found(law: Callable[[Measure], None], fault: Measure) -> None:
    with pytest.raises(AssertionError):
        law(fault)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_an_instrument_that_does_nothing_breaks_no_law(law: Callable[[Measure], None]) -> None:
    law(lambda _given: _fine())


def test_an_inexact_instrument_is_found() -> None:
    reading = looking.measure("activation-maps", linear_network())
    reading.tensors["maps.0"] += np.float32(1e-5)
    with pytest.raises(AssertionError):
        exact_activation_maps(reading)
