"""One network on two processes (gloo, CPU) ends as it does on one with the same total batch."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch import nn

from pellucid.base.errors import WrongUse
from pellucid.cli.main import main
from pellucid.data.dataset import Dataset
from pellucid.train.batches import Feed
from pellucid.train.checkpoint import load_tensors, part
from pellucid.train.ranks import Ranks
from pellucid.train.recipe import Recipe
from pellucid.train.task import make_task

needs_processes = pytest.mark.skipif(
    not dist.is_available(), reason="this PyTorch is built without torch.distributed"
)
DIGITS = ["train", "digits", "--epochs", "1", "--batch-size", "33", "--set", "augment=none",
          "--set", "dropout=0", "--device", "cpu", "--no-report", "--runs", "."]  # fmt: skip
"""Batches of 33 do not divide by two: the processes' shares are 17 and 16."""
NAMED = ["--json", "out.json", "--name", "digits"]

SCRIPT = """
import sys
import numpy as np
import torch
from torch import nn
from pellucid.base.records import write_json
from pellucid.data.dataset import Card
from pellucid.data.split import symbol_dataset
from pellucid.data.symbols import words_as_split
from pellucid.train.fit import Sitting
from pellucid.train.ranks import Ranks, share_norms
from pellucid.train.recipe import Recipe
from pathlib import Path


def norms(ranks):
    chance = torch.Generator().manual_seed(0)
    whole = torch.randn(10, 3, 4, 4, generator=chance) * 2 + 1
    weight = torch.randn(10, 3, 4, 4, generator=chance)
    network = nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.BatchNorm2d(3, affine=False))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([0.5, 1.0, 2.0]))
    mine = slice(None) if ranks.world == 1 else slice(0, 7) if ranks.first else slice(7, 10)
    if ranks.world > 1:
        share_norms(network)
    x = whole[mine].clone().requires_grad_()
    out = network(x)
    (out * weight[mine]).sum().backward()
    gradients = [value.grad.clone() for value in network[0].parameters()]
    if ranks.world > 1:
        for gradient in gradients:
            torch.distributed.all_reduce(gradient)
    buffers = {name: value.tolist() for name, value in network.named_buffers()}
    network.eval()
    return {
        "first": mine.start == 7, "out": out.tolist(), "x": x.grad.tolist(), "buffers": buffers,
        "weights": [gradient.tolist() for gradient in gradients],
        "judged": network(whole[:1]).tolist(),
    }


def text(folder):
    words = ["ab" * (1 + place * place % 5) for place in range(40)]
    parts = [words_as_split(words[first::2], [".", "a", "b"], 11) for first in (0, 1, 1)]
    data = symbol_dataset(Card("w", "w", "w", "w"), [".", "a", "b"], tuple(parts), ())
    recipe = Recipe(dataset="w", net="recurrent", task="next-symbol", batch_size=7, epochs=2,
                    learning_rate=0.01, clip=1.0, average=0.9).with_changes({"hidden": 8})
    Sitting(recipe, data).start(folder, "text", [], look_at_test=False)


if __name__ == "__main__":
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    ranks = Ranks.join()
    write_json(folder / f"norms-{ranks.rank}.json", norms(ranks))
    text(folder)
"""


