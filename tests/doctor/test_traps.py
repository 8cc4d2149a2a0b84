"""Trainings that look odd and are meant so: the doctor must stay silent on every one."""

from __future__ import annotations

from pathlib import Path

import pytest

from pellucid.doctor.cases import EVALUATE, NETWORK, OPTIMISER, STEP, script
from pellucid.doctor.examination import examine
from pellucid.doctor.script import run_script

LOSS = "functional.cross_entropy(network(inputs[rows]), labels[rows])"

TRAPS = {
    "a backbone is frozen, its batch norm in eval mode": script(
        network=NETWORK
        + "\nfor weight in network[:2].parameters():\n    weight.requires_grad_(False)",
        step=STEP.replace("network.train()", "network.train()\nnetwork[1].eval()"),
    ),
    "dropout stays on in evaluation, on purpose": script(
        evaluate=EVALUATE.replace("network.eval()", "network.eval()\nnetwork[3].train()")
    ),
    "statistics are estimated again on training data": script(
        evaluate="network.train()\nwith torch.no_grad():\n    for k in range(0, 192, 32):\n"
        "        network(inputs[k : k + 32])\n" + EVALUATE,
        step=STEP.replace("torch.randint(0, 192, (32,))", "torch.arange(32)"),
    ).replace("rows = torch.randint(0, 192, (32,))", "rows = torch.arange(32) + 32 * (step % 6)"),
    "two optimisers share a network": script(
        network=NETWORK + "\nsecond = torch.optim.SGD(network[4].parameters(), lr=0.01)",
        optimiser="torch.optim.Adam(network[:4].parameters(), lr=0.01)",
        step=STEP + "\nsecond.step()\nsecond.zero_grad()",
    ),
    "gradients are set to zero instead of to none": script(
        step=STEP.replace("zero_grad()", "zero_grad(set_to_none=False)")
    ),
    "steps are made by hand, without an optimiser": script(
        optimiser="None",
        step="network.train()\nnetwork.zero_grad()\n" + LOSS + ".backward()\n"
        "with torch.no_grad():\n    for weight in network.parameters():\n"
        "        weight -= 0.1 * weight.grad",
    ),
    "a closure for L-BFGS": script(
        network="network = nn.Linear(12, 3)",
        optimiser="torch.optim.LBFGS(network.parameters(), max_iter=3)",
        step="def closure():\n    optimiser.zero_grad()\n    loss = "
        + LOSS
        + "\n    loss.backward()\n    return loss\n\noptimiser.step(closure)",
    ),
    "bfloat16 autocast": script(
        step=STEP.replace(LOSS + ".backward()", "with torch.autocast('cpu', torch.bfloat16):\n"
                          f"    loss = {LOSS}\nloss.backward()")
    ),
    "an encoder and a decoder of one optimiser, and an evaluation of both": script(
        network="coder = nn.Sequential(nn.Linear(12, 6), nn.Tanh())\nnetwork = nn.Linear(6, 12)",
        optimiser="torch.optim.Adam([*coder.parameters(), *network.parameters()], lr=0.01)",
        step="optimiser.zero_grad()\n"
        "functional.mse_loss(network(coder(inputs[rows])), inputs[rows]).backward()\n"
        "optimiser.step()",
        evaluate="with torch.no_grad():\n    found = network(coder(inputs[192:]))\n"
        "    return functional.mse_loss(found, inputs[192:]).item()",
    ),
    "a teacher in eval mode teaches a student": script(
        network=NETWORK + "\nteacher = nn.Sequential(nn.Linear(12, 32), nn.Dropout(0.5), "
        "nn.Linear(32, 3)).eval()",
        step="network.train()\noptimiser.zero_grad()\nwith torch.no_grad():\n"
        "    goal = teacher(inputs[rows]).softmax(1)\n"
        "functional.cross_entropy(network(inputs[rows]), goal).backward()\noptimiser.step()",
    ),
    "a generator and a judge": script(
        network=NETWORK.replace("nn.Linear(32, 3)", "nn.Linear(32, 1)")
        + "\ngenerator = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), "
        "nn.Linear(16, 12))\nmaker = torch.optim.Adam(generator.parameters(), lr=0.01)",
        step="""\
real, fake = inputs[rows], generator(torch.randn(32, 4))
optimiser.zero_grad()
judge = functional.binary_cross_entropy_with_logits
loss = judge(network(real), torch.ones(32, 1)) + judge(network(fake.detach()), torch.zeros(32, 1))
loss.backward()
optimiser.step()
maker.zero_grad()
judge(network(fake), torch.ones(32, 1)).backward()
maker.step()""",
        evaluate="with torch.no_grad():\n    return [generator(torch.randn(8, 4)).mean().item() "
        "for _ in range(3)]",
    ),
    "a network without dropout or norms is never put into eval mode": script(
        network="network = nn.Linear(12, 3)",
        evaluate=EVALUATE.replace("network.eval()\n", ""),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TRAPS)
def test_the_doctor_stays_silent_where(name: str, tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(TRAPS[name])
    outcome = run_script(path, [])
    assert outcome.exit_code == 0, outcome.trace.crash
    assert outcome.trace.steps or outcome.trace.moved_by_hand
    found = examine(outcome.trace, outcome.captured, seconds=600)
    assert [str(finding) for finding in found.alarms] == []


def test_the_cases_are_what_they_say() -> None:
    assert OPTIMISER in script()
    assert len(TRAPS) == len(set(TRAPS.values()))
