"""The loss does not fit the kind of target."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import STEP, long_script
from pellucid.doctor.diagnosis import OUTPUT, Diagnosis
from pellucid.doctor.effect import Change
from pellucid.doctor.finding import Finding
from pellucid.watch.trace import Trace

LOSS = "functional.cross_entropy(network(inputs[rows]), labels[rows])"
ONE_HOT = "functional.l1_loss(network(inputs[rows]), functional.one_hot(labels[rows], 3).float())"
DISTANCES = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")


class LossUnsuitedToTask(Diagnosis):
    """The loss does not fit the kind of target."""

    GROUP = OUTPUT
    EXPLAINS = ("learning-rate-too-low", "stopped-too-early", "optimiser-unsuited")
    POINTS = 0.05
    """Share of the examples that more must be right, in every repetition."""
    SICK = long_script(step=STEP.replace(LOSS, ONE_HOT))
    HEALTHY = SICK.replace(ONE_HOT, LOSS)

    def find(self, trace: Trace) -> Finding | None:
        """A softmax over several classes, whose targets say that several hold at once."""
        calls = [call for call in trace.losses if call.name == "cross_entropy" and call.with_graph]
        several = [call for call in calls if call.most_at_once > 1.01]
        if len(several) < 2:
            return None
        return self.proven(
            several[0].line,
            [f"cross_entropy takes one class an example; up to {several[0].most_at_once:g} of the "
             f"{several[0].shape[1]} targets of an example are 1 here."],
            "use binary_cross_entropy_with_logits, which asks about each class by itself",
            most_at_once=several[0].most_at_once,
        )  # fmt: skip

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        """A distance to the numbers 0 and 1 of a class, where classes are meant."""
        target = bench.judge.find_target(bench.batches[0])
        used = next((call for call in trace.losses if call.name in DISTANCES), None)
        standing = bench.standing()
        if used is None or target is None or standing.right is None or not _is_one_hot(target):
            return None
        if standing.beats_trivial:
            return None  # it works as it is
        effect = bench.effect(Change(loss=_cross_entropy))
        reached = standing.right + self.POINTS
        if not effect.raises_right_by(self.POINTS) or (effect.right or 0) < reached:
            return None
        return self.confirmed(
            trace, bench, effect, [effect.sentence(f"cross entropy instead of {used.name}")],
            "use cross_entropy with the classes' numbers as targets", where=used.line,
        )  # fmt: skip


def _is_one_hot(target: Tensor) -> bool:
    if not target.dtype.is_floating_point or target.ndim != 2 or target.shape[1] < 2:
        return False
    return bool(((target == 0) | (target == 1)).all()) and bool((target.sum(1) == 1).all())


def _cross_entropy(answer: Tensor, target: Tensor) -> Tensor:
    """Of scores, or of shares if the network ends in them."""
    classes = target.argmax(1)
    if bool((answer >= 0).all()) and bool((answer <= 1).all()):
        return functional.nll_loss(torch.log(answer.clamp_min(1e-12)), classes)
    return functional.cross_entropy(answer, classes)


DIAGNOSIS = LossUnsuitedToTask
