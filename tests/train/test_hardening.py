"""Hardening: what an attack makes of a batch, and what training on it makes of a network."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from pellucid.base.errors import WrongUse
from pellucid.base.seeds import named_seed
from pellucid.data.dataset import Dataset
from pellucid.train.fit import Sitting
from pellucid.train.hardening import Adversary, Hardening, adversary_of, robustness
from pellucid.train.masking import masking
from pellucid.train.overfit import by_heart
from pellucid.train.perturb import climb, random_change, within, worse_pixel
from pellucid.train.recipe import Recipe, parse_adversarial
from pellucid.train.task import make_task

RECIPE = Recipe(
    dataset="bars", net="dense", batch_size=16, epochs=2, warmup=0.0, precision="float32"
)
WORDS = ("pgd:0.2", "pgd-l2:0.9", "pixels:3")


def pair(a: float, b: float) -> Tensor:
    """A picture of two pixels."""
    return torch.tensor([a, b]).double().view(1, 1, 1, 2)


def slope_of_two(pictures: Tensor) -> Tensor:
    """Falls with the first pixel twice as fast as it rises with the second."""
    return torch.tensor([-2.0, 1.0]).double().view(1, 1, 1, 2).expand_as(pictures)


# ------------------------------------------------------------------------- the steps, by hand


def test_a_climb_in_the_box_goes_by_the_signs_and_stays_in_the_box() -> None:
    """Steps of 0.06 along (−1, +1) from (0.7, 0.4): (0.64, 0.46), then the box ends at 0.1."""
    start = pair(0.7, 0.4)
    one, two = (
        climb(start, start, slope_of_two, 0.1, "linf", step=0.06, steps=steps) for steps in (1, 2)
    )
    torch.testing.assert_close(one, pair(0.64, 0.46))
    torch.testing.assert_close(two, pair(0.6, 0.5))


def test_a_climb_in_the_ball_goes_along_the_slope_and_stays_in_the_ball() -> None:
    """The slope (−2, 1) has the length √5: a step of 0.1 is (−0.2, 0.1)/√5; the ball ends at
    0.15, so the second step gives 0.15 · (−2, 1)/√5."""
    start, root = pair(0.7, 0.4), math.sqrt(5)
    one, two = (
        climb(start, start, slope_of_two, 0.15, "l2", step=0.1, steps=steps) for steps in (1, 2)
    )
    torch.testing.assert_close(one, pair(0.7 - 0.2 / root, 0.4 + 0.1 / root))
    torch.testing.assert_close(two, pair(0.7 - 0.3 / root, 0.4 + 0.15 / root))


def test_no_value_leaves_the_range_of_pictures() -> None:
    start = pair(0.05, 0.98)
    found = climb(start, start, slope_of_two, 0.1, "linf", step=0.1, steps=3)
    torch.testing.assert_close(found, pair(0.0, 1.0))


def test_only_the_pixels_that_changed_most_are_kept() -> None:
    before, after = torch.zeros(1, 2, 1, 3), torch.zeros(1, 2, 1, 3)
    after[0, :, 0] = torch.tensor([[0.1, 0.5, 0.3], [0.1, 0.0, 0.3]])  # sizes 0.2, 0.5, 0.6
    kept = within(after, before, 2, "pixels")
    expected = torch.tensor([[0.0, 0.5, 0.3], [0.0, 0.0, 0.3]])
    torch.testing.assert_close(kept[0, :, 0], expected)


def test_the_worst_pixel_is_the_one_with_the_most_to_gain() -> None:
    """slope · way to its end: (−2)(0 − 0.7) = 1.4 and 1 · (1 − 0.4) = 0.6 at (0.7, 0.4); at
    (0.1, 0.2) it is 0.2 and 0.8."""

    def loss(pictures: Tensor) -> Tensor:
        return (pictures * slope_of_two(pictures)).flatten(1).sum(dim=1)

    pictures = torch.cat([pair(0.7, 0.4), pair(0.1, 0.2)])
    found = worse_pixel(pictures, slope_of_two, loss, candidates=1)
    torch.testing.assert_close(found, torch.cat([pair(0.0, 0.4), pair(0.1, 1.0)]))


def test_the_slopes_promise_is_held_against_the_loss() -> None:
    """The slope promises most of the first pixel, but only the second one raises the loss."""

    def loss(pictures: Tensor) -> Tensor:
        return pictures[:, 0, 0, 1]

    start = pair(0.7, 0.4)
    assert torch.equal(worse_pixel(start, slope_of_two, loss, candidates=1), start)
    torch.testing.assert_close(worse_pixel(start, slope_of_two, loss, candidates=2), pair(0.7, 1.0))


def test_random_changes_fill_the_box_and_have_the_length_of_normal_draws() -> None:
    chance = torch.Generator().manual_seed(0)
    box = random_change((100, 1, 10, 10), 0.3, "linf", chance)
    assert -0.3 <= float(box.min()) < -0.29
    assert 0.29 < float(box.max()) <= 0.3
    assert float(box.mean()) == pytest.approx(0, abs=0.01)
    ball = random_change((100, 1, 10, 10), 2.0, "l2", chance)
    assert float(ball.std()) == pytest.approx(0.2, rel=0.05)


# --------------------------------------------------------------------- what a batch becomes


class Noisy(nn.Module):
    """With batch norm and dropout, which a look at the network must leave alone."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(),
            nn.Linear(144, 3),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.layers(x)
        return scores


