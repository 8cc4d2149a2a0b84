"""Cures put into a running script: the same as the source mended by hand, and compared fairly."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from pellucid.doctor.cases import EVALUATE, OPTIMISER, STEP, script
from pellucid.doctor.finding import PROVEN, Finding
from pellucid.doctor.mend.cures import CURES
from pellucid.doctor.mend.mending import Mended, mend
from pellucid.doctor.mend.metric import Metric, find_metric, value_of
from pellucid.doctor.mend.source import suggestion
from pellucid.doctor.mend.trial import noted, seeded
from pellucid.doctor.script import run_script
from pellucid.watch.lines import Line

SGD = "torch.optim.SGD(network.parameters(), lr={})"
LOSS = "functional.cross_entropy(network(inputs[rows]), labels[rows])"
HITS = "nn.functional.one_hot(labels[rows], 3).float()"


def with_loss(text: str) -> str:
    return script(step=STEP.replace(LOSS, text))


PAIRS: dict[str, tuple[dict[str, Any], str, str]] = {
    "learning-rate-too-high": (
        {"rate": 0.5, "tried": 0.05},
        script(optimiser=SGD.format(0.5)), script(optimiser=SGD.format(0.05)),
    ),
    "gradients-not-cleared": (
        {}, script(step=STEP.replace("optimiser.zero_grad()\n", "")), script(),
    ),
    "exploding-gradients": (
        {"median": 0.25},
        script(),
        script(step=STEP.replace(
            "optimiser.step()",
            "nn.utils.clip_grad_norm_(network.parameters(), 0.25)\noptimiser.step()",
        )),
    ),
    "parameters-outside-optimiser": (
        {},
        script(optimiser="torch.optim.Adam(network[-1].parameters(), lr=0.01)"),
        script(optimiser="torch.optim.Adam([*network[-1].parameters(), "
               "*network[:-1].parameters()], lr=0.01)"),
    ),
    "eval-forgotten": (
        {}, script(evaluate=EVALUATE.replace("network.eval()\n", "")), script(),
    ),
    "trained-in-eval-mode": (
        {}, script(step=STEP.replace("network.train()", "network.eval()")), script(),
    ),
    "inputs-not-normalised": (
        {},
        script(step=STEP.replace("inputs[rows]", "50 * inputs[rows]")).replace(
            "inputs[k : k + 16]", "50 * inputs[k : k + 16]"),
        script(step="mean, deviation = (globals().setdefault('known', ("
               "50 * inputs[rows]).clone()).mean(0), known.std(0))\n"
               + STEP.replace("inputs[rows]", "(50 * inputs[rows] - mean) / deviation")).replace(
            "inputs[k : k + 16]", "(50 * inputs[k : k + 16] - known.mean(0)) / known.std(0)"),
    ),
    "regularisation-too-strong": (
        {},
        script(optimiser=OPTIMISER.replace("0.01)", "0.01, weight_decay=0.5)")),
        script().replace("Dropout(0.5)", "Dropout(0.0)"),
    ),
    "softmax-before-cross-entropy": (
        {}, with_loss(LOSS.replace("]),", "]).softmax(1),")), with_loss(LOSS),
    ),
    "sigmoid-twice": (
        {},
        with_loss("functional.binary_cross_entropy_with_logits("
                  f"network(inputs[rows]).sigmoid(), {HITS})"),
        with_loss(f"functional.binary_cross_entropy_with_logits(network(inputs[rows]), {HITS})"),
    ),
    "raw-scores-into-probability-loss": (
        {},
        with_loss("functional.nll_loss(network(inputs[rows]), labels[rows])"), with_loss(LOSS),
    ),
    "target-broadcast": (
        {},
        with_loss("functional.mse_loss(network(inputs[rows])[:, :1], inputs[rows, 0])"),
        with_loss("functional.mse_loss(network(inputs[rows])[:, 0], inputs[rows, 0])"),
    ),
}  # fmt: skip
"""By finding: numbers, the sick source, and the source mended by hand."""
PAIRS["learning-rate-too-low"] = (
    {"rate": 0.05, "tried": 0.5}, *PAIRS["learning-rate-too-high"][:0:-1]
)  # fmt: skip

SHUFFLED = """
import torch
from torch.utils.data import DataLoader
torch.manual_seed(0)
network = torch.nn.Linear(1, 1)
optimiser = torch.optim.SGD(network.parameters(), lr=0.01)
data = [(torch.tensor([float(k)]), torch.tensor([float(k)])) for k in range(12)]
for inputs, targets in DataLoader(data, batch_size=4{}):
    optimiser.zero_grad()
    torch.nn.functional.mse_loss(network(inputs), targets).backward()
    optimiser.step()
