"""Whole small scripts with a fault as files, loaded weights and settings bring it, and without."""

from __future__ import annotations

from pellucid.doctor.cases import OPTIMISER, STEP, script

TABLE = """\
import torch
from torch import nn
from torch.nn import functional

torch.manual_seed(0)
columns = torch.randn(900, 8)
{change}
wanted = columns @ torch.randn(8, 5) + 0.3 * torch.randn(900, 5)
{targets}
network = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, targets.shape[1]))
optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
for step in range({steps}):
    rows = torch.randint(0, 700, (32,))
    optimiser.zero_grad()
    {loss}(network(columns[rows]), targets[rows]).backward()
    optimiser.step()

network.eval()
with torch.no_grad():
    print({loss}(network(columns[700:]), targets[700:]))
"""


def table(
    change: str = "", targets: str = "targets = wanted", steps: int = 200,
    loss: str = "functional.mse_loss",
) -> str:  # fmt: skip
    return TABLE.format(change=change, targets=targets, steps=steps, loss=loss)


YES_OR_NO = "functional.binary_cross_entropy_with_logits"
RATINGS = """\
import torch
from torch import nn

torch.manual_seed(0)
tastes, kinds = torch.randn(60, 4), torch.randn(80, 4)


class Taste(nn.Module):
    def __init__(self):
        super().__init__()
        self.person, self.film = nn.Embedding(60, 8), nn.Embedding(80, 8)

    def forward(self, persons, films):
        return (self.person(persons) * self.film(films)).sum(1)


network = Taste()
{start}
optimiser = torch.optim.Adam(network.parameters(), lr=0.02)
for step in range(120):
    persons, films = torch.randint(0, 60, (64,)), torch.randint(0, 80, (64,))
    rating = (tastes[persons] * kinds[films]).sum(1)
    optimiser.zero_grad()
    (network(persons, films) - rating).pow(2).mean().backward()
    optimiser.step()
"""
WORDS = """\
import torch
from torch import nn
from torch.nn import functional

torch.manual_seed(0)
often = 1 / torch.arange(1, 41)
texts = torch.multinomial(often, 1200 * 12, replacement=True).reshape(1200, 12)
labels = ((texts % 3 == 0).sum(1) > 5).long()
{change}


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.head = nn.Embedding(40, 16), nn.Linear(16, 2)

    def forward(self, x):
        return self.head(self.words(x).mean(1))


network = Reader()
optimiser = torch.optim.Adam(network.parameters(), lr=0.02)
for step in range(200):
    rows = torch.randint(0, 900, (32,))
    optimiser.zero_grad()
    functional.cross_entropy(network(texts[rows]), labels[rows]).backward()
    optimiser.step()

network.eval()
with torch.no_grad():
    print((network(texts[900:]).argmax(1) == labels[900:]).float().mean())
"""
FRAUD = """\
import torch
from torch import nn
from torch.nn import functional

torch.manual_seed(0)
columns = torch.randn(900, 6)
labels = (columns[:, 0] + 0.5 * torch.randn(900) > 1.3).long()
order = torch.randperm(900)
held, kept = order[:200], order[200:]


def balanced(rows):
    rare = rows[labels[rows] == 1]
    return torch.cat([rows, rare[torch.randint(len(rare), (4 * len(rare),))]])


{split}
network = nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 2))
optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
for epoch in range(6):
    for rows in kept[torch.randperm(len(kept))].split(32):
        optimiser.zero_grad()
        functional.cross_entropy(network(columns[rows]), labels[rows]).backward()
        optimiser.step()

network.eval()
with torch.no_grad():
    print((network(columns[held]).argmax(1) == labels[held]).float().mean())
"""
TWINS = """\
import torch
from torch import nn

torch.manual_seed(0)
labels = torch.randint(0, 4, (2000,))
points = torch.randn(4, 10)[labels] + torch.randn(2000, 10)
network = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 4))
optimiser = torch.optim.Adam(network.parameters(), lr=0.003)
for step in range(60):
    one, other = torch.randint(0, 1600, (16,)), torch.randint(0, 1600, (16,))
    apart = (network(points[one]) - network(points[other])).pow(2).sum(1)
    alike = (labels[one] == labels[other]).float()
    optimiser.zero_grad()
    (alike * apart + (1 - alike) * (4 - apart).clamp(min=0)).mean().backward()
    optimiser.step()

with torch.no_grad():
    known = network(points[:400])
    asked = network(points[1600:])
    print((labels[:400][torch.cdist(asked, known).argmin(1)] == labels[1600:]).float().mean())
"""
LOADED = """\
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, Subset

torch.manual_seed(0)
labels = torch.randint(0, 3, (400,))
pictures = torch.randn(3, 1, 6, 6)[labels] + 0.5 * torch.randn(400, 1, 6, 6)


class Pictures(Dataset):
    def __init__(self, changed):
        self.changed = changed

    def __len__(self):
        return 400

    def __getitem__(self, k):
        picture = pictures[k]
        if self.changed and torch.rand(()) < 0.7:
            picture = picture.roll(int(torch.randint(1, 4, ())), 2) + 0.3 * torch.randn(1, 6, 6)
        return picture, labels[k]


train = DataLoader(Subset(Pictures(True), range(300)), batch_size=30, shuffle=True)
held = DataLoader(Subset(Pictures({changed}), range(300, 400)), batch_size=50)
network = nn.Sequential(nn.Flatten(), nn.Linear(36, 32), nn.ReLU(), nn.Linear(32, 3))
optimiser = torch.optim.Adam(network.parameters(), lr=0.005)
for epoch in range(6):
    for x, y in train:
        optimiser.zero_grad()
        functional.cross_entropy(network(x), y).backward()
        optimiser.step()
    network.eval()
    with torch.no_grad():
        print(sum((network(x).argmax(1) == y).sum().item() for x, y in held) / 100)
    network.train()
"""
HALVED = f"""{OPTIMISER}
schedule = torch.optim.lr_scheduler.StepLR(optimiser, {{}}, 0.5)"""


