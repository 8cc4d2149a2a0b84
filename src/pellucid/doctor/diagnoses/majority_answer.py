"""One class is so frequent that the network answers nothing else."""

from __future__ import annotations

import torch
from torch import Tensor

from pellucid.doctor.answered import Answered, answered, balanced, by_chance, in_evaluation
from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import script
from pellucid.doctor.diagnosis import DATA, Diagnosis, last_step
from pellucid.doctor.examples import Table, held, learnt
from pellucid.doctor.finding import CONFIRMED, FAULT, SUGGESTION, Finding
from pellucid.doctor.judged import calm
from pellucid.doctor.neighbours import features, one_hot, planes
from pellucid.watch.trace import Trace

FEW = "labels = (1.5 * inputs[:, 0] + 1.5 * torch.randn(640) > 3.5).long()"
LABELS = "labels = (inputs[:, 0] + inputs[:, 1] > 0).long() + (inputs[:, 2] > 0).long()"


class MajorityAnswer(Diagnosis):
    """One class is so frequent that the network answers nothing else."""

    GROUP = DATA
    ONE_NETWORK = True
    HURTS_LEARNING = False
    EXPLAINS = ("stopped-too-early", "loss-unsuited-to-task", "labels-unrelated-to-inputs")
    ROWS, ALONE, MOST = 100, 200, 1_000
    """Training labels at least; for what is looked at within training alone; and looked at there
    at most."""
    RARE, DUE = 0.9, 0.75
    """Share of the most frequent class in training and among the answers; and the share of the
    evaluation that may belong to it at most."""
    FREQUENT = 0.8
    """Share of the most frequent class."""
    ABOVE = 0.1
    """Mean share of right answers over the classes, above that of answering always the same."""
    OFTENER, LEVEL, POINTS = 0.05, 0.05, 0.02
    """By how much more than twice as frequent a class is in evaluation; how probable the gain of
    moved scores is by chance; and what it must be, as a mean over the classes."""
    BETTER = 0.15
    """By how much a plane through weighted examples is above the network, if the others can be
    told apart."""
    SICK = script().replace("256", "640").replace("192", "576").replace(LABELS, FEW)
    HEALTHY = SICK.replace("> 3.5", "> 0")

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        table = learnt(bench.captured)
        labels = table.labels() if table is not None else None
        if table is None or labels is None or len(labels) < self.ROWS:
            return None
        return (
            self._in_evaluation(trace, bench, labels)
            or self._in_training(trace, bench, table, labels)
            or self._too_rare(bench, labels)
        )

    def _in_evaluation(self, trace: Trace, bench: Bench, labels: Tensor) -> Finding | None:
        """Rare in training, not rare in evaluation, and never answered there."""
        others = held(bench.captured.held)
        expected = others.labels() if others is not None else None
        if others is None or expected is None or len(torch.unique(expected)) < 2:
            return None
        counts = torch.bincount(labels)
        frequent, share = int(counts.argmax()), float(counts.max() / len(labels))
        guesses = _guesses(bench, others.inputs, expected)
        if share < self.RARE or guesses is None:
            return None
        often = float((guesses == frequent).double().mean())
        due = float((expected == frequent).double().mean())
        own = balanced(guesses, expected)
        classes = len(torch.unique(expected))
        if often < self.RARE or due > self.DUE or own >= 1 / classes + self.ABOVE:
            return None
        return self.proven(
            last_step(trace),
            [f"{100 * share:.3g} % of the training labels are class {frequent}. In evaluation the "
             f"network answers it to {100 * often:.3g} % of {len(expected):,} examples, of which "
             f"{100 * due:.3g} % belong to it: over the {classes} classes it is right in "
             f"{100 * own:.3g} % on average."],
            "get more of the rare classes, or weight the classes in the loss (weight=…)",
            majority=share, answered=often, due=due, balanced=own,
        )  # fmt: skip

    def _too_rare(self, bench: Bench, labels: Tensor) -> Finding | None:
        """Classes rarer in training than in evaluation, answered too seldom there: with scores
        moved by the logarithm of the ratio, more answers are right."""
        found = in_evaluation(bench)
        if found is None or int(labels.max()) >= found.classes:
            return None
        counts = torch.bincount(labels, minlength=found.classes).double()
        shares = (counts + 1) / float(len(labels) + found.classes)
        due = torch.bincount(found.labels, minlength=found.classes).double() + 1
        due = due / due.sum()
        if (
            float(counts.max()) < self.FREQUENT * len(labels)
            or float((due - 2 * shares).max()) < self.OFTENER
        ):
            return None
        moved = Answered(found.scores + (due / shares).log(), found.labels)
        gained, lost = (int((a & ~b).sum()) for a, b in ((moved.right, found.right),
                                                         (found.right, moved.right)))  # fmt: skip
        before, after = found.balanced(), moved.balanced()
        if by_chance(gained, lost) > self.LEVEL or after - before < self.POINTS:
            return None
        rare = _gains_most(found, moved, (due > 2 * shares).nonzero().flatten().tolist())
        mine = found.labels == rare
        evidence = (
            f"Class {rare} makes up {100 * float(shares[rare]):.2g} % of the training labels and "
            f"{100 * float(due[rare]):.2g} % of evaluation's, where "
            f"{int(found.right[mine].sum()):,} of its {int(mine.sum()):,} examples are right.",
            "With every score moved by the logarithm of that ratio "
            f"{int(moved.right[mine].sum()):,} are; over the classes {100 * after:.3g} % on "
            f"average instead of {100 * before:.3g} %.",
        )
        return Finding(
            self.name(), CONFIRMED, found.line, evidence,
            "get more of the rare classes, or weight the classes in the loss (weight=…)",
            {"rare": rare, "share": float(shares[rare]), "due": float(due[rare]),
             "before": before, "after": after},
            self.EXPLAINS, SUGGESTION if bench.standing().learns else FAULT,
            effect=1 - (after - before),
        )  # fmt: skip

    def _in_training(
        self, trace: Trace, bench: Bench, table: Table, labels: Tensor
    ) -> Finding | None:
        inputs, labels = table.inputs[: self.MOST], labels[: self.MOST]
        shares = torch.bincount(labels) / len(labels)
        classes = int((shares > 0).sum())
        if len(labels) < self.ALONE or classes < 2 or float(shares.max()) < self.FREQUENT:
            return None
        guesses = _guesses(bench, inputs, labels)
        if guesses is None:
            return None
        own = balanced(guesses, labels)
        if own >= 1 / classes + self.ABOVE:
            return None
        best = balanced(_weighted_plane(inputs, labels), labels)
        if best < own + self.BETTER:
            return None
        frequent = int(shares.argmax())
        often = float((guesses == frequent).double().mean())
        evidence = (
            f"{100 * float(shares.max()):.3g} % of the labels are class {frequent}, which the "
            f"trained network answers to {100 * often:.3g} % of the training examples: over the "
            f"{classes} classes it is right in {100 * own:.3g} % on average (always the same "
            f"answer: {100 / classes:.3g} %).",
            f"A plane through the same examples, each class weighted equally, is right in "
            f"{100 * best:.3g} % on examples left out: the classes can be told apart.",
        )
        return Finding(
            self.name(), CONFIRMED, last_step(trace), evidence,
            "weight the classes in the loss (weight=…) or draw them equally often, and judge by "
            "the mean over classes",
            {"majority": float(shares.max()), "balanced": own, "plane": best}, self.EXPLAINS,
            effect=1 - (best - own),
        )  # fmt: skip


def _gains_most(before: Answered, after: Answered, classes: list[int]) -> int:
    """The class with the most right answers more."""
    gains = after.right.long() - before.right.long()
    return max(classes, key=lambda one: int(gains[before.labels == one].sum()))


def _guesses(bench: Bench, inputs: Tensor, labels: Tensor) -> Tensor | None:
    """The class that the trained network gives to each example."""
    network = bench.final()
    calm(network, False)
    found = answered(network, inputs, labels)
    return None if found is None else found.guesses


def _weighted_plane(inputs: Tensor, labels: Tensor) -> Tensor:
    """The class that a plane foretells for examples left out; the bar of each class is set so that
    all weigh the same."""
    goal = one_hot(labels)
    foretold = planes(features(inputs)) @ (goal - goal.mean(0))
    kinds: Tensor = torch.unique(labels)
    inside = torch.stack([foretold[labels == c, k].mean() for k, c in enumerate(kinds)])
    outside = torch.stack([foretold[labels != c, k].mean() for k, c in enumerate(kinds)])
    scaled = (foretold - (inside + outside) / 2) / (inside - outside).abs().clamp_min(1e-12)
    return kinds[scaled.argmax(1)]


DIAGNOSIS = MajorityAnswer
