"""The laws of attacks and corruptions: whatever lies in their folders is held to all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from fool_victims import victim
from pellucid.base.errors import WrongUse
from pellucid.fool import attack as attacks
from pellucid.fool import robustness
from pellucid.fool.attack import (
    ATTACKS,
    CORRUPTIONS,
    Outcome,
    Task,
    masking,
    run,
    settings_for,
    within,
)
from pellucid.fool.bounds import Scaling
from pellucid.fool.robustness import Attacking, Corrupting, attacked, corrupted
from pellucid.fool.victim import Victim

BUDGETS = {"linf": 0.15, "l2": 0.8, "pixels": 2.0}
QUICK = {"steps": 12, "population": 40}
STEPS = {"square": 120, "differential-evolution": 8}

Run = Callable[[Task], Outcome]
every_attack = pytest.mark.parametrize("name", ATTACKS.names())
every_corruption = pytest.mark.parametrize("name", CORRUPTIONS.names())


def task_for(norm: str, name: str = "convolutions", count: int = 12) -> Task:
    asked = victim(name, count, 2)
    answers = asked.scores(asked.pictures).argmax(dim=1)
    return Task(asked, asked.pictures, answers, BUDGETS[norm], settings=dict(QUICK))


def size_of(change: Tensor, norm: str) -> Tensor:
    flat = change.flatten(1)
    if norm == "linf":
        return flat.abs().amax(dim=1)
    if norm == "l2":
        return flat.norm(dim=1)
    return change.abs().sum(dim=1).flatten(1).count_nonzero(dim=1).double()


def it_stays_within_budget_and_range(attack: Run, task: Task, norm: str) -> None:
    found = attack(task).pictures
    assert found.shape == task.pictures.shape
    assert 0 <= float(found.min()) <= float(found.max()) <= 1
    assert bool((size_of(found - task.pictures, norm) <= task.budget + 1e-9).all())


def its_success_is_the_modules_own_answer(attack: Run, task: Task, norm: str) -> None:
    outcome = attack(task)
    network = task.victim.network
    for place, picture in enumerate(outcome.pictures):
        with torch.no_grad():
            answer = int(network(task.victim.given(picture[None]))[0].argmax())
        assert bool(outcome.fooled[place]) == (answer != int(task.answers[place]))


def it_leaves_the_network_and_the_pictures_as_they_were(attack: Run, task: Task, norm: str) -> None:
    network, before = task.victim.network, task.pictures.clone()
    bits = [value.clone() for value in network.state_dict().values()]
    attack(task)
    after = network.state_dict().values()
    assert all(torch.equal(one, other) for one, other in zip(bits, after, strict=True))
    assert all(weight.grad is None for weight in network.parameters())
    assert torch.equal(task.pictures, before)


def the_same_seed_finds_the_same(attack: Run, task: Task, norm: str) -> None:
    torch.manual_seed(1)
    first = attack(task).pictures
    torch.manual_seed(2)
    assert torch.equal(first, attack(task).pictures)


def it_beats_random_noise(attack: Run, task: Task, norm: str) -> None:
    chance = torch.Generator().manual_seed(0)
    noise = torch.rand(task.pictures.shape, generator=chance).double() * 2 - 1
    if norm == "pixels":
        noise = noise * 2
    random = within(task.pictures + noise * task.budget, task, norm)
    assert float(task.lead(attack(task).pictures).mean()) < float(task.lead(random).mean())


LAWS = [
    it_stays_within_budget_and_range,
    its_success_is_the_modules_own_answer,
    it_leaves_the_network_and_the_pictures_as_they_were,
    the_same_seed_finds_the_same,
    it_beats_random_noise,
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@every_attack
def test_the_attack_keeps_the_law(name: str, law: Callable[[Run, Task, str], None]) -> None:
    norm = ATTACKS.load(name).NORM
    given = task_for(norm, count=2 if norm == "pixels" else 12)
    settings = {**QUICK, "steps": STEPS.get(name, QUICK["steps"])}
    law(lambda task: run(name, task), replace(given, settings=settings), norm)


def goes_too_far(task: Task) -> Outcome:
    found = (task.pictures + 2 * task.budget).clamp(0, 1)
    return attacks.confirmed(found, task)


def claims_too_much(task: Task) -> Outcome:
    return Outcome(task.pictures, torch.ones(len(task.pictures), dtype=torch.bool), task.answers)


def changes_a_weight(task: Task) -> Outcome:
    with torch.no_grad():
        next(task.victim.network.parameters()).add_(1e-6)
    return attacks.confirmed(task.pictures, task)


def draws_from_common_chance(task: Task) -> Outcome:
    found = task.pictures + (torch.rand(task.pictures.shape).double() - 0.5) * task.budget
    return attacks.confirmed(within(found, task, "linf"), task)


def does_nothing(task: Task) -> Outcome:
    return attacks.confirmed(task.pictures, task)


@pytest.mark.parametrize(
    ("law", "fault"),
    list(
        zip(
            LAWS,
            [
                goes_too_far,
                claims_too_much,
                changes_a_weight,
                draws_from_common_chance,
                does_nothing,
            ],
            strict=True,
        )
    ),
    ids=lambda part: part.__name__,
)
def test_a_planted_fault_is_found(law: Callable[[Run, Task, str], None], fault: Run) -> None:
    with pytest.raises(AssertionError):
        law(fault, task_for("linf"), "linf")


@every_attack
def test_a_budget_of_nothing_is_refused(name: str) -> None:
    given = task_for(ATTACKS.load(name).NORM, count=1)
    with pytest.raises(WrongUse, match="--budget"):
        run(name, Task(given.victim, given.pictures, given.answers, 0.0))


def test_one_step_on_a_linear_network_is_the_one_worked_out_by_hand() -> None:
    """Scores a − b and 0 at (0.7, 0.4), so the first answer: the loss falls with a and rises with
    b. A step of 0.1 gives (0.6, 0.5), still ahead; one of 0.2 gives (0.5, 0.6), which flips."""
    layer = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, -1.0], [0.0, 0.0]]))
    picture = torch.tensor([0.7, 0.4]).double().view(1, 1, 1, 2)
    plain = Scaling(torch.zeros(1).double(), torch.ones(1).double())
    asked = Victim(nn.Sequential(nn.Flatten(), layer).eval(), picture, plain, ["a", "b"], "two")
    answers = torch.tensor([0])
    near, far = (run("fgsm", Task(asked, picture, answers, one)) for one in (0.1, 0.2))
    torch.testing.assert_close(near.pictures.flatten(), torch.tensor([0.6, 0.5]).double())
    torch.testing.assert_close(far.pictures.flatten(), torch.tensor([0.5, 0.6]).double())
    assert (near.fooled.tolist(), far.fooled.tolist()) == ([False], [True])


# What was asked for: steps and restarts; what is done when it is stopped.


@every_attack
def test_an_attack_takes_the_settings_that_it_has(name: str) -> None:
    module = ATTACKS.load(name)
    for key in ("steps", "restarts"):
        if hasattr(module, key.upper()):
            assert settings_for(name, **{"steps": None, "restarts": None, key: 3}) == {key: 3}
            with pytest.raises(WrongUse, match="1 or more"):
                settings_for(name, **{"steps": None, "restarts": None, key: 0})
        else:
            with pytest.raises(WrongUse, match="it has none"):
                settings_for(name, **{"steps": None, "restarts": None, key: 3})


class Counting(nn.Module):
    """Counts how often it is asked with a slope."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner, self.slopes = inner, 0

    def forward(self, x: Tensor) -> Tensor:
        self.slopes += int(x.requires_grad)
        scores: Tensor = self.inner(x)
        return scores


