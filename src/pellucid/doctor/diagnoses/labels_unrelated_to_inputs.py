"""The labels carry no information about the inputs."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pellucid.doctor.answered import explained_of, in_evaluation
from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import script
from pellucid.doctor.diagnosis import DATA, Diagnosis
from pellucid.doctor.examples import Table, held, learnt, newest, own, symbols
from pellucid.doctor.finding import CONFIRMED, Finding
from pellucid.doctor.neighbours import features, nearest, one_hot, planes, ranks
from pellucid.watch.trace import Trace

COLUMNS = 8
"""Directions of targets of many numbers that are looked at, the strongest."""
FEW = 20
"""Examples of all classes but the largest, below which nothing can be seen."""
NOTHING = 0.02
"""What a network explains of its evaluation's numbers, if it tells nothing of them."""
LARGER = script().replace("256", "640").replace("192", "576")


class LabelsUnrelatedToInputs(Diagnosis):
    """The labels carry no information about the inputs."""

    GROUP = DATA
    ONE_NETWORK = True
    EXPLAINS = (
        "learning-rate-too-low", "learning-rate-too-high", "overfitting", "majority-answer",
        "label-errors", "optimiser-unsuited", "vanishing-gradients", "loss-unsuited-to-task",
        "batch-size-unsuited", "stopped-too-early", "within-noise", "regularisation-too-strong",
    )  # fmt: skip
    ROWS, MOST = 150, 1_000
    """Examples that are needed, and that are looked at."""
    DEALS = 100
    """Times that the labels are dealt by chance."""
    SICK = LARGER.replace("\n\nnetwork =", "\nlabels = labels.roll(1)\n\nnetwork =")
    HEALTHY = LARGER

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        table = learnt(bench.captured) or symbols(bench.captured)
        if table is None or table.targets is None or len(table.inputs) < self.ROWS:
            return None
        goal = _goal(table)
        if goal is None or not self._fails(bench, table):
            return None
        rows = min(self.MOST, len(goal))
        goal = goal[:rows]
        classes = table.labels() is not None
        true, by_chance = self._scores(features(table.inputs[:rows]), goal, classes)
        bounds = [max(scores) for scores in by_chance]
        if any(value > bound for value, bound in zip(true, bounds, strict=True)):
            return None
        first = next((entry.line for entry in trace.passes if entry.with_graph), None)
        share = "right" if classes else "explained"
        evidence = (
            f"From their nearest neighbours the targets of {rows:,} training examples "
            f"are foretold {100 * true[0]:.3g} % {share}, with a plane {100 * true[1]:.3g} %; with "
            f"targets dealt by chance, {self.DEALS} times, up to {100 * bounds[0]:.3g} % and "
            f"{100 * bounds[1]:.3g} %.",
            f"The network has not learnt them either: loss {bench.standing().reached:.4g}.",
        )
        numbers = {"neighbours": true[0], "plane": true[1], "by_chance": bounds, "examples": rows}
        return Finding(
            self.name(), CONFIRMED, first, evidence,
            "look at a few examples with their labels; mostly one of both was sorted, shuffled, "
            "filtered or shifted alone",
            numbers, self.EXPLAINS, effect=0.5,
        )  # fmt: skip

    @staticmethod
    def _fails(bench: Bench, table: Table) -> bool:
        """Whether the run has not learnt what holds beyond its own rows."""
        standing = bench.standing()
        if not standing.learns:
            return True
        labels, answers = table.labels(), in_evaluation(bench)
        if labels is None:
            others = held(newest(own(bench.captured)))
            shown = None if others is None else explained_of(bench.final().eval(), others)
            return shown is not None and shown <= NOTHING
        if answers is None:
            return False
        count = len(answers.labels)
        majority = float(torch.bincount(answers.labels).max() / count)
        noise = 2 * math.sqrt(majority * (1 - majority) / count)
        return float(answers.right.double().mean()) <= majority + noise

    def _scores(
        self, table: Tensor, goal: Tensor, classes: bool
    ) -> tuple[list[float], list[list[float]]]:
        """How well neighbours and a plane foretell the targets, and targets dealt by chance."""
        near, plane = nearest(table), planes(table)
        chance = torch.Generator().manual_seed(0)
        found: list[list[float]] = [[], []]
        for deal in range(self.DEALS + 1):
            order = torch.randperm(len(goal), generator=chance) if deal else torch.arange(len(goal))
            y = goal[order]
            found[0].append(_score(y[near].mean(1), y, classes))
            found[1].append(_score(plane @ (y - y.mean(0)), y, classes))
        return [scores[0] for scores in found], [scores[1:] for scores in found]


def _goal(table: Table) -> Tensor | None:
    """Examples × classes, or the strongest directions of numbers."""
    labels = table.labels()
    if labels is not None:
        counts = torch.unique(labels, return_counts=True)[1]
        enough = len(counts) in range(2, 101) and int(counts.sum() - counts.max()) >= FEW
        return one_hot(labels) if enough else None
    targets = table.targets
    if targets is None or not targets.dtype.is_floating_point or not torch.isfinite(targets).all():
        return None
    flat = targets.double().flatten(1) if targets.ndim > 1 else targets.double()[:, None]
    if flat.shape[1] == 1:  # by rank: a few in another unit would hide all the others
        flat = ranks(flat)
    flat = flat - flat.mean(0)
    if float(flat.abs().max()) == 0:
        return None
    ways: Tensor = torch.linalg.svd(flat, full_matrices=False)[2]
    return flat @ ways[:COLUMNS].T


def _score(foretold: Tensor, goal: Tensor, classes: bool) -> float:
    """The share of right classes; for numbers the share of their squares that is explained by the
    correlations, 0 where one is negative."""
    if classes:
        return float((foretold.argmax(1) == goal.argmax(1)).double().mean())
    a, b = foretold - foretold.mean(0), goal - goal.mean(0)
    sizes = b.pow(2).sum(0)
    both = (a * b).sum(0).clamp_min(0).pow(2) / (a.pow(2).sum(0) * sizes + 1e-300)
    return float((both * sizes).sum() / sizes.sum())


DIAGNOSIS = LabelsUnrelatedToInputs
