"""The labels carry no information about the inputs."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import script
from pellucid.doctor.diagnosis import DATA, Diagnosis
from pellucid.doctor.examples import Table, learnt
from pellucid.doctor.finding import CONFIRMED, Finding
from pellucid.doctor.neighbours import features, nearest, one_hot, planes
from pellucid.watch.trace import Trace

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
    ROWS, MOST = 300, 1_000
    """Examples that are needed, and that are looked at."""
    DEALS = 100
    """Times that the labels are dealt by chance."""
    SICK = LARGER.replace("\n\nnetwork =", "\nlabels = labels.roll(1)\n\nnetwork =")
    HEALTHY = LARGER

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        table = learnt(bench.captured)
        if table is None or table.targets is None or len(table.inputs) < self.ROWS:
            return None
        goal = _goal(table)
        if goal is None or not self._fails(bench, table):
            return None
        rows = min(self.MOST, len(goal))
        goal = goal[:rows]
        own, by_chance = self._scores(features(table.inputs[:rows]), goal)
        bounds = [_quantile(scores, 0.95) for scores in by_chance]
        if any(value > bound for value, bound in zip(own, bounds, strict=True)):
            return None
        first = next((entry.line for entry in trace.passes if entry.with_graph), None)
        share = "right" if goal.shape[1] > 1 else "explained"
        evidence = (
            f"From their nearest neighbours the targets of {rows:,} training examples "
            f"are foretold {100 * own[0]:.3g} % {share}, with a plane {100 * own[1]:.3g} %; after "
            f"dealing the targets by chance {self.DEALS} times up to {100 * bounds[0]:.3g} % and "
            f"{100 * bounds[1]:.3g} % (95 of 100).",
            f"The network has not learnt them either: loss {bench.standing().reached:.4g}.",
        )
        numbers = {"neighbours": own[0], "plane": own[1], "by_chance": bounds, "examples": rows}
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
        labels = table.labels()
        scored = [entry for entry in bench.captured.held if entry.target is not None]
        if labels is None or not scored:
            return False
        network, right, count = bench.final().eval(), 0, 0
        with torch.no_grad(), torch.random.fork_rng():
            for entry in scored:
                answer, target = network(*entry.given, **entry.named), entry.target
                if not isinstance(answer, Tensor) or answer.ndim != 2 or target is None:
                    return False
                if target.shape != answer.shape[:1]:
                    return False
                right, count = right + int((answer.argmax(1) == target).sum()), count + len(target)
        majority = float(torch.bincount(labels).max() / len(labels))
        noise = 2 * math.sqrt(majority * (1 - majority) / count)
        return right / count <= majority + noise and count >= 50

    def _scores(self, table: Tensor, goal: Tensor) -> tuple[list[float], list[list[float]]]:
        """How well neighbours and a plane foretell the targets, and targets dealt by chance."""
        near, plane = nearest(table), planes(table)
        chance = torch.Generator().manual_seed(0)
        found: list[list[float]] = [[], []]
        for deal in range(self.DEALS + 1):
            order = torch.randperm(len(goal), generator=chance) if deal else torch.arange(len(goal))
            y = goal[order]
            found[0].append(_score(y[near].mean(1), y))
            found[1].append(_score(plane @ (y - y.mean(0)), y))
        return [scores[0] for scores in found], [scores[1:] for scores in found]


def _goal(table: Table) -> Tensor | None:
    """Examples × classes, or examples × 1."""
    labels = table.labels()
    if labels is not None:
        return one_hot(labels) if len(torch.unique(labels)) in range(2, 101) else None
    targets = table.targets
    if targets is None or targets.numel() != len(targets) or not targets.dtype.is_floating_point:
        return None
    flat = targets.double().reshape(-1, 1)
    return flat if bool(torch.isfinite(flat).all()) and float(flat.std()) > 0 else None


def _score(foretold: Tensor, goal: Tensor) -> float:
    """The share of right classes; for numbers the correlation's square, 0 if it is negative."""
    if goal.shape[1] > 1:
        return float((foretold.argmax(1) == goal.argmax(1)).double().mean())
    both = torch.corrcoef(torch.cat([foretold, goal], 1).T)[0, 1]
    return max(0.0, float(both)) ** 2 if bool(torch.isfinite(both)) else 0.0


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[int(share * len(values))]


DIAGNOSIS = LabelsUnrelatedToInputs