@pytest.mark.parametrize("name", ["pgd", "pgd-l2"])
def test_so_many_steps_are_taken_from_so_many_starts(name: str) -> None:
    given = task_for(ATTACKS.load(name).NORM)
    counting = Counting(given.victim.network)
    given.victim.network = counting.eval()
    run(name, replace(given, settings={"steps": 7, "restarts": 3}))
    assert counting.slopes == 21


@pytest.mark.parametrize("name", ["pgd", "pgd-l2"])
def test_a_new_start_finds_no_less(name: str) -> None:
    given = task_for(ATTACKS.load(name).NORM, count=24)
    once, often = (
        run(name, replace(given, settings={"steps": 2, "restarts": many})).fooled for many in (1, 6)
    )
    assert bool((often | ~once).all())
    assert int(often.sum()) > int(once.sum())


def test_more_pixels_than_there_are_cannot_change() -> None:
    asked = victim("convolutions", 2, 2)
    with pytest.raises(WrongUse, match="at most"):
        Attacking("greedy-pixels", 10_000).on(asked)


@pytest.mark.parametrize(("name", "budget"), [("pgd", 1.5), ("greedy-pixels", 1.5)])
def test_a_budget_that_cannot_be_is_refused(name: str, budget: float) -> None:
    with pytest.raises(WrongUse, match="--budget"):
        attacked(victim("convolutions", 2, 2), name, budget)


def test_the_budgets_around_one_stay_in_the_range_of_values() -> None:
    assert Attacking("pgd", 0.8).budgets == pytest.approx([0.2, 0.4, 0.8, 1.0])
    assert Attacking("pgd-l2", 2.0).budgets == [0.5, 1.0, 2.0, 3.0, 4.0]
    assert Attacking("greedy-pixels", 3).budgets == [1.0, 2.0, 3.0]
    assert Attacking("greedy-pixels", 40).budgets == [10.0, 20.0, 40.0]