"""
PAIRS["not-shuffled"] = ({}, SHUFFLED.format(""), SHUFFLED.format(", shuffle=True"))


def losses_of(text: str, folder: Path, cure: str = "", numbers: dict[str, Any] | None = None,
              repetition: int = 0) -> list[float]:  # fmt: skip
    (folder / "train.py").write_text(text)
    losses: list[float] = []
    with seeded(repetition), noted(losses):
        if cure:
            with CURES[cure][1](numbers or {}):
                outcome = run_script(folder / "train.py", [], watch=False)
        else:
            outcome = run_script(folder / "train.py", [], watch=False)
    assert outcome.exit_code == 0
    return losses


@pytest.mark.parametrize("name", CURES)
def test_a_cure_at_run_time_is_the_source_mended_by_hand(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers, sick, mended = PAIRS[name]
    expected = losses_of(mended, tmp_path)
    printed = capsys.readouterr().out
    found = losses_of(sick, tmp_path, name, numbers)
    assert found == pytest.approx(expected, rel=1e-4)
    assert capsys.readouterr().out == printed
    bare = losses_of(sick, tmp_path)
    if name == "eval-forgotten":
        assert bare == expected  # only what is printed is different
    else:
        assert bare != pytest.approx(expected, rel=1e-4)


def test_where_clipping_was_found_gradients_stay_as_long_as_they_are(tmp_path: Path) -> None:
    clip = "nn.utils.clip_grad_norm_(network.parameters(), 1e-6)\noptimiser.step()"
    sgd = SGD.format(0.05)
    sick = script(optimiser=sgd, step=STEP.replace("optimiser.step()", clip))
    expected = losses_of(script(optimiser=sgd), tmp_path)
    found = losses_of(sick, tmp_path, "regularisation-too-strong", {"clipped": 1e-6})
    assert found == pytest.approx(expected, rel=1e-4)
    assert losses_of(sick, tmp_path) != pytest.approx(expected, rel=1e-4)


def test_a_repetition_moves_every_seed_of_the_script(tmp_path: Path) -> None:
    own = losses_of(script(), tmp_path)
    assert losses_of(script(), tmp_path) == own
    moved = losses_of(script(), tmp_path, repetition=2)
    assert moved == losses_of(script().replace("seed(0)", "seed(2000)"), tmp_path)
    assert moved != own


# ------------------------------------------------------------------------------- what is compared


def test_the_last_line_that_all_runs_share_is_the_metric() -> None:
    first = "epoch 1 loss 2.5\nepoch 2 loss 1.5\ntest accuracy: 81.5 %\nsaved at 12:30 in 3 s\n"
    other = "epoch 1 loss 2.0\nepoch 2 loss 1.0\ntest accuracy: 90.5 %\n"
    assert find_metric([first, other]) == Metric("test accuracy: # %", False)
    assert value_of(Metric("test accuracy: # %", False), first) == 81.5
    assert find_metric(["epoch 2 loss 1e-3", "epoch 9 loss nan"]) is None
    assert find_metric(["loss 1,234.5"]) == Metric("loss #", True)
    assert value_of(Metric("loss #", True), "loss 3\nloss 1,234.5") == 1234.5


def mended(without: list[float], cured: list[float], lower: bool = False) -> Mended:
    return Mended("name", "cure", "measure", lower, without, cured, "")


def test_a_cure_helps_if_every_run_with_it_is_better_than_every_run_without() -> None:
    assert mended([1.0, 2.0], [2.5, 3.0]).helps
    assert mended([1.0, 2.0], [2.5, 3.0]).gain == 1.25
    assert not mended([1.0, 2.0], [1.9, 3.0]).helps
    assert not mended([1.0, 2.0], [2.5, 3.0], lower=True).helps
    assert mended([2.5, 3.0], [1.0, 2.0], lower=True).helps
    assert not mended([1.0], [9.0]).helps  # one run of each says nothing of chance
    assert math.isnan(mended([], []).gain)


# -------------------------------------------------------------------------------- the suggestion


def finding(name: str, line: Line | None = None, **numbers: Any) -> Finding:
    return Finding(name, PROVEN, line, ("so",), "do", numbers)


def test_a_diff_changes_the_rate_where_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text("a = 1\no = SGD(w, lr=0.5)\nb = 2\n")
    diff = suggestion(finding("learning-rate-too-high", rate=0.5, tried=0.05), path)
    assert "-o = SGD(w, lr=0.5)\n+o = SGD(w, lr=0.05)\n" in diff
    assert path.read_text() == "a = 1\no = SGD(w, lr=0.5)\nb = 2\n"
    path.write_text("lr=0.5\nlr=0.5\n")  # which of them?
    assert suggestion(finding("learning-rate-too-high", rate=0.5, tried=0.05), path) == ""


def test_a_diff_clears_gradients_after_the_step(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text("for x in y:\n    self.opt.step()\n")
    found = finding("gradients-not-cleared", Line(str(path), 2, "f"))
    assert "+    self.opt.zero_grad()\n" in suggestion(found, path)


def test_a_diff_leaves_a_layer_out(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text("n = nn.Sequential(nn.Linear(2, 3), nn.Softmax(dim=1))\n")
    line = Line(str(path), 1, "f")
    diff = suggestion(finding("softmax-before-cross-entropy", line), path)
    assert "+n = nn.Sequential(nn.Linear(2, 3))\n" in diff


# --------------------------------------------------------------------------------------- the whole


def test_a_script_is_run_again_with_and_without(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(PAIRS["learning-rate-too-high"][2].replace("lr=0.05", "lr=0.00005"))
    told: list[str] = []
    found = [finding("no-cure-known"), finding("learning-rate-too-low", rate=5e-5, tried=0.5)]
    (one,) = mend(found, path, path, [], False, 2, told.append)
    assert told == ["2 runs as it is …",
                    "2 runs with a higher learning rate …"]  # fmt: skip
    assert one.measure == "the last number of '#'"
    assert len(one.without) == len(one.cured) == 2
    assert one.helps
    assert "lr=0.5)" in one.diff
