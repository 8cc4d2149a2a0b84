"""A network by name or by `module:factory`, and what is told when it does not fit."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from pellucid.base.errors import WrongUse
from pellucid.data.dataset import Dataset
from pellucid.nets.convnet import ConvNet
from pellucid.train.build import accepted_settings, build
from pellucid.train.recipe import Recipe
from pellucid.train.task import Task, make_task

MINE = """
import torch
from torch import nn

given = {}
text = "no factory"

def make(inputs, outputs, symbols, hidden=32, rate=0.5, word="tanh"):
    given.update(inputs=inputs, outputs=outputs, symbols=symbols, hidden=hidden, rate=rate,
                 word=word)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, hidden), nn.Linear(hidden, outputs))

def everything(**options):
    given.update(options)
    return make(**{key: options[key] for key in ("inputs", "outputs", "symbols")})

def plain():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 3))

class Own(nn.Module):
    def __init__(self, outputs, scale=1.0):
        super().__init__()
        self.inside = nn.Linear(64, outputs)

    def forward(self, x):
        return self.inside(x.flatten(1))

def raises():
    raise ValueError("no such thing")

def number():
    return 3

def ten_scores():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))

def maps():
    return nn.Conv2d(1, 3, 3)

def wrong_first():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 3))

def wrong_inside():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 20), nn.ReLU(), nn.Linear(30, 3))

def wrong_channels():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 36, 3))

def wrong_norm():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(5), nn.Flatten(), nn.Linear(144, 3))

class Pair(nn.Module):
    def forward(self, x):
        return x, x

def pair():
    return Pair()