def stops_at(monkeypatch: pytest.MonkeyPatch, name: str, count: int) -> None:
    """Ctrl-C in the call number `count` of `pellucid.fool.robustness`'s `name`."""
    calls = 0
    before: Callable[..., Outcome] = getattr(robustness, name)

    def stopped(*given: object) -> Outcome:
        nonlocal calls
        calls += 1
        if calls == count:
            raise KeyboardInterrupt
        return before(*given)

    monkeypatch.setattr(robustness, name, stopped)


def test_what_was_attacked_before_ctrl_c_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(robustness, "AT_ONCE", {"linf": 5})
    asked = victim("convolutions", 12, 2)
    whole = Attacking("fgsm", 0.1).on(asked)
    stops_at(monkeypatch, "run", 2 * 5 + 1)  # five budgets for each of two parts
    tried = Attacking("fgsm", 0.1).on(asked)
    assert tried.stopped
    assert tried.done == 10
    assert torch.equal(tried.held, whole.held[:10])
    assert tried.clean["examples"] == 10
    assert Attacking("fgsm", 0.1).record(asked, tried)["stopped"] is True


def test_severities_before_ctrl_c_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = victim("convolutions", 12, 2)
    stops_at(monkeypatch, "confirmed", 4)
    tried = Corrupting("noise").on(asked)
    assert tried.stopped
    assert len(Corrupting("noise").record(asked, tried)["severities"]) == 3


def test_ctrl_c_before_anything_was_found_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stops_at(monkeypatch, "run", 1)
    with pytest.raises(KeyboardInterrupt):
        Attacking("fgsm", 0.1).on(victim("convolutions", 12, 2))


# Masked gradients are told before any robust accuracy.


class Steps(nn.Module):
    """Rounds its input: the slope is 0 everywhere."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.inner(torch.round(x * 4) / 4)
        return scores


def test_a_slope_that_is_zero_is_told() -> None:
    given = task_for("linf")
    assert masking(given).sentences == []
    given.victim.network = Steps(given.victim.network)
    masked = masking(given)
    assert masked.flat == 1.0
    assert "exactly 0 for 100 %" in masked.sentences[0]


class Shaken(Steps):
    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.inner(x + 0.1 * torch.rand_like(x))
        return scores


def test_a_slope_that_is_random_is_told() -> None:
    given = task_for("linf")
    given.victim.network = Shaken(given.victim.network)
    assert masking(given).is_random


def test_a_curve_falls_with_the_budget_from_the_clean_accuracy() -> None:
    found = attacked(victim("convolutions", 12, 2), "pgd", 0.2)
    shares = [row["accuracy"] for row in found["curve"]]
    assert len(shares) == 5
    assert found["clean"]["accuracy"] >= shares[0] >= shares[-1]
    fooled = {one["index"] for one in found["examples"]}
    assert len(fooled) == 12 - round(12 * found["curve"][2]["accuracy"])


# Corruptions.


@every_corruption
def test_a_corruption_stays_in_range_and_grows_with_its_severity(name: str) -> None:
    module = CORRUPTIONS.load(name)
    ramp = torch.linspace(0, 1, 24).double()
    pictures = (ramp.view(1, 1, -1, 1) * ramp).expand(6, 3, 24, 24)  # brighter to one corner
    sizes = []
    for size in module.SEVERITIES:
        chance = torch.Generator().manual_seed(0)
        found = module.corrupt(pictures, size, chance).clamp(0, 1)
        assert found.shape == pictures.shape
        assert found.dtype == torch.float64
        sizes.append(float((found - pictures).abs().mean()))
    assert len(sizes) == 5
    assert sizes[0] > 0
    assert sizes[-1] > sizes[0]


@every_corruption
def test_a_corruption_is_the_same_for_the_same_seed(name: str) -> None:
    asked = victim("convolutions", 6)
    first, second = corrupted(asked, name), corrupted(asked, name)
    assert first == second
    assert [row["severity"] for row in first["severities"]] == [1, 2, 3, 4, 5]


def test_a_shift_moves_and_a_turn_turns() -> None:
    picture = torch.zeros(1, 1, 5, 5).double()
    picture[0, 0, 2, 2] = 1
    shift = CORRUPTIONS.load("shift").corrupt(picture, 1, torch.Generator().manual_seed(0))
    place = [int(one) for one in shift[0, 0].nonzero()[0]]
    assert sorted(abs(one - 2) for one in place) == [0, 1]
    line = torch.zeros(1, 1, 5, 5).double()
    line[0, 0, 2] = 1
    chance = torch.Generator().manual_seed(0)
    turned = CORRUPTIONS.load("rotation").corrupt(line, 90.0, chance)
    torch.testing.assert_close(turned[0, 0, :, 2], torch.ones(5).double())
    assert float(turned.sum()) == pytest.approx(5)