def two_processes(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A Python script or module on two processes that `torchrun` starts."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PELLUCID_DEBUG": "0"}
    return subprocess.run(
        [sys.executable, *torchrun, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@dataclass
class Pair:
    """The same things done by one process and by two."""

    one: Path
    two: Path
    told: subprocess.CompletedProcess[str]
    """What the two processes said of the training on digits."""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    home = tmp_path_factory.mktemp("ranks")
    (home / "script.py").write_text(SCRIPT)
    for name in ("one", "two"):
        (home / name).mkdir()
    monkeypatch = pytest.MonkeyPatch()
    with monkeypatch.context() as patch:  # the one process is this one
        patch.chdir(home / "one")
        patch.setattr(sys, "argv", ["script.py", str(home / "one")])
        runpy.run_path(str(home / "script.py"), run_name="__main__")
        with pytest.raises(SystemExit) as ended:
            main([*DIGITS, *NAMED])
        assert ended.value.code == 0
    script = two_processes(str(home / "script.py"), str(home / "two"), folder=home / "two")
    assert script.returncode == 0, script.stderr
    told = two_processes("-m", "pellucid", *DIGITS, *NAMED, folder=home / "two")
    assert told.returncode == 0, told.stderr
    return Pair(home / "one", home / "two", told)


@needs_processes
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("digits", "--epochs", "0"), "--epochs: found 0"),  # met by both
        (("digits", "--name", "mine"), "found a folder runs/mine that is there"),  # by the first
    ],
)
def test_what_is_wrong_is_told_once(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    ended = two_processes("-m", "pellucid", "train", *words, folder=tmp_path)
    assert ended.returncode != 0
    assert ended.stderr.count(told) == 1
    assert ended.stderr.count("Fix:") == 1
    assert "[rank1]" not in ended.stderr  # no traceback of the second process
    assert "alone" not in ended.stderr


def weights(folder: Path, name: str) -> dict[str, torch.Tensor]:
    tensors, _ = load_tensors(folder / name / "checkpoints" / "last.safetensors")
    return {
        f"{kind}.{key}": value
        for kind in ("network", "average")
        for key, value in part(tensors, kind).items()
    }


def metrics(folder: Path, name: str) -> list[dict[str, object]]:
    lines = (folder / name / "metrics.jsonl").read_text().splitlines()
    return [{**json.loads(line), "seconds": 0} for line in lines]


@needs_processes
@pytest.mark.parametrize("name", ["digits", "text"])
def test_weights_and_metrics_are_those_of_one_process(pair: Pair, name: str) -> None:
    one, two = weights(pair.one, name), weights(pair.two, name)
    assert one.keys() == two.keys()
    for key, value in one.items():
        torch.testing.assert_close(two[key], value, rtol=1e-3, atol=1e-4, msg=key)
    first, second = metrics(pair.one, name), metrics(pair.two, name)
    assert len(first) == len(second)
    for row, other in zip(first, second, strict=True):
        assert other["step"] == row["step"]
        for split in ("train", "validation"):
            assert other[split] == pytest.approx(row[split], abs=1e-3)


@needs_processes
def test_the_result_is_that_of_one_process(pair: Pair) -> None:
    one, two = (json.loads((path / "out.json").read_text()) for path in (pair.one, pair.two))
    assert two["test"] == pytest.approx(one["test"], abs=1e-3)
    for key in ("epochs", "steps", "parameters", "looks_at_test", "best_epoch"):
        assert two[key] == one[key]


@needs_processes
def test_only_one_process_writes_and_speaks(pair: Pair) -> None:
    assert pair.told.stdout.count("read correctly") == 1
    assert pair.told.stderr.count("train loss") == 1
    assert "Warning" not in pair.told.stderr
    runs = sorted(path.name for path in pair.two.iterdir() if path.is_dir())
    assert runs == ["digits", "text"]
    assert len(list((pair.two / "digits").glob("result*.json"))) == 1
    assert len((pair.two / "digits" / "looks.jsonl").read_text().splitlines()) == 1
    environment = json.loads((pair.two / "digits" / "environment.json").read_text())
    assert environment["processes"] == 2


@needs_processes
def test_the_shared_batch_norm_is_pytorchs_on_the_whole_batch(pair: Pair) -> None:
    whole = json.loads((pair.one / "norms-0.json").read_text())
    shares = [json.loads((pair.two / f"norms-{rank}.json").read_text()) for rank in (0, 1)]
    for key in ("out", "x"):  # seven examples in the first process, three in the second
        joined = np.concatenate([share[key] for share in shares])
        assert joined == pytest.approx(np.array(whole[key]), abs=1e-5)
    for share in shares:
        assert share["weights"][0] == pytest.approx(whole["weights"][0], abs=1e-4)
        assert share["weights"][1] == pytest.approx(whole["weights"][1], abs=1e-4)
        assert np.array(share["judged"]) == pytest.approx(np.array(whole["judged"]), abs=1e-5)
        for name, value in whole["buffers"].items():
            assert share["buffers"][name] == pytest.approx(value, abs=1e-5), name


def test_alone_nothing_is_changed() -> None:
    network = nn.Linear(2, 2)
    ranks = Ranks()
    assert ranks.wrap(network) is network
    assert ranks.total(1.5, 2.0) == [1.5, 2.0]
    assert ranks.same(lambda: "made") == "made"
    assert ranks.first


def test_a_batch_too_small_for_all_processes_is_refused(dataset: Dataset) -> None:
    recipe = Recipe(dataset="bars", batch_size=2)
    task = make_task(recipe, dataset.as_record())
    with pytest.raises(WrongUse, match="2 for 3 processes"):
        Feed(dataset.train, task, recipe, torch.device("cpu"), rank=0, world=3)
