"""The numbers of the tasks: how much noise, which hole, what is judged."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from pellucid.base.errors import WrongUse
from pellucid.base.records import Record
from pellucid.data.damage import add_noise, cut_hole
from pellucid.data.dataset import IGNORED
from pellucid.train.recipe import Recipe
from pellucid.train.task import make_task
from pellucid.train.tasks.denoise import Denoise
from pellucid.train.tasks.inpaint import Inpaint
from pellucid.train.tasks.next_symbol import NextSymbol


def record(shape: tuple[int, ...], classes: int = 4, kind: str = "pictures") -> Record:
    return {
        "kind": kind,
        "classes": [str(number) for number in range(classes)],
        "shape": list(shape),
        "mean": [0.5] * shape[0],
        "std": [0.25] * shape[0],
        "card": {"name": "made-up"},
    }


GREY = record((1, 28, 28))


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def labels(count: int) -> torch.Tensor:
    return torch.zeros(count, dtype=torch.int64)


# --------------------------------------------------------------------------------------- denoise


def test_noise_has_the_standard_deviation_that_was_asked_for() -> None:
    middle = torch.full((200, 1, 28, 28), 0.5)
    noisy, target = Denoise(GREY, noise=0.1).pose(middle, labels(200), chance())
    assert noisy.mean().item() == pytest.approx(0.5, abs=0.002)  # 156,800 pixels: ± 0.0003
    assert noisy.std().item() == pytest.approx(0.1, abs=0.002)
    assert torch.equal(target[:, :1], middle)
    assert (target[:, 1] == 1).all()  # judged everywhere


def test_noisy_pixels_are_clipped_to_what_a_picture_can_hold() -> None:
    dark = torch.full((200, 1, 28, 28), 0.1)
    noisy, _ = Denoise(GREY, noise=0.3).pose(dark, labels(200), chance())
    assert (noisy.min().item(), noisy.max().item()) == (0.0, 1.0)
    reference = np.clip(add_noise(dark.numpy(), 0.3, np.random.default_rng(0)), 0, 1)
    assert noisy.mean().item() == pytest.approx(reference.mean(), abs=0.002)
    assert noisy.std().item() == pytest.approx(reference.std(), abs=0.002)
    # Φ(−0.1 / 0.3) = 0.3694 of the pixels fall below 0
    assert (noisy == 0).float().mean().item() == pytest.approx(0.3694, abs=0.005)


def test_no_noise_leaves_the_picture_as_it_is() -> None:
    clean = torch.rand(3, 1, 28, 28, generator=chance())
    noisy, _ = Denoise(GREY, noise=0).pose(clean, labels(3), chance())
    assert torch.equal(noisy, clean)


@pytest.mark.parametrize("noise", [-0.1, 11.0, math.nan])
def test_impossible_noise_is_refused(noise: float) -> None:
    with pytest.raises(WrongUse, match="setting noise"):
        Denoise(GREY, noise=noise)


# --------------------------------------------------------------------------------------- in-paint


def test_a_hole_in_the_centre_is_where_it_should_be() -> None:
    clean = torch.rand(2, 1, 28, 28, generator=chance()) + 0.1
    damaged, target = Inpaint(GREY, hole=8, place="centre").pose(clean, labels(2), chance())
    hidden = target[0, 1].bool()
    assert hidden.any(dim=1).nonzero().flatten().tolist() == list(range(10, 18))
    assert hidden.any(dim=0).nonzero().flatten().tolist() == list(range(10, 18))
    by_definition, _ = cut_hole(clean.numpy(), 8, 10, 10)
    assert np.array_equal(damaged.numpy(), by_definition)


def test_random_holes_have_their_size_and_reach_every_place() -> None:
    clean = torch.ones(1500, 1, 28, 28)
    _, target = Inpaint(GREY, hole=8).pose(clean, labels(1500), chance())
    hidden = target[:, 1]
    assert (hidden.sum(dim=(1, 2)) == 64).all()
    for axis in (1, 2):
        lines = hidden.amax(dim=axis)  # (n, 28): a run of eight ones
        assert (lines.sum(dim=1) == 8).all()
        assert set(lines.argmax(dim=1).tolist()) == set(range(21))


def test_a_colour_picture_has_the_same_hole_in_every_channel() -> None:
    clean = torch.ones(5, 3, 12, 10)
    damaged, _ = Inpaint(record((3, 12, 10)), hole=4).pose(clean, labels(5), chance())
    assert ((damaged == 0).sum(dim=1).unique()).tolist() == [0, 3]
    assert (damaged == 0).sum().item() == 5 * 3 * 16


def test_only_the_inside_of_the_hole_is_judged() -> None:
    task = Inpaint(GREY, hole=8, place="centre")
    clean = torch.full((2, 1, 28, 28), 0.25)
    damaged, target = task.pose(clean, labels(2), chance())
    hidden = target[:, 1:].bool()
    nonsense_outside = torch.where(hidden, clean, torch.ones_like(clean))
    assert (task.judge(nonsense_outside, target, damaged)["squared_error"] == 0).all()
    half_inside = torch.where(hidden, clean + 0.5, clean)
    rows = task.judge(half_inside, target, damaged)
    assert rows["squared_error"].tolist() == [0.25, 0.25]
    assert rows["given_squared_error"].tolist() == [0.0625, 0.0625]  # 0 where 0.25 was
    arrays = {name: values.numpy() for name, values in rows.items()}
    summary = task.summary(arrays, np.zeros(2, np.int64))
    assert summary["psnr_db"] == pytest.approx(6.0206, abs=1e-4)  # −10·log₁₀ 0.25
    assert summary["given_psnr_db"] == pytest.approx(12.0412, abs=1e-4)


def test_an_error_inside_the_hole_counts_as_often_as_was_asked_for() -> None:
    task = Inpaint(GREY, hole=8, place="centre", emphasis=6)
    clean = torch.zeros(1, 1, 28, 28)
    _, target = task.pose(clean, labels(1), chance())
    # an error of 1 everywhere: (784 + 5 · 64) / 784
    assert task.loss(clean + 1, target).item() == pytest.approx(1104 / 784)


def test_the_pictures_kept_are_the_middling_ones_of_each_class() -> None:
    errors = {"squared_error": np.array([3.0, 1.0, 2.0, 9.0, 7.0, 8.0])}
    kept = Denoise(GREY).keepsakes(errors, np.array([0, 0, 0, 1, 1, 1]), {})
    assert kept == [2, 5]


@pytest.mark.parametrize("hole", [0, 28, 99])
def test_a_hole_that_is_none_or_everything_is_refused(hole: int) -> None:
    with pytest.raises(WrongUse, match="1 to 27 pixels"):
        Inpaint(GREY, hole=hole)


def test_an_unknown_place_is_refused() -> None:
    with pytest.raises(WrongUse, match="random or centre"):
        Inpaint(GREY, place="left")


def test_settings_have_the_type_of_their_default() -> None:
    recipe = Recipe(task="inpaint", settings=(("emphasis", 3), ("hole", "8")))
    task = make_task(recipe, GREY)
    assert isinstance(task, Inpaint)
    assert (task.hole, task.emphasis) == (8, 3.0)
    with pytest.raises(WrongUse, match="setting hole: found 'big', expected a whole number"):
        make_task(Recipe(task="inpaint", settings=(("hole", "big"),)), GREY)


# ------------------------------------------------------------------------------------ next symbol


def beliefs(rows: list[list[list[float]]]) -> torch.Tensor:
    return torch.tensor(rows).log()


HALF, QUARTER = [0.5, 0.5 / 3, 0.5 / 3, 0.5 / 3], [0.25] * 4


def test_padding_counts_neither_in_the_loss_nor_in_the_metric() -> None:
    task = NextSymbol(record((3,), kind="symbols"))
    output = beliefs([[HALF, HALF, HALF], [QUARTER, QUARTER, QUARTER]])
    target = torch.tensor([[0, IGNORED, IGNORED], [1, 2, 3]])
    # one symbol at probability 1/2 and three at 1/4: (1 + 3 · 2) / 4 = 1.75 bits
    assert task.loss(output, target).item() == pytest.approx(1.75 * math.log(2))
    rows = task.judge(output, target, target)
    assert rows["loss"].tolist() == pytest.approx([math.log(2), math.log(4)])
    summary = task.summary({key: value.numpy() for key, value in rows.items()}, target.numpy())
    assert summary["nats"] == pytest.approx(1.75 * math.log(2))
    assert summary["bits"] == pytest.approx(1.75)
    assert summary["perplexity"] == pytest.approx(2**1.75)
    assert (summary["symbols"], summary["examples"]) == (4, 2)
    assert int(task.answers(target)) == 4


def test_the_interval_of_nats_is_about_that_of_a_bootstrap() -> None:
    draw = np.random.RandomState(0)
    count = draw.randint(1, 12, 300)
    total = count * draw.gamma(4, 0.5, 300)
    task = NextSymbol(record((12,), kind="symbols"))
    summary = task.summary({"total": total, "count": count}, np.zeros(300, np.int64))
    chosen = draw.randint(0, 300, (4000, 300))
    again = total[chosen].sum(axis=1) / count[chosen].sum(axis=1)
    low, high = np.quantile(again, [0.025, 0.975])
    width = summary["high"] - summary["low"]
    assert width == pytest.approx(high - low, rel=0.08)
    assert (summary["low"] + summary["high"]) / 2 == pytest.approx(total.sum() / count.sum())
    naive = 2 * 1.96 * (total / count).std() / math.sqrt(300)
    assert abs(width / naive - 1) > 0.08, "the check could not tell a mean of means"