"""


@pytest.fixture
def task(dataset: Dataset) -> Task:
    """Three classes of grey pictures, 8 × 8."""
    return make_task(Recipe(dataset="bars"), dataset.as_record())


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, with a file of networks of its own; its modules are forgotten after."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "mine", raising=False)  # of another test
    (tmp_path / "mine.py").write_text(MINE)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.split(".")[0] in ("mine", "nets", "others"):
            del sys.modules[name]


def refused(net: str, task: Task, **options: str | int | float) -> WrongUse:
    with pytest.raises(WrongUse) as caught:
        build(net, task, dict(options))
    return caught.value


# ------------------------------------------------------------------------------- what is built


def test_a_name_of_the_catalog_is_built_for_the_data(task: Task) -> None:
    network = build("convnet", task, {"width": 4})
    assert isinstance(network, ConvNet)
    assert network(torch.zeros(2, 1, 8, 8)).shape == (2, 3)
    assert network.stages[0][0].out_channels == 4  # type: ignore[index,union-attr]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("net", ["mine:make", "mine:plain", "mine:Own", "mine.py:plain"])
def test_a_function_or_class_of_ones_own_is_built(net: str, task: Task) -> None:
    assert build(net, task, {})(torch.zeros(2, 1, 8, 8)).shape == (2, 3)


def test_a_file_elsewhere_is_found_by_its_path(here: Path, task: Task) -> None:
    (here / "nets").mkdir()
    (here / "nets" / "others.py").write_text(MINE)
    (here / "work").mkdir()
    for written in ("nets/others.py:plain", "nets.others:plain", "./nets/others.py:plain"):
        assert isinstance(build(written, task, {}), nn.Sequential)
    assert isinstance(build(f"{here}/nets/others.py:plain", task, {}), nn.Sequential)


def test_a_file_above_the_current_folder_is_found(
    here: Path, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "work").mkdir()
    monkeypatch.chdir(here / "work")
    assert isinstance(build("../mine.py:plain", task, {}), nn.Sequential)


@pytest.mark.usefixtures("here")
def test_settings_reach_the_factory_in_the_type_of_their_default(task: Task) -> None:
    build("mine:make", task, {"hidden": "16", "rate": 1, "noise": 0.5})
    import mine  # type: ignore[import-not-found]

    assert mine.given == {
        "inputs": (1, 8, 8), "outputs": 3, "symbols": 0, "hidden": 16, "rate": 1.0, "word": "tanh",
    }  # fmt: skip
    assert type(mine.given["hidden"]) is int
    assert type(mine.given["rate"]) is float


@pytest.mark.usefixtures("here")
def test_a_factory_that_takes_everything_gets_the_shapes(task: Task) -> None:
    build("mine:everything", task, {})
    import mine

    assert {key: mine.given[key] for key in ("inputs", "outputs", "symbols")} == {
        "inputs": (1, 8, 8), "outputs": 3, "symbols": 0,
    }  # fmt: skip


@pytest.mark.usefixtures("here")
def test_the_settings_of_a_network_are_its_arguments_beyond_the_shapes() -> None:
    assert accepted_settings("mine:make") == ["hidden", "rate", "word"]
    assert accepted_settings("mine:Own") == ["scale"]
    assert accepted_settings("convnet") == ["width", "dropout"]


@pytest.mark.usefixtures("here")
def test_a_setting_that_is_no_number_is_refused(task: Task) -> None:
    error = refused("mine:make", task, hidden="many")
    assert (error.where, error.found, error.expected) == (
        "setting hidden", "'many'", "a whole number, such as the usual 32",
    )  # fmt: skip


def test_trying_a_network_out_leaves_its_mode_and_weights(task: Task) -> None:
    torch.manual_seed(0)
    norm = build("convnet", task, {}).train().stages[0][2]  # type: ignore[index,union-attr]
    assert norm.training
    assert int(norm.num_batches_tracked) == 0


# ------------------------------------------------------------------------------ what is refused


def test_an_unknown_name_is_answered_with_the_near_miss(task: Task) -> None:
    error = refused("convnt", task)
    assert (error.where, error.found, error.fix) == ("net", "'convnt'", "did you mean 'convnet'?")
    assert error.expected.endswith("transformer, or module:factory")


@pytest.mark.parametrize(
    ("net", "found", "fix"),
    [
        (
            "mine:raises",
            "a factory that raised ValueError: no such thing",
            "call it by itself in Python to see where it fails",
        ),
        (
            "mine:number",
            "a factory that returned int",
            "return the network itself from the factory",
        ),
        (
            "mine:text",
            "text is a str, which cannot be called",
            "write def text_factory(): return text",
        ),
        ("mine:plan", "no plan in mine", "did you mean mine:plain?"),
        ("mine:zzz", "no zzz in mine", "define zzz"),
        ("mime:make", "no module mime", "check the spelling, or change to its folder"),
        (
            "hungry:make",
            "hungry needs nosuchmodule, which is not installed",
            "pip install nosuchmodule",
        ),
        (
            "broken:make",
            "broken raised ZeroDivisionError while it was imported: division by zero",
            "try: python -c 'import broken'",
        ),
    ],
)
def test_a_factory_that_is_none_is_told_with_what_to_do(
    here: Path, task: Task, net: str, found: str, fix: str
) -> None:
    (here / "hungry.py").write_text("import nosuchmodule\n")
    (here / "broken.py").write_text("1 / 0\n")
    error = refused(net, task)
    assert (error.where, error.found, error.fix) == (f"network {net}", found, fix)


def test_a_missing_module_says_where_it_was_looked_for(here: Path, task: Task) -> None:
    assert refused("mime:make", task).expected == (
        f"a Python file mime.py in {here}, or an installed module"
    )


FITS = "sizes that fit"


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("factory", "told"),
    [
        (
            "ten_scores",
            "network mine:ten_scores: found an output (2, 10) for 2 examples, "
            "expected (2, 3), for 3 classes.\nFix: set out_features of layer 1 to 3, not 10",
        ),
        (
            "maps",
            "network mine:maps: found an output (2, 3, 6, 6) for 2 examples, "
            "expected (2, 3), for 3 classes.\n"
            "Fix: let forward return one tensor of shape (batch, 3)",
        ),
        (
            "pair",
            "network mine:pair: found an output tuple for 2 examples, "
            "expected (2, 3), for 3 classes.\n"
            "Fix: let forward return one tensor of shape (batch, 3)",
        ),
        (
            "wrong_first",
            "network mine:wrong_first, layer 1 (Linear): found in_features 784, given an input "
            f"(2, 64), expected {FITS}.\nFix: set in_features of layer 1 to 64",
        ),
        (
            "wrong_inside",
            "network mine:wrong_inside, layer 3 (Linear): found in_features 30, given an input "
            f"(2, 20), expected {FITS}.\nFix: set in_features of layer 3 to 20",
        ),
        (
            "wrong_channels",
            "network mine:wrong_channels, layer 0 (Conv2d): found in_channels 3, given an input "
            f"(2, 1, 8, 8), expected {FITS}.\nFix: set in_channels of layer 0 to 1",
        ),
        (
            "wrong_norm",
            "network mine:wrong_norm, layer 1 (BatchNorm2d): found num_features 5, given an input "
            f"(2, 4, 6, 6), expected {FITS}.\nFix: set num_features of layer 1 to 4",
        ),
    ],
)
def test_a_network_that_does_not_fit_names_the_layer_and_its_size(
    factory: str, told: str, task: Task
) -> None:
    assert str(refused(f"mine:{factory}", task)) == told


def test_a_network_of_the_catalog_for_another_task_is_told_as_such(task: Task) -> None:
    error = refused("autoencoder-dense", task)
    assert error.found == "an output (2, 1, 8, 8) for 2 examples"
    assert error.fix == "choose a network for the task classify (see: pellucid nets list)"
