"""The known-good recipes: every network, task and kind of data has a valid one that fits."""

from __future__ import annotations

import pytest

from pellucid.base.errors import WrongUse
from pellucid.base.records import Record
from pellucid.train.build import NETS
from pellucid.train.defaults import USUAL_NETS, default_recipe, reader_recipe
from pellucid.train.recipe import Recipe, parse_augmentation
from pellucid.train.task import TASKS, make_task


def record(
    shape: tuple[int, ...] = (1, 28, 28),
    train: int = 60000,
    name: str = "made-up",
    bright: bool | None = True,
) -> Record:
    return {
        "kind": "pictures" if len(shape) == 3 else "symbols",
        "classes": ["a", "b", "c"],
        "shape": list(shape),
        "sizes": {"train": train, "validation": train // 5, "test": train // 5},
        "mean": [0.5] * shape[0],
        "std": [0.2] * shape[0],
        "card": {"name": name, "bright_on_dark": bright},
    }


PICTURES = [record(), record((3, 32, 32), 50000, bright=None), record((1, 8, 8), 1133)]


@pytest.mark.parametrize("net", [*NETS.names(), "mine:factory"])
@pytest.mark.parametrize("task", ["classify", "denoise", "inpaint"])
@pytest.mark.parametrize("data", PICTURES, ids=lambda data: str(data["shape"]))
def test_every_network_and_task_on_pictures_has_a_recipe(data: Record, task: str, net: str) -> None:
    recipe = default_recipe("made-up", data, net, task)
    assert (recipe.net, recipe.task, recipe.dataset) == (net, task, "made-up")
    assert recipe.batch_size <= data["sizes"]["train"]
    assert make_task(recipe, data).name == task  # its settings fit the pictures


@pytest.mark.parametrize("net", ["recurrent", "transformer", "mine:factory"])
def test_every_network_for_symbols_has_a_recipe(net: str) -> None:
    recipe = default_recipe("text", record((64,)), net)
    assert recipe.task == "next-symbol"
    assert recipe.clip == 1.0


@pytest.mark.parametrize("train", [1, 2, 3, 8, 40, 100, 4999])
@pytest.mark.parametrize("net", [*NETS.names(), "mine:factory"])
def test_few_examples_get_a_batch_that_fits_and_more_epochs(net: str, train: int) -> None:
    many, few = (default_recipe("made-up", record(train=n), net) for n in (60000, train))
    assert 1 <= few.batch_size <= max(1, train // 4)
    assert few.batch_size <= 32
    assert few.epochs >= max(30, many.epochs)


def test_a_task_that_is_not_named_is_the_datas_and_brings_its_network() -> None:
    assert default_recipe("a", record()).net == "convnet"
    assert default_recipe("a", record((64,))).net == "recurrent"
    assert default_recipe("a", record(), task="denoise").net == "autoencoder-conv"


def test_every_task_has_a_usual_network_of_the_catalog() -> None:
    assert set(USUAL_NETS) == set(TASKS.names())
    assert set(USUAL_NETS.values()) <= set(NETS.names())


def test_an_unknown_task_is_refused_with_the_near_miss() -> None:
    with pytest.raises(WrongUse, match="did you mean 'denoise'"):
        default_recipe("a", record(), task="denoize")


def test_handwriting_is_never_mirrored_and_photographs_are() -> None:
    for net in NETS.names():
        words = [parse_augmentation(word)[0] for word in default_recipe("a", record(), net).augment]
        assert "flip" not in words
    photographs = default_recipe("a", record((3, 32, 32), bright=None))
    assert "flip" in photographs.augment


@pytest.mark.parametrize(
    ("side", "hole"), [(8, 3), (14, 5), (20, 7), (2, 1)], ids=lambda value: str(value)
)
def test_a_small_picture_gets_a_small_hole(side: int, hole: int) -> None:
    recipe = default_recipe("a", record((1, side, side)), task="inpaint")
    assert recipe.options["hole"] == hole  # 10 of 28, in proportion
    assert "hole" not in default_recipe("a", record(), task="inpaint").options


def test_the_reader_is_a_classifier_and_short() -> None:
    short, usual = reader_recipe("a", record()), default_recipe("a", record())
    assert isinstance(short, Recipe)
    assert short.task == "classify"
    assert short.epochs < usual.epochs


def test_a_network_that_answers_with_a_picture_restores_one() -> None:
    for net in ("autoencoder-dense", "autoencoder-conv"):
        assert default_recipe("made-up", record(), net).task == "denoise"
        assert default_recipe("made-up", record(), net, "inpaint").task == "inpaint"
    assert default_recipe("made-up", record(), "convnet").task == "classify"
    assert default_recipe("made-up", record((64,)), "autoencoder-conv").task == "next-symbol"