def halved(each: int, steps: int) -> str:
    """The rate is halved after so many steps, again and again."""
    text = script(optimiser=HALVED.format(each), step=STEP + "\nschedule.step()")
    return text.replace("train(30)", f"train({steps})")


LETTERS = """\
import torch
from torch import nn
from torch.nn import functional

torch.manual_seed(0)
words = torch.multinomial(torch.tensor([8.0, 4, 2, 1, 1]), 3000, replacement=True).reshape(300, 10)
words[:, 1::2] = (words[:, ::2] + 1) % 5
given, wanted = words[:, :-1], words[:, 1:].clone()
wanted[torch.rand(300, 9) < 0.4] = -1


class Teller(nn.Module):
    def __init__(self):
        super().__init__()
        self.rows, self.head = nn.Embedding(5, 16), nn.Linear(32, 5)
        self.hidden = nn.GRU(16, 32, batch_first=True)

    def forward(self, x):
        return self.head(self.hidden(self.rows(x))[0])


network = Teller()
optimiser = torch.optim.Adam(network.parameters(), lr={})
for step in range(200):
    rows = torch.randint(0, 300, (32,))
    logits, goal = network(given[rows]).flatten(0, 1), wanted[rows].flatten()
    optimiser.zero_grad()
    functional.cross_entropy(logits, goal, ignore_index=-1).backward()
    optimiser.step()
"""

SICK = {
    "a mark for what is missing": (
        "bad-features", table("columns = columns.where(torch.rand(900, 8) > 0.1, -40)"),
    ),
    "yes or no of other rows, five at a time": (
        "labels-unrelated-to-inputs",
        table("", "targets = (wanted > 1).float()[torch.randperm(900)]", 900, YES_OR_NO),
    ),
    "zeros that are multiplied with each other": (
        "bad-initialisation",
        RATINGS.format(start="for weight in network.parameters():\n    nn.init.zeros_(weight)"),
    ),
    "words of evaluation by another vocabulary": (
        "train-test-preprocessing-differs",
        WORDS.format(change="texts[900:] = torch.randperm(40)[texts[900:]]"),
    ),
    "rare rows repeated before the split": (
        "tested-on-training-data",
        FRAUD.format(split="""\
order = balanced(order)[torch.randperm(900 + 4 * int((labels == 1).sum()))]
held, kept = order[:250], order[250:]"""),
    ),
    "evaluation's pictures changed by chance like training's": (
        "evaluation-not-repeatable", LOADED.format(changed=True),
    ),
    "a rate that is nothing after a few steps": ("schedule-mismatch", halved(6, 900)),
}  # fmt: skip
HEALTHY = {
    "a table": table(),
    "half of a column is 0": table("columns[:, 2] = columns[:, 2].clamp(min=0)"),
    "yes or no, five at a time": table("", "targets = (wanted > 1).float()", 200, YES_OR_NO),
    "zeros that meet what was drawn": RATINGS.format(start="nn.init.zeros_(network.film.weight)"),
    "words": WORDS.format(change=""),
    "rare rows repeated after the split": FRAUD.format(split="kept = balanced(kept)"),
    "known points that others are compared with": TWINS,
    "training's pictures alone changed by chance": LOADED.format(changed=False),
    "a rate that is halved now and then": halved(40, 120),
    "letters of which much can never be told": LETTERS.format(0.01),
}