def hardening(
    dataset: Dataset, word: str, share: Callable[[Tensor], Tensor] = lambda batch: batch
) -> tuple[Hardening, Tensor, Tensor]:
    """A hardening of `Noisy`, and a batch of the data."""
    recipe = RECIPE.with_changes({"adversarial": word})
    task = make_task(recipe, dataset.as_record())
    torch.manual_seed(0)
    adversary = adversary_of(recipe, Noisy().train(), task)
    assert adversary is not None
    inputs = task.prepare(torch.from_numpy(dataset.train.inputs[:16]))
    return (
        Hardening(adversary, recipe, share),
        inputs,
        torch.from_numpy(dataset.train.labels[:16]),
    )


def sizes(change: Tensor, norm: str) -> Tensor:
    flat = change.flatten(1)
    if norm == "linf":
        return flat.abs().amax(dim=1)
    if norm == "l2":
        return flat.norm(dim=1)
    return (flat.abs() > 1e-5).sum(dim=1)


@pytest.mark.parametrize("word", WORDS)
def test_a_harder_batch_is_read_worse_within_budget_and_range(dataset: Dataset, word: str) -> None:
    harden, inputs, targets = hardening(dataset, word)
    found = harden.harder(inputs, targets, step=0, steps=10)
    mean, std = (torch.tensor(dataset.as_record()[key]).view(-1, 1, 1) for key in ("mean", "std"))
    before, after = inputs * std + mean, found * std + mean
    assert -1e-5 <= float(after.min()) <= float(after.max()) <= 1 + 1e-5
    budget = harden.adversary.budget
    assert bool((sizes(after - before, harden.adversary.norm) <= budget * (1 + 1e-4)).all())
    network = harden.adversary.network.eval()
    with torch.no_grad():
        losses = [float(functional.cross_entropy(network(one), targets)) for one in (inputs, found)]
    assert losses[1] > 1.1 * losses[0]


@pytest.mark.parametrize("word", WORDS)
def test_the_attack_leaves_network_batch_and_common_chance_alone(
    dataset: Dataset, word: str
) -> None:
    harden, inputs, targets = hardening(dataset, word)
    network = harden.adversary.network
    network.layers[0].eval()  # type: ignore[union-attr, operator]
    modes = [part.training for part in network.modules()]
    bits = {name: value.clone() for name, value in network.state_dict().items()}
    kept, chance = inputs.clone(), torch.get_rng_state()
    harden.harder(inputs, targets, step=0, steps=10)
    assert [part.training for part in network.modules()] == modes
    assert all(torch.equal(value, bits[name]) for name, value in network.state_dict().items())
    assert all(weight.grad is None for weight in network.parameters())
    assert torch.equal(inputs, kept)
    assert torch.equal(torch.get_rng_state(), chance)


def test_a_step_is_attacked_alike_whatever_was_done_before(dataset: Dataset) -> None:
    harden, inputs, targets = hardening(dataset, "pgd:0.2")
    first = harden.harder(inputs, targets, step=5, steps=10)
    other = harden.harder(inputs, targets, step=6, steps=10)
    assert torch.equal(first, harden.harder(inputs, targets, step=5, steps=10))
    assert not torch.equal(first, other)


