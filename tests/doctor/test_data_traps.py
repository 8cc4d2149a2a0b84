"""Trainings whose data or evaluation look odd and are meant so: the doctor must stay silent."""

from __future__ import annotations

from pathlib import Path

import pytest

from pellucid.doctor.cases import EVALUATE, NETWORK, STEP, script
from pellucid.doctor.examination import examine
from pellucid.doctor.script import run_script

DRAWN = "rows = torch.randint(0, 192, (32,))"
DEALT = "rows = torch.arange(32) + 32 * (step % 6)"
LABELS = "labels = (inputs[:, 0] + inputs[:, 1] > 0).long() + (inputs[:, 2] > 0).long()"
BOTH = """\
network.eval()
with torch.no_grad():
    found = [(network(inputs[k : k + 32]).argmax(1) == labels[k : k + 32]).float().mean().item()
             for k in range(0, 256, 32)]
return sum(found[:6]) / 6, sum(found[6:]) / 2"""
TRAPS = {
    "training and test data are both evaluated": script(evaluate=BOTH).replace(DRAWN, DEALT),
    "the trained function is drawn over all data": script(
        evaluate="network.eval()\nwith torch.no_grad():\n    return network(inputs).mean().item()"
    ).replace(DRAWN, DEALT),
    "a table has rows that come twice by nature": script()
    .replace("torch.randn(256, 12)", "torch.randint(0, 2, (256, 12)).float()")
    .replace(DRAWN, DEALT),
    "an agent learns from the states it has answered": script(
        step="network.eval()\nwith torch.no_grad():\n    goal = network(inputs[rows]).argmax(1)\n"
        + STEP
    ).replace(DRAWN, DEALT),
    "a graph's nodes are all given, and some are learnt from": script(
        step=STEP.replace(
            "network(inputs[rows]), labels[rows]", "network(inputs)[:192], labels[:192]"
        ),
        evaluate="network.eval()\nwith torch.no_grad():\n    test = network(inputs)[192:]\n"
        "return (test.argmax(1) == labels[192:]).float().mean().item()",
    ),
    "pixels of 0 to 255 enter a batch norm": script(
        network=NETWORK.replace("nn.Linear(12, 32), ", "nn.BatchNorm1d(12), nn.Linear(12, 32), "),
        step=STEP.replace("inputs[rows]", "255 * inputs[rows]"),
        evaluate=EVALUATE.replace("inputs[k : k + 16]", "255 * inputs[k : k + 16]"),
    ),
    "dropout is sampled in evaluation, and said so": script(
        network="""\
class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(12, 32), nn.Linear(32, 3)

    def forward(self, x):
        return self.second(functional.dropout(functional.relu(self.first(x)), 0.1, training=True))


network = Network()"""
    ),
    "noise is drawn in the network, as a variational one does": script(
        network="""\
class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(12, 32), nn.Linear(32, 3)

    def forward(self, x):
        hidden = functional.relu(self.first(x))
        return self.second(hidden + 0.1 * torch.randn_like(hidden))


network = Network()"""
    ),
    "the examples come in their own order, which says nothing": script().replace(DRAWN, DEALT),
    "the rate warms up from 0 and is let down to 0 at the end": script(
        optimiser="torch.optim.Adam(network.parameters(), lr=0.02)\n"
        "schedule = torch.optim.lr_scheduler.LambdaLR(\n"
        "    optimiser, lambda k: min(k / 5, (30 - k) / 25))",
        step=STEP + "\nschedule.step()",
    ),
    "the rate starts again": script(
        optimiser="torch.optim.Adam(network.parameters(), lr=0.02)\n"
        "schedule = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimiser, 10)",
        step=STEP + "\nschedule.step()",
    ),
    "a backbone is frozen, and its head learns": script(
        network=NETWORK + "\nnetwork[0].requires_grad_(False)"
    ),
    "labels are a little soft on both sides": script(
        network=NETWORK.replace("nn.Linear(32, 3)", "nn.Linear(32, 1)"),
        step=STEP.replace(
            "functional.cross_entropy(network(inputs[rows]), labels[rows])",
            "functional.binary_cross_entropy_with_logits(\n"
            "    network(inputs[rows])[:, 0], (labels[rows] > 0) * 1.2 - 0.1)",
        ),
        evaluate="network.eval()\nwith torch.no_grad():\n"
        "    answer = network(inputs[192:])[:, 0] > 0\n"
        "return (answer == (labels[192:] > 0)).float().mean().item()",
    ),
    "distances of all answers to all others are taken": script(
        evaluate="network.eval()\nwith torch.no_grad():\n    found = network(inputs[192:])\n"
        "    return (found[:, None] - found[None]).pow(2).sum(2).mean().item()"
    ),
    "test pictures are a little darker than those of training": script(
        evaluate=EVALUATE.replace("inputs[k : k + 16]", "0.8 * inputs[k : k + 16]")
    ),
    "one class is twice as frequent as the others": script().replace(
        LABELS, "labels = (inputs[:, 0] > -0.4).long()"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TRAPS)
def test_the_doctor_stays_silent_where(name: str, tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(TRAPS[name])
    outcome = run_script(path, [])
    assert outcome.exit_code == 0, outcome.trace.crash
    assert outcome.trace.steps
    found = examine(outcome.trace, outcome.captured, seconds=600)
    assert [str(finding) for finding in found.alarms] == []


def test_the_traps_differ() -> None:
    assert len(TRAPS) == len(set(TRAPS.values()))
