"""Whole small scripts whose data, or what is asked of them, are at fault; and the same without."""

from __future__ import annotations

from guise_cases import LOSS, NUMBERS
from pellucid.doctor.cases import STEP, long_script, script
from pellucid.doctor.diagnoses.not_shuffled import NotShuffled

SYMBOLS = """\
import torch
from torch import nn
from torch.nn import functional

torch.manual_seed(0)
sequences = torch.randint(0, {symbols}, (700, 6))
sequences[600:] = torch.randint(0, 8, (100, 6))
targets = {targets}


class Teller(nn.Module):
    def __init__(self):
        super().__init__()
        self.rows, self.head = nn.Embedding(8, 16), nn.Linear(96, 48)
        self.moved = {moved}

    def forward(self, x):
        hidden = torch.relu(self.rows(x).flatten(1)) + self.moved
        return self.head(hidden).unflatten(1, (6, 8))


network = Teller()
optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
for step in range(200):
    rows = torch.randint(0, {rows}, (32,))
    logits = network(sequences[rows])
    optimiser.zero_grad()
    functional.cross_entropy(logits.flatten(0, 1), targets[rows].flatten()).backward()
    optimiser.step()

network.eval()
with torch.no_grad():
    answers = network(sequences[{asked}]).argmax({axis})
    print((answers[:, :6] == targets[{asked}]).float().mean())
"""


def symbols(
    symbols: str = "8", targets: str = "sequences.sort(1).values", rows: str = "600",
    asked: str = "600:", axis: str = "-1", moved: str = "nn.Parameter(0.02 * torch.randn(96))",
) -> str:  # fmt: skip
    """Sequences that are to be told again, sorted."""
    return SYMBOLS.format(
        symbols=symbols, targets=targets, rows=rows, asked=asked, axis=axis, moved=moved
    )


PICTURES = """\
import torch
from torch import nn
from torch.nn import functional

torch.manual_seed(0)
kinds = torch.rand(4, 1, 6, 6) * {scale} + {offset}
labels = torch.randint(0, 4, (400,))
pictures = kinds[labels] + 0.1 * {scale} * torch.randn(400, 1, 6, 6)
{change}
network = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(128, 4))
optimiser = torch.optim.SGD(network.parameters(), lr=0.1)


def evaluate():
    network.eval()
    with torch.no_grad():
        x = pictures[300:]{chance}
        print((network(x).argmax(1) == labels[300:]).float().mean())


for epoch in range(10):
    network.train()
    for rows in torch.randperm(300).split(30):
        optimiser.zero_grad()
        functional.cross_entropy(network(pictures[rows]), labels[rows]).backward()
        optimiser.step()
    evaluate()
"""


def pictures(scale: float = 1, offset: float = 0, change: str = "", chance: str = "") -> str:
    return PICTURES.format(scale=scale, offset=offset, change=change, chance=chance)


NUMBERED = "functional.mse_loss(network(inputs[rows])[:, 0], goal[rows])"
COMPARED = "functional.mse_loss(network(inputs[600:])[:, 0], goal[600:])"
TURNED_BACK = NUMBERS.format("\nprices = 250_000 + 80_000 * goal").replace(
    COMPARED, "((network(inputs[600:])[:, 0] * 80_000 + 250_000) - prices[600:]).pow(2).mean()"
)
BESIDE = """
prices = 250_000 + 80_000 * goal
loader = torch.utils.data.DataLoader(
    torch.utils.data.TensorDataset(inputs[600:], prices[600:]), batch_size=100
)"""
TURNED_BACK_OUTSIDE = NUMBERS.format(BESIDE).replace(
    COMPARED + ".item()",
    "[abs(network(x)[:, 0].numpy() * 80_000 + 250_000 - y.numpy()).mean() for x, y in loader]",
)
WARMED = """\
torch.optim.Adam(network.parameters(), lr=0.01)
schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min(1, (step + 1) / {}))"""
FEW = long_script().replace("(0, 192, (32,))", "(0, 10, (32,))")

