"""Faults in other guises than those of the diagnoses' own scripts."""

from __future__ import annotations

from pathlib import Path

import pytest

from pellucid.doctor.cases import EVALUATE, NETWORK, STEP, long_script, script
from pellucid.doctor.examination import examine
from pellucid.doctor.script import run_script

ANSWER = "network(inputs[rows])"
LOSS = f"functional.cross_entropy({ANSWER}, labels[rows])"
ONE_UNIT = NETWORK.replace("nn.Linear(32, 3)", "nn.Linear(32, 1)")
YES = "(labels[rows] > 0).float()"

BODY = """\
class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(12, 32), nn.Linear(32, 3)

    def forward(self, x):
        x = functional.relu(self.first(x))
        return self.second(functional.dropout(x, 0.5, self.training))


network = Network()"""

GUISES = {
    "dropout called as a function, in evaluation": (
        "eval-forgotten",
        script(network=BODY, evaluate=EVALUATE.replace("network.eval()\n", "")),
    ),
    "dropout called as a function, in training": (
        "trained-in-eval-mode",
        script(network=BODY, step=STEP.replace("network.train()", "network.eval()")),
    ),
    "one unit, squeezed": (
        "softmax-over-one-unit",
        script(
            network=ONE_UNIT,
            step=STEP.replace(
                LOSS, f"functional.binary_cross_entropy({ANSWER}.softmax(1)[:, 0], {YES})"
            ),
            evaluate="return 0",
        ),
    ),
    "a sigmoid instead of a softmax": (
        "softmax-before-cross-entropy",
        script(step=STEP.replace(ANSWER, f"{ANSWER}.sigmoid()")),
    ),
    "a softmax, where the targets of a row add up to more than 1": (
        "output-cannot-reach-targets",
        script(
            step=STEP.replace(
                LOSS, f"functional.mse_loss({ANSWER}.softmax(1), torch.ones(len(rows), 3))"
            ),
            evaluate="return 0",
        ),
    ),
    "a ReLU before cross entropy": (
        "output-cannot-reach-targets",
        long_script(
            network=NETWORK.replace("nn.Linear(32, 3)", "nn.Linear(32, 3), nn.ReLU()")
            + "\nnn.init.constant_(network[4].bias, -1)"
        ),
    ),
    "one class in all training labels": (
        "bad-split",
        script().replace("\n\nnetwork =", "\nlabels[:192] = 1\n\nnetwork =", 1),
    ),
    "a loss written by hand": (
        "learning-rate-too-high",
        long_script(
            optimiser="torch.optim.SGD(network.parameters(), lr=300.0)",
            step=STEP.replace(
                LOSS, f"(-{ANSWER}.log_softmax(1)[torch.arange(32), labels[rows]]).mean()"
            ),
        ),
    ),
}


@pytest.mark.parametrize("guise", GUISES)
def test_a_fault_is_found_as(guise: str, tmp_path: Path) -> None:
    name, text = GUISES[guise]
    path = tmp_path / "train.py"
    path.write_text(text)
    outcome = run_script(path, [])
    assert outcome.exit_code == 0, outcome.trace.crash
    found = examine(outcome.trace, outcome.captured, seconds=600)
    assert name in [finding.name for finding in found.findings], found