def test_a_process_attacks_its_share_as_one_process_would(dataset: Dataset) -> None:
    whole, inputs, targets = hardening(dataset, "pgd:0.2")
    shared, _, _ = hardening(dataset, "pgd:0.2", lambda batch: batch[1::2])
    alone = whole.harder(inputs, targets, step=0, steps=10)
    torch.testing.assert_close(
        shared.harder(inputs[1::2], targets[1::2], step=0, steps=10), alone[1::2]
    )


def test_the_budget_rises_through_the_warm_up_and_then_stays(dataset: Dataset) -> None:
    harden, _, _ = hardening(dataset, "pgd:0.2")
    slow = Hardening(harden.adversary, harden.recipe.with_changes({"warmup": 0.4}), harden.share)
    found = [slow.budget_at(step, 10) for step in range(6)]
    assert found == pytest.approx([0.05, 0.1, 0.15, 0.2, 0.2, 0.2])
    pixels, _, _ = hardening(dataset, "pixels:3")
    few = Hardening(pixels.adversary, slow.recipe, pixels.share)
    assert [few.budget_at(step, 10) for step in (0, 9)] == [3.0, 3.0]


# ------------------------------------------------------------------------ training and judging


def plain_pgd(
    network: nn.Module, inputs: Tensor, targets: Tensor, step: int, mean: Tensor, std: Tensor
) -> Tensor:
    """PGD as in Madry et al. 2018, written for this test: 3 steps of 2.5 · 0.1 / 3."""
    chance = torch.Generator().manual_seed(named_seed(0, "adversarial", step))
    pictures = inputs * std + mean
    changed = pictures + (2 * torch.rand(inputs.shape, generator=chance) - 1) * 0.1
    changed = changed.clamp(0, 1)
    network.eval()
    for _ in range(3):
        changed = changed.detach().requires_grad_(True)
        scores = network((changed - mean) / std)
        functional.cross_entropy(scores, targets, reduction="sum").backward()
        assert changed.grad is not None
        changed = changed.detach() + 2.5 * 0.1 / 3 * changed.grad.sign()
        changed = torch.maximum(torch.minimum(changed, pictures + 0.1), pictures - 0.1).clamp(0, 1)
    network.train()
    network.zero_grad()
    return (changed - mean) / std


def test_a_hardened_training_is_that_of_a_loop_written_by_hand(
    dataset: Dataset, tmp_path: Path
) -> None:
    changes = {"optimiser": "sgd", "learning_rate": 0.1, "schedule": "constant",
               "weight_decay": 0.0, "adversarial": "pgd:0.1", "adversarial_steps": 3}  # fmt: skip
    recipe = RECIPE.with_changes(changes)
    run = Sitting(recipe, dataset).start(tmp_path, None, [], look_at_test=False)

    sitting = Sitting(recipe, dataset)
    network = sitting.network.train()
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    mean, std = (torch.tensor(dataset.as_record()[key]).view(-1, 1, 1) for key in ("mean", "std"))
    step = 0
    for epoch in range(2):
        for inputs, targets in sitting.feed.epoch(epoch):
            harder = plain_pgd(network, inputs, targets, step, mean, std)
            optimiser.zero_grad()
            functional.cross_entropy(network(harder), targets).backward()
            optimiser.step()
            step += 1
    from pellucid.train.checkpoint import load_tensors, part

    trained = part(load_tensors(run.folder / "checkpoints" / "last.safetensors")[0], "network")
    for name, value in network.state_dict().items():
        torch.testing.assert_close(trained[name], value, rtol=1e-3, atol=1e-4)


def test_a_hardened_network_withstands_more(dataset: Dataset, tmp_path: Path) -> None:
    held = {}
    for word in ("none", "pgd:0.3"):
        recipe = RECIPE.with_changes({"adversarial": word, "epochs": 12, "learning_rate": 0.01})
        run = Sitting(recipe, dataset).start(tmp_path, word.replace(":", "-"), [], True)
        adversary = adversary_of(recipe.with_changes({"adversarial": "pgd:0.3"}), run.network,
                                 run.task)  # fmt: skip
        assert adversary is not None
        held[word] = robustness(adversary, dataset.validation, torch.device("cpu"))["accuracy"]
    assert held["pgd:0.3"] > held["none"] + 0.1