CLIPPED = long_script(
    optimiser="torch.optim.SGD(network.parameters(), lr=0.1)",
    step=STEP.replace(
        "optimiser.step()",
        "nn.utils.clip_grad_norm_(network.parameters(), {})\noptimiser.step()",
    ),
)
FEW_OTHERS = """
kept = [(labels[:400] == k).nonzero()[:most] for k, most in enumerate(({0}, 120, {0}))]
order = torch.cat([*kept, torch.arange(400, 640)[:, None]]).flatten()
inputs, labels = inputs[order], labels[order]

network ="""


def longer(text: str) -> str:
    """The same with twice the steps."""
    return text.replace("train(30)", "train(60)")


def few_others(most: int) -> str:
    """Two classes that are rare in training, with so many examples each, and not in evaluation."""
    learnt = 120 + 2 * most
    return (
        long_script()
        .replace("(256, 12)", "(640, 12)")
        .replace("\n\nnetwork =", "\n" + FEW_OTHERS.format(most), 1)
        .replace("randint(0, 192", f"randint(0, {learnt}")
        .replace("range(192, 256", f"range({learnt}, {learnt + 240}")
        .replace("/ 64", "/ 240")
    )


SICK = {
    "gradients clipped to nothing": ("regularisation-too-strong", CLIPPED.format("1e-6")),
    "sorted, and learnt late": ("not-shuffled", longer(NotShuffled.SICK)),
    "few of the other classes": ("majority-answer", few_others(8)),
    "symbols of other sequences": (
        "labels-unrelated-to-inputs",
        symbols(targets="sequences[torch.randperm(700)]").replace("lr=0.01", "lr=0.001"),
    ),
    "twenty sequences of symbols": ("overfitting", symbols(rows="20")),
    "sequences that were trained on": ("tested-on-training-data", symbols(asked=":600")),
    "symbols that training never had": ("bad-split", symbols(symbols="4")),
    "the largest over the moments": ("metric-wrong", symbols(axis="1")),
    "a tensor that is no parameter": (
        "parameters-outside-optimiser",
        symbols(moved="(0.02 * torch.randn(96)).requires_grad_()"),
    ),
    "pictures that are turned in evaluation": (
        "train-test-preprocessing-differs",
        pictures(change="pictures[300:] = pictures[300:].rot90(1, (2, 3))"),
    ),
    "noise on evaluation's pictures": (
        "evaluation-not-repeatable", pictures(chance=" + 0.3 * torch.randn(100, 1, 6, 6)"),
    ),
    "pictures of hardly any spread": ("inputs-not-normalised", pictures(0.001, -0.8)),
    "evaluation's numbers on another scale": (
        "targets-miscoded", NUMBERS.format("\ngoal[600:] = 0.001 * goal[600:] - 2"),
    ),
    "a loss of sorted answers": (
        "samples-mixed",
        NUMBERS.format("").replace(NUMBERED, NUMBERED.replace("0],", "0].sort().values,")),
    ),
    "a warm-up that never ends": (
        "schedule-mismatch",
        script(optimiser=WARMED.format(1000), step=STEP + "\nschedule.step()"),
    ),
    "a rate that is too high for a sum, too": (
        "learning-rate-too-high",
        long_script(
            optimiser="torch.optim.Adam(network.parameters(), lr=30)",
            step=STEP.replace(LOSS, LOSS[:-1] + ", reduction='sum')"),
        ),
    ),
    "fewer examples than an example has numbers": ("overfitting", FEW),
}  # fmt: skip
"""By the fault, its name and a script."""

HEALTHY = {
    "gradients clipped a little": CLIPPED.format("1.0"),
    "in an order that says nothing": longer(NotShuffled.HEALTHY),
    "as many of the other classes": few_others(60),
    "symbols": symbols(),
    "pictures": pictures(),
    "pictures of hardly any spread, brought to one": pictures(
        0.001, -0.8, "pictures = (pictures - pictures.mean()) / pictures.std()"
    ),
    "numbers that are turned back before they are compared": TURNED_BACK,
    "numbers that are turned back where nobody listens": TURNED_BACK_OUTSIDE,
    "a warm-up that ends": script(
        optimiser=WARMED.format(5), step=STEP + "\nschedule.step()", evaluate="return 0"
    ),
}
"""The same without the fault: none of the names above is said, but that more steps would help."""
