"""A training with the engine of scratch: no PyTorch anywhere, from the pixels to the verdict."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass

import numpy as np

from pellucid.base.errors import WrongUse
from pellucid.base.records import Record
from pellucid.base.seeds import named_seed
from pellucid.cli.lines import Lines, Standing
from pellucid.data.dataset import Dataset, Split
from pellucid.scratch.catalog import NETS
from pellucid.scratch.layers.sequential import Sequential
from pellucid.scratch.loop import Step, scores_of, train
from pellucid.scratch.losses import cross_entropy
from pellucid.scratch.optimisers import AdamW
from pellucid.scratch.pictures import Standardised
from pellucid.scratch.reading import files
from pellucid.scratch.tensor import Tensor
from pellucid.train.interrupt import Interrupt
from pellucid.train.metrics import accuracy, confusion
from pellucid.train.verdict import data_sentences, of_accuracy

LEAST_STEPS = 500
"""Small data get more epochs, up to about so many steps: a step learns the same from few."""


@dataclass(frozen=True)
class Choices:
    """All that was chosen for a training, by the user or for them."""

    net: str
    epochs: int
    batch_size: int
    learning_rate: float
    seed: int
    weight_decay: float
    optimiser: str = "adamw"


def choose(
    data: Dataset,
    net: str,
    epochs: int | None,
    batch_size: int | None,
    learning_rate: float | None,
    seed: int,
) -> Choices:
    """What was asked for, the rest from the network's own file.

    Raises `WrongUse` for a network that there is not and for values that cannot be used.
    """
    own, count = NETS.load(net), len(data.train)
    size = min(own.BATCH_SIZE, count) if batch_size is None else batch_size
    if not 1 <= size <= count:
        raise WrongUse(
            "--batch-size",
            f"{size} with {count:,} training examples",
            "1 or more, and no more than there are",
            f"--batch-size {min(own.BATCH_SIZE, count)}",
        )
    if epochs is not None and epochs < 1:
        raise WrongUse("--epochs", str(epochs), "1 or more", f"--epochs {own.EPOCHS}")
    rate = own.LEARNING_RATE if learning_rate is None else learning_rate
    if not 0 < rate < math.inf:
        expected = "a rate above 0"
        raise WrongUse("--learning-rate", f"{rate:g}", expected, f"try {own.LEARNING_RATE:g}")
    usual = max(own.EPOCHS, math.ceil(LEAST_STEPS / math.ceil(count / size)))
    return Choices(net, usual if epochs is None else epochs, size, rate, seed, own.WEIGHT_DECAY)


def check_pictures(name: str, data: Dataset) -> None:
    """Refuse data that are no pictures."""
    if data.kind != "pictures":
        raise WrongUse(
            f"pellucid scratch {name}",
            f"a data set of {data.kind}",
            "pictures with classes, such as digits, mnist or a folder of pictures",
            f"for symbols use: pellucid train {name}",
        )


class Training:
    """One training from the first weights to the result."""

    def __init__(self, name: str, data: Dataset, choices: Choices) -> None:
        self.name, self.data, self.choices = name, data, choices
        weights = np.random.default_rng(named_seed(choices.seed, "weights"))
        net = NETS.load(choices.net).build(data.shape, len(data.classes), weights)
        self.network = Sequential(Standardised(data.mean, data.std), net)
        self.optimiser = AdamW(
            self.network.parameters(), choices.learning_rate, weight_decay=choices.weight_decay
        )
        self.parameters = sum(weight.data.size for weight in self.network.parameters())
        self.steps_per_epoch = math.ceil(len(data.train) / choices.batch_size)
        self.steps, self.seconds = 0, 0.0
        self.stopped = "finished"
        self.rows: list[Record] = []

    def run(self, lines: Lines) -> None:
        """Train; a first Ctrl-C ends it after the step in hand."""
        split, choices = self.data.train, self.choices
        order = np.random.default_rng(named_seed(choices.seed, "order"))
        steps = train(
            self.network, cross_entropy, self.optimiser, split.inputs, split.labels,
            choices.epochs, choices.batch_size, order,
        )  # fmt: skip
        # A loss that explodes is told below, in words; NumPy need not warn of it as well.
        with Interrupt() as interrupt, np.errstate(over="ignore", invalid="ignore"):
            lines.begin()
            tally, begun = Tally(), time.perf_counter()
            for step in steps:
                self.steps += 1
                self._check_finite(step)
                tally.add(step)
                if lines.is_due:
                    lines.move(self._standing(step, tally))
                if tally.steps == self.steps_per_epoch:
                    self.seconds += time.perf_counter() - begun
                    self._close_epoch(step, tally, lines)
                    tally, begun = Tally(), time.perf_counter()
                if interrupt.asked:
                    self.stopped = "interrupted"
                    self.seconds += time.perf_counter() - begun
                    break

    def _close_epoch(self, step: Step, tally: Tally, lines: Lines) -> None:
        judged = self.judge(self.data.validation)
        row: Record = {
            "epoch": step.epoch,
            "step": self.steps,
            "seconds": round(self.seconds, 3),
            "learning_rate": self.optimiser.learning_rate,
            "train": {"loss": tally.loss, "accuracy": tally.right},
            "validation": {key: judged[key] for key in ("accuracy", "low", "high", "loss")},
        }
        self.rows.append(row)
        lines.row(row)

    def _standing(self, step: Step, tally: Tally) -> Standing:
        steps = self.choices.epochs * self.steps_per_epoch
        epochs = self.choices.epochs
        return Standing(self.steps, steps, step.epoch, epochs, tally.loss, tally.right)

    def _check_finite(self, step: Step) -> None:
        if not math.isfinite(step.loss):
            rate = self.choices.learning_rate
            raise WrongUse(
                f"training, epoch {step.epoch}, step {self.steps}",
                f"a loss that is not a finite number, at learning rate {rate:g}",
                "a finite loss",
                f"lower the rate: --learning-rate {rate / 10:g}",
            )

    def judge(self, split: Split) -> Record:
        """Accuracy with its 95 % interval, mean loss and confusions on a split."""
        scores = scores_of(self.network, split.inputs)
        answers = scores.argmax(axis=1)
        return {
            **accuracy(answers, split.labels),
            "loss": cross_entropy(Tensor(scores), split.labels).item(),
            "confusion": confusion(answers, split.labels, len(self.data.classes)),
        }

    def reading(self) -> dict[str, str]:
        """The files that a step runs through, in the order in which they read best."""
        few = self.data.train.take(slice(0, 2))
        loss = cross_entropy(self.network(few.inputs), few.labels)
        return files(self.network, NETS.load(self.choices.net), loss)

    def result(self, look_at_test: bool) -> Record:
        """The record that `--json` writes, without the seconds of everything.

        The test split is opened only for a training that came to its end.
        """
        judged: Record = {"validation": self.judge(self.data.validation)}
        if look_at_test and self.stopped == "finished":
            judged["test"] = self.judge(self.data.open_test("the verdict of pellucid scratch"))
        split = "test" if "test" in judged else "validation"
        data = self.data.as_record()
        headline, sentences = of_accuracy(judged[split], split, data)
        return {
            "dataset": self.name,
            **asdict(self.choices),
            "parameters": self.parameters,
            "steps": self.steps,
            "stopped": self.stopped,
            "seconds": {"train": self.seconds},
            "looks_at_test": int("test" in judged),
            "epoch_rows": self.rows,
            **judged,
            "verdict": {"headline": headline, "sentences": [*sentences, *data_sentences(data)]},
            "read": [{"file": file, "text": text} for file, text in self.reading().items()],
        }


class Tally:
    """The losses and right answers of the epoch under way."""

    def __init__(self) -> None:
        self.steps = self.seen = self.hits = 0
        self.losses = 0.0

    def add(self, step: Step) -> None:
        """Take in one step."""
        self.steps += 1
        self.losses += step.loss
        self.seen += len(step.labels)
        self.hits += int((step.scores.argmax(axis=1) == step.labels).sum())

    @property
    def loss(self) -> float:
        """Mean over the steps."""
        return self.losses / max(1, self.steps)

    @property
    def right(self) -> float:
        """Share of right answers."""
        return self.hits / max(1, self.seen)
