"""Whole small scripts with a fault that the doctor names, and without it."""

from __future__ import annotations

from pellucid.doctor.cases import NETWORK, STEP, long_script, script

LOSS = "functional.cross_entropy(network(inputs[rows]), labels[rows])"
NUMBERS = (
    long_script(
        network="network = nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 1))",
        step=STEP.replace(LOSS, "functional.mse_loss(network(inputs[rows])[:, 0], goal[rows])"),
        evaluate="""\
network.eval()
with torch.no_grad():
    return functional.mse_loss(network(inputs[600:])[:, 0], goal[600:]).item()""",
    )
    .replace("256", "800")
    .replace("(0, 192", "(0, 600")
    .replace("train(120)", "train(400)")
    .replace("\n\nnetwork =", "\ngoal = inputs[:, 0] + inputs[:, 1]{}\n\nnetwork =")
)
MIXED_UP = """
goal[:600:3] = 3 * goal[:600:3][torch.randperm(200)]"""
DRAWN = """\
import torch
from torch import nn
from torch.nn import functional

torch.manual_seed(0)
pictures = torch.rand(300, 4) @ torch.rand(4, 30) / 4
network = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 30))
optimiser = torch.optim.Adam(network.parameters(), lr=0.01)


def noisy(clean):
    return clean + 0.3 * torch.randn_like(clean)


for step in range(120):
    clean = pictures[torch.randint(0, 200, (32,))]
    optimiser.zero_grad()
    functional.mse_loss(network(noisy(clean)), clean).backward()
    optimiser.step()

network.eval()
with torch.no_grad():
    clean = pictures[{rows}]
    given = noisy(clean)
    print((network(given) - {goal}).pow(2).mean())
"""
CODED = """\
import torch
from torch import nn
from torch.nn import functional

torch.manual_seed(0)
pictures = torch.randn(400, 4) @ torch.randn(4, 20)


class Coder(nn.Module):
    def __init__(self):
        super().__init__()
        self.there, self.back = nn.Linear(20, 8), nn.Linear(4, 20)

    def forward(self, x):
        mean, spread = self.there(x).chunk(2, 1)
        code = mean + (spread / 2).exp() * torch.randn_like(mean)
        return self.back(code), mean, spread


network = Coder()
optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
for step in range(900):
    x = pictures[torch.randint(0, 400, (32,))]
    drawn, mean, spread = network(x)
    apart = -0.5 * (1 + spread - mean.pow(2) - spread.exp()).sum()
    optimiser.zero_grad()
    (functional.mse_loss(drawn, x, reduction="sum") + {} * apart).backward()
    optimiser.step()
"""
DETACHED = "torch.randn_like(mean)\n        code = code.detach()"
FIRST_STATE = """\
class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.states, self.classes = nn.GRU(3, 16, batch_first=True), nn.Linear(16, 3)

    def forward(self, x):
        return self.classes(self.states(x)[0][:, 0])


network = Network()"""
FIRST_MOMENT = (
    script(network=FIRST_STATE)
    .replace("network(inputs[rows])", "network(inputs[rows].unflatten(1, (4, 3)))")
    .replace("network(inputs[k : k + 16])", "network(inputs[k : k + 16].unflatten(1, (4, 3)))")
)
CRITIC = """\
import torch
from torch import nn
from torch.nn import functional

torch.manual_seed(0)
maker, critic = nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1))
first = torch.optim.Adam(critic.parameters(), lr=0.01)
second = torch.optim.Adam(maker.parameters(), lr=0.01)
judged = functional.binary_cross_entropy_with_logits
for step in range(60):
    real, made = torch.randn(32, 2) + 3, maker(torch.randn(32, 2))
    first.zero_grad()
    loss = judged(critic(real), torch.ones(32, 1))
    loss = loss + judged(critic(made.detach()), torch.{}(32, 1))
    loss.backward()
    first.step()
    second.zero_grad()
    judged(critic(made), torch.ones(32, 1)).backward()
    second.step()
"""
TWIN = """\
import copy

import torch
from torch import nn
from torch.nn import functional

torch.manual_seed(0)
worth = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 1))
twin = copy.deepcopy(worth)
optimiser = torch.optim.SGD(worth.parameters(), lr=1e-5)
for step in range(200):
    states = torch.randn(32, 6)
    with torch.no_grad():
        goal = states.sum(1, keepdim=True) + 0.9 * {}
    optimiser.zero_grad()
    functional.mse_loss(worth(states), goal).backward()
    optimiser.step()
    if step % 20 == 0:
        twin.load_state_dict(worth.state_dict())
"""
"""An agent's, with a rate that is too low; {} is what its next states are worth."""
REFUSED = script().replace(
    "\n\nnetwork =", '\nraise ValueError("Input X contains NaN.")\n\nnetwork ='
)
OVER_THE_BATCH = script(
    network=NETWORK.replace("nn.Linear(32, 3)", "nn.Linear(32, 1)"),
    step=STEP.replace(
        LOSS,
        "functional.binary_cross_entropy(network(inputs[rows])[:, 0].softmax(0), "
        "(labels[rows] > 0).float())",
    ),
    evaluate="return 0",
)
BY_HAND = script(
    network="network = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1), {})",
    step=STEP.replace(LOSS, "(network(inputs[rows])[:, 0] - inputs[rows, 0]).pow(2).mean()"),
    evaluate="return 0",
)
FROZEN = long_script(
    network="""\
network = nn.Sequential(nn.Linear(12, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 3))
network[1].running_var.fill_({})""",
    step=STEP.replace("network.train()", "network.train()\nnetwork[1].eval()"),
    evaluate="return 0",
)
SPLIT = """\
goal[:600] = goal[:600].clamp_max(0.5)
goal[600:] += 1"""

