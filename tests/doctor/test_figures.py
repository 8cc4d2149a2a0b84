"""Figures that scripts print: the wrong quotients are told, and what is meant so is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from pellucid.doctor.examination import proven
from pellucid.doctor.script import run_script

SCRIPT = """\
import logging
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
inputs = torch.randn(343, 12)
labels = (inputs[:, 0] + inputs[:, 1] > 0).long() + (inputs[:, 2] > 0).long()
train_loader = DataLoader(TensorDataset(inputs[:200], labels[:200]), batch_size=40, shuffle=True)
test_loader = DataLoader(TensorDataset(inputs[200:], labels[200:]), batch_size=40)
network = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3))
optimiser = torch.optim.Adam(network.parameters(), lr=0.003)
log = logging.getLogger("training")
right = count = total = 0
for epoch in range(4):
    for x, y in train_loader:
        optimiser.zero_grad()
        loss = functional.cross_entropy(network(x), y)
        loss.backward()
        optimiser.step()
    right = count = 0
    with torch.no_grad():
        for x, y in test_loader:
            hits = network(x).argmax(1) == y
            right += hits.sum().item()
            count += len(y)
    total += right
    print(f"epoch {epoch}: loss {loss.item():.4f}, accuracy {right / count:.4f}")
"""
FIGURE = "accuracy {right / count:.4f}"
PRINTED = f'print(f"epoch {{epoch}}: loss {{loss.item():.4f}}, {FIGURE}")'

WRONG = {
    "counts that are never set to 0": (
        SCRIPT.replace("    right = count = 0\n    with", "    count = 0\n    with"),
        "4 evaluations until then, divided by the 143 of one",
    ),
    "all counts since the beginning": (
        SCRIPT.replace("    right = count = 0\n    with", "    with"),
        "4 evaluations until then together",
    ),
    "divided by batches": (
        SCRIPT.replace("right / count", "right / len(test_loader)"), "divided by 4 batches"
    ),
    "the last batch alone": (
        SCRIPT.replace("right += hits", "right = hits").replace("count += len", "count = len"),
        "the last batch alone",
    ),
    "divided by the examples of training": (
        SCRIPT.replace("{right / count:.4f}", "{100 * right / len(train_loader.dataset):.2f} %"),
        "divided by 200, the examples of another loader",
    ),
    "by logging": (
        SCRIPT.replace(PRINTED, 'log.warning("accuracy %.4f", right / len(test_loader))'),
        "divided by 4 batches",
    ),
    "more than all": (
        SCRIPT.replace("right / count", "1e4 * right / 143"), "more than 100 %"
    ),
}  # fmt: skip
SOUND = {
    "a share": SCRIPT,
    "a percentage": SCRIPT.replace("right / count:.4f", "100 * right / count:.2f"),
    "errors": SCRIPT.replace("right / count", "1 - right / count"),
    "the mean of batches": SCRIPT.replace("hits.sum()", "hits.float().mean()").replace(
        "count += len(y)", "count += 1"
    ),
    "after each batch": SCRIPT.replace(
        "count += len(y)\n", 'count += len(y)\n            print(f"{hits.float().mean():.4f}")\n'
    ).replace(PRINTED, "pass"),
    "the mean over epochs beside it": SCRIPT.replace(
        FIGURE, "accuracy {right / count:.4f}, mean {total / (epoch + 1) / count:.4f}"
    ),
    "how many in a batch, in words of its own": SCRIPT.replace(
        FIGURE, "accuracy {right / count:.4f}, right in a batch {right / 4:.4f}"
    ),
    "a loss alone": SCRIPT.replace(f", {FIGURE}", ""),
    "counts": SCRIPT.replace(FIGURE, "accuracy {right}.0/143"),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_quotient_is_told(kind: str, tmp_path: Path) -> None:
    text, told = WRONG[kind]
    path = tmp_path / "train.py"
    path.write_text(text)
    (found,) = proven(run_script(path, []).trace)
    assert (found.name, found.grade) == ("metric-wrong", "proven")
    assert told in found.evidence[0]
    assert found.where is not None
    assert found.where.number == len(text.splitlines())


@pytest.mark.parametrize("kind", SOUND)
def test_what_is_meant_so_is_not_told(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(SOUND[kind])
    assert proven(run_script(path, []).trace) == []


def test_nothing_of_the_scripts_is_run_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "train.py"
    path.write_text(
        SCRIPT
        + """
class Counting:
    asked = 0

    def __str__(self):
        Counting.asked += 1
        return f"{Counting.asked}.0"


print(Counting(), 0.5, sep=";")
print(Counting(), 0.5, sep=";")
"""
    )
    run_script(path, [])
    assert capsys.readouterr().out.splitlines()[-2:] == ["1.0;0.5", "2.0;0.5"]
