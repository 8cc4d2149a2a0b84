"""The loss does not fit the kind of target."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.doctor.answered import in_evaluation
from pellucid.doctor.bench import REPEATS, Bench
from pellucid.doctor.cases import STEP, long_script
from pellucid.doctor.diagnosis import OUTPUT, Diagnosis, last_step
from pellucid.doctor.effect import Change
from pellucid.doctor.finding import CONFIRMED, Finding
from pellucid.doctor.judged import CLASSES
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
        return self._to_numbers(trace, bench) or self._to_one_hot(trace, bench)

    def _to_numbers(self, trace: Trace, bench: Bench) -> Finding | None:
        """Several scores are made one number, which is brought near to the number of a class."""
        batch = bench.batches[0]
        target, before = bench.judge.find_target(batch), in_evaluation(bench)
        if target is None or before is None or batch.tail is None:
            return None
        known = {call.name for call in trace.losses if call.with_graph}
        scores = len(batch.tail.shape) == 2 and batch.tail.shape[1] > 2
        if not scores or known & {*CLASSES} or not _are_numbers_of_classes(target, before.classes):
            return None
        afters = [in_evaluation(bench, bench.trained(Change(loss=_by_number), bench.steps, k))
                  for k in range(REPEATS)]  # fmt: skip
        shares = [float(a.right.double().mean()) for a in afters if a is not None]
        share = float(before.right.double().mean())
        if len(shares) < REPEATS or min(shares) < share + self.POINTS:
            return None
        evidence = (
            f"The network has {before.classes} scores, and evaluation asks which is the largest; "
            "the loss compares one number made of them with the number of the class, as if "
            "neighbouring numbers were alike.",
            f"The first {bench.steps} steps on a copy with cross entropy: {100 * min(shares):.3g} "
            f"% right in evaluation, where the run came to {100 * share:.3g} % ({REPEATS} of "
            f"{REPEATS} repetitions).",
        )
        return Finding(
            self.name(), CONFIRMED, last_step(trace), evidence,
            "use cross_entropy with the classes' numbers as targets",
            {"before": share, "after": min(shares)}, self.EXPLAINS, effect=1 - min(shares) + share,
        )  # fmt: skip

    def _to_one_hot(self, trace: Trace, bench: Bench) -> Finding | None:
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


def _are_numbers_of_classes(target: Tensor, classes: int) -> bool:
    if target.numel() != len(target):
        return False
    return bool(((target == target.round()) & (target >= 0) & (target < classes)).all())


def _by_number(answer: Tensor, target: Tensor) -> Tensor:
    return functional.cross_entropy(answer, target.flatten().long())


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