ALL_ZERO = FIRST_MOMENT.replace("[:, 0])", "[:, -1])").replace(
    "\noptimiser =", "\nfor w in network.parameters():\n    nn.init.zeros_(w)\noptimiser ="
)

SICK = {
    "targets of other examples, as numbers": (
        "label-errors", NUMBERS.format(MIXED_UP),
    ),
    "evaluation beyond the range of training": (
        "bad-split", NUMBERS.format("\n" + SPLIT),
    ),
    "pictures that are drawn again, known from training": (
        "tested-on-training-data", DRAWN.format(rows=":200", goal="clean"),
    ),
    "pictures that are compared with their noisy selves": (
        "metric-wrong", DRAWN.format(rows="200:", goal="given"),
    ),
    "a divergence that weighs so much that codes say nothing": (
        "regularisation-too-strong", CODED.format("100.0"),
    ),
    "the same in a mean over the batch": (
        "regularisation-too-strong",
        CODED.format("100.0").replace("* apart).backward()", "* apart).div(32).backward()"),
    ),
    "the first state of a recurrent layer": (
        "samples-mixed", FIRST_MOMENT,
    ),
    "a critic that is told that everything is real": (
        "targets-miscoded", CRITIC.format("ones"),
    ),
    "one of two optimisers that makes no step": (
        "weights-never-change", CRITIC.format("zeros").replace("    second.step()\n", ""),
    ),
    "one of two optimisers whose weights get no gradient": (
        "weights-never-change",
        CRITIC.format("zeros").replace("judged(critic(made), t", "judged(critic(made.detach()), t"),
    ),
    "steps below the last digit of a weight": (
        "weights-never-change", script(optimiser="torch.optim.SGD(network.parameters(), lr=1e-12)"),
    ),
    "a code that is detached, where its divergence has a gradient": (
        "graph-cut", CODED.format("1.0").replace("torch.randn_like(mean)", DETACHED),
    ),
    "scores whose mean is brought near to the number of a class": (
        "loss-unsuited-to-task",
        long_script(step=STEP.replace(
            LOSS, "functional.mse_loss(network(inputs[rows]).mean(1), labels[rows].float())"
        )),
    ),
    "symbols that an embedding has no row for": (
        "shape-mismatch",
        script(
            network="network = nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), nn.Linear(48, 3))"
        ).replace("torch.randn(256, 12)", "torch.randint(1, 10, (256, 12))"),
    ),
    "scores into a loss of shares, which refuses them": (
        "raw-scores-into-probability-loss",
        OVER_THE_BATCH.replace(".softmax(0)", ""),
    ),
    "a sigmoid before a difference that is written by hand": (
        "output-cannot-reach-targets", BY_HAND.format("nn.Sigmoid()"),
    ),
    "frozen statistics that do not belong to the weights": (
        "batchnorm-statistics", FROZEN.format(1e6),
    ),
    "data that a library refuses": ("bad-features", REFUSED),
    "a softmax over the batch, of one unit": ("samples-mixed", OVER_THE_BATCH),
}  # fmt: skip
"""By the fault, its name and a script."""

HEALTHY = {
    "numbers": NUMBERS.format(""),
    "pictures that are drawn again": DRAWN.format(rows="200:", goal="clean"),
    "a divergence that weighs little, in a mean": CODED.format("1.0").replace(
        "* apart).backward()", "* apart).div(32).backward()"
    ),
    "a divergence that weighs little": CODED.format("1.0"),
    "the last state of a recurrent layer": SICK["the first state of a recurrent layer"][1].replace(
        "[:, 0])", "[:, -1])"
    ),
    "a difference that is written by hand": BY_HAND.format("nn.Identity()"),
    "frozen statistics that fit": FROZEN.format(0.3),
    "a critic": CRITIC.format("zeros"),
    "one unit": OVER_THE_BATCH.replace(".softmax(0)", ".sigmoid()"),
}
"""The same without the fault: none of the names above is said."""