def test_a_run_is_judged_by_what_it_reads_under_attack(dataset: Dataset, tmp_path: Path) -> None:
    recipe = RECIPE.with_changes({"adversarial": "pgd:0.2", "epochs": 4})
    run = Sitting(recipe, dataset).start(tmp_path, "hard", [], look_at_test=True)
    robust = [row["validation"]["robust"] for row in run.metrics]
    best = max(robust)
    assert run.result["best_epoch"] == max(k + 1 for k in range(4) if robust[k] == best)
    told = run.result["robust"]
    assert (told["split"], told["attack"], told["budget"]) == ("test", "pgd", 0.2)
    assert told["low"] <= told["accuracy"] <= told["high"]
    assert told["examples"] == 32
    (sentence,) = [one for one in run.result["verdict"]["sentences"] if "Attacked" in one]
    assert "each value changed by at most 0.2" in sentence
    assert f"{100 * told['accuracy']:.2f} % of the first 32 test pictures" in sentence
    assert "pellucid fool hard --attack square" in run.result["verdict"]["next"][0]


def test_next_to_no_budget_leaves_the_clean_accuracy_and_all_of_it_leaves_none(
    dataset: Dataset, tmp_path: Path
) -> None:
    run = Sitting(RECIPE.with_changes({"epochs": 8}), dataset).start(tmp_path, None, [], False)
    device = torch.device("cpu")
    clean = run.result["validation"]["accuracy"]
    assert clean > 0.5
    for word, expected in (("pgd:1e-7", clean), ("pgd:1", 0.0), ("pixels:64", 0.0)):
        adversary = adversary_of(RECIPE.with_changes({"adversarial": word}), run.network, run.task)
        assert adversary is not None
        found = robustness(adversary, dataset.validation, device)
        assert found["accuracy"] == pytest.approx(expected)
        assert found["masking"] == []


def test_learning_by_heart_is_not_attacked(dataset: Dataset) -> None:
    recipe = RECIPE.with_changes({"adversarial": "pgd:1"})
    sitting = Sitting(recipe, dataset)
    tried = by_heart(sitting.network, sitting.task, dataset.train, recipe, 8, sitting.device)
    assert tried.learned


def test_a_network_without_slopes_is_told(dataset: Dataset) -> None:
    harden, inputs, targets = hardening(dataset, "pgd:0.2")
    plain = harden.adversary
    flat = Adversary(Rounding(plain.network.eval()), plain.task, "pgd", "linf", 0.2)
    pictures = plain.unit(inputs)
    for asked, expected in ((plain, 0.0), (flat, 1.0)):
        found = masking(pictures, asked.slope_for(targets), asked.loss_for(targets))
        assert found.flat == expected
        assert len(found.sentences) == int(expected)


class Rounding(nn.Module):
    """Rounds its input: the slope is 0 everywhere."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.inner(torch.round(4 * x) / 4)
        return scores


# ---------------------------------------------------------------------------------- refusals


def test_an_attack_is_named_with_its_budget() -> None:
    assert parse_adversarial("none") is None
    assert parse_adversarial("pgd") == ("pgd", 0.1)
    assert parse_adversarial("pgd-l2:0.5") == ("pgd-l2", 0.5)
    assert parse_adversarial("pixels:2") == ("pixels", 2.0)


LEVELS = "a budget above 0, at most 1 (values are 0 to 1; 8 of 255 levels are 0.031)"


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("fgsm", "none, or an attack with its budget: pgd, pgd-l2 or pixels"),
        ("pgd:0", LEVELS),
        ("pgd:8", LEVELS),
        ("pgd:nan", LEVELS),
        ("pgd:much", LEVELS),
        ("pgd-l2:-1", "a length above 0"),
        ("pixels:1.5", "a whole number of pixels, 1 or more"),
        ("pixels:0", "a whole number of pixels, 1 or more"),
        ("", "none, or an attack with its budget: pgd, pgd-l2 or pixels"),
    ],
)
def test_an_impossible_attack_is_refused(word: str, expected: str) -> None:
    with pytest.raises(WrongUse) as caught:
        Recipe(adversarial=word)
    assert caught.value.expected == expected


def test_a_task_without_right_answers_is_refused(dataset: Dataset) -> None:
    recipe = replace(RECIPE, net="autoencoder-dense", task="denoise", adversarial="pgd")
    with pytest.raises(WrongUse, match="the task denoise"):
        Sitting(recipe, dataset)
