"""The targets are in a code or on a scale that the loss does not expect."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pellucid.doctor.answered import (
    Foretold,
    answered,
    evaluated,
    explained,
    foretold,
    in_evaluation,
)
from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import script
from pellucid.doctor.diagnosis import DATA, Diagnosis
from pellucid.doctor.effect import Change
from pellucid.doctor.examples import learnt
from pellucid.doctor.finding import CONFIRMED, SUGGESTION, Finding
from pellucid.doctor.judged import CLASSES
from pellucid.watch.lines import Line
from pellucid.watch.trace import LossCall, Trace

SHARES = ("binary_cross_entropy", "binary_cross_entropy_with_logits")
NUMBERS = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")


class TargetsMiscoded(Diagnosis):
    """The targets are in a code or on a scale that the loss does not expect."""

    GROUP = DATA
    ONE_NETWORK = True
    EXPLAINS = ("shape-mismatch", "exploding-gradients", "learning-rate-too-low",
                "learning-rate-too-high", "output-cannot-reach-targets", "bad-split",
                "overfitting")  # fmt: skip
    SLACK = 0.25
    """How far targets of 0 and 1 are moved on purpose, to soften them."""
    CALLS = 8
    """Losses of which all targets are one number, from which on that is told."""
    LABELS = 200
    """Labels after which a class that was never among them is told."""
    FAR = 100.0
    """Standard deviation of targets, or mean in standard deviations, that calls for a trial."""
    HELPS = 0.8
    """The loss with standardised targets, as a share of the loss without."""
    SHIFTED = 0.4
    """Share of a class that another answer meets, from which on that is its name."""
    GAIN = 0.15
    """How many more are right under the other names, as a share."""
    EXPLAINED = 0.5
    """Share of the variance that answers on evaluation's scale explain, and that is gained."""
    STRETCHED = 5.0
    """The scale that evaluation's targets are on, as a multiple or a part of the answers'."""
    BELOW = 0.1
    """How far the training examples' share of right answers may lie below that."""
    SICK = script().replace(".long() + (inputs", ".long() + 1 + (inputs")
    HEALTHY = script()

    def find(self, trace: Trace) -> Finding | None:
        for check in (self._refused, self._beyond_shares, self._all_one, self._from_one):
            finding = check(trace)
            if finding is not None:
                return finding
        return None

    def _refused(self, trace: Trace) -> Finding | None:
        """A label that is no class of the answer's, or is no whole number, ended the script."""
        call = trace.losses[-1] if trace.losses else None
        if (
            trace.crash is None
            or call is None
            or call.name not in CLASSES
            or call.value is not None
        ):
            return None
        low, high = call.target_low, call.target_high
        if low is None or high is None or len(call.shape) < 2:
            return None
        classes = call.shape[1]
        if "out of bounds" in trace.crash.text and (low < 0 or high >= classes):
            mend = "count the classes from 0" if low >= 1 and high == classes else (
                f"give the last layer {int(high) + 1} outputs, or code the labels as 0 to "
                f"{classes - 1}")  # fmt: skip
            return self._told(
                trace.crash.line or call.line,
                f"{call.name} got answers for {classes} classes, 0 to {classes - 1}, and labels "
                f"from {low:g} to {high:g}.", mend, call,
            )  # fmt: skip
        if "Long" in trace.crash.text and "Float" in trace.crash.text:
            return self._told(
                trace.crash.line or call.line,
                f"{call.name} got labels {call.target_shape} as floating numbers, {low:g} to "
                f"{high:g}; with one number an example it expects whole ones.",
                "use labels.long()", call,
            )  # fmt: skip
        return None

    def _beyond_shares(self, trace: Trace) -> Finding | None:
        for call in trace.losses:
            low, high = call.target_low, call.target_high
            if call.name not in SHARES or low is None or high is None:
                continue
            if low < -self.SLACK or high > 1 + self.SLACK:
                return self._told(
                    call.line,
                    f"{call.name} got targets from {low:g} to {high:g}; it is meant for 0 to 1, "
                    "and beyond has no lowest value.",
                    "code the two classes as 0 and 1", call,
                )  # fmt: skip
        return None

    def _all_one(self, trace: Trace) -> Finding | None:
        """Several losses of yes or no, and the same answer is right in all of them, as where a
        critic is told that what is made is real, too."""
        looked = [
            call for call in trace.losses
            if call.name in SHARES and call.target_low is not None and call.with_graph
        ]  # fmt: skip
        values = {value for call in looked for value in (call.target_low, call.target_high)}
        lines = {call.line for call in looked}
        if len(values) != 1 or len(lines) < 2 or len(looked) < self.CALLS:
            return None
        number = sum(math.prod(call.target_shape) for call in looked)
        return self._told(
            looked[0].line,
            f"All {number:,} targets that were looked at, of {len(lines)} losses, are "
            f"{looked[0].target_low:g}: one answer is right for every input.",
            "give one of the losses the other target, as for what is made in a critic's step",
            looked[0],
        )  # fmt: skip

    def _from_one(self, trace: Trace) -> Finding | None:
        """Labels from 1 on, and one output more than needed for them: harmless, but odd."""
        looked = [
            call for call in trace.losses
            if call.name in CLASSES and call.target_low is not None and call.with_graph
            and len(call.shape) == 2 and len(call.target_shape) == 1
        ]  # fmt: skip
        sizes = {entry.examples for entry in trace.passes}
        if not looked or sum(call.shape[0] for call in looked) < self.LABELS:
            return None
        if any(call.shape[0] not in sizes for call in looked):
            return None  # symbols of sequences: the first is often one that fills up
        last = max(call.target_high or 0 for call in looked)
        if any((call.target_low or 0) < 1 for call in looked) or last != looked[0].shape[1] - 1:
            return None
        return self.proven(
            looked[0].line,
            [f"The labels go from 1 to {last:g}, and the network answers for "
             f"{looked[0].shape[1]} classes: class 0 never comes."],
            "count the classes from 0, and leave one output out", kind=SUGGESTION, high=last,
        )  # fmt: skip

    def _told(self, line: Line | None, sentence: str, mend: str, call: LossCall) -> Finding:
        return self.proven(
            line, [sentence], mend, low=call.target_low, high=call.target_high,
            answers=list(call.shape),
        )  # fmt: skip

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        return self._renamed(bench) or self._rescaled(bench) or self._unscaled(trace, bench)

    def _rescaled(self, bench: Bench) -> Finding | None:
        """Whether evaluation's targets are the network's answers on another scale."""
        found, table = evaluated(bench), learnt(bench.captured)
        if not isinstance(found, Foretold) or table is None or table.targets is None:
            return None
        own = foretold(bench.final().eval(), table.inputs, table.targets)
        if own is None or explained(own.answers, own.targets) < self.EXPLAINED:
            return None
        x, y = found.answers, found.targets
        slope = float(((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).pow(2).sum())
        offset = float(y.mean() - slope * x.mean())
        before, after = explained(x, y), explained(slope * x + offset, y)
        if after < self.EXPLAINED or after - before < self.EXPLAINED:
            return None
        if slope <= 0 or 1 / self.STRETCHED < slope < self.STRETCHED:
            return None  # as where later numbers are larger than earlier ones
        line = f"{slope:.3g} × answer {'+' if offset >= 0 else '-'} {abs(offset):.3g}"
        evidence = (
            f"In evaluation the answers are off by {float((x - y).pow(2).mean().sqrt()):.3g} in "
            f"the root of the mean square, and {len(y):,} targets spread by {float(y.std()):.3g} "
            f"(standard deviation); but {line} explains {100 * after:.3g} % of their variance: "
            "training and evaluation give their targets on different scales.",
        )
        return Finding(
            self.name(), CONFIRMED, found.line, evidence,
            "bring the targets of both to one scale with the same code, and turn answers back "
            "before they are compared",
            {"before": before, "after": after, "slope": slope, "offset": offset}, self.EXPLAINS,
            effect=1 - after,
        )  # fmt: skip

    def _renamed(self, bench: Bench) -> Finding | None:
        """Whether evaluation's labels are the network's answers under other names."""
        found = in_evaluation(bench)
        if found is None:
            return None
        guess, label, classes = found.guesses, found.labels, found.classes
        met = torch.zeros(classes, classes, dtype=torch.float64)
        met.index_put_((guess, label), torch.ones(len(label), dtype=torch.float64), accumulate=True)
        names = _best_names(met)
        moved = [k for k in range(classes) if names[k] != k and met[k].sum() > 0]
        right = float(met.diagonal().sum() / len(label))
        renamed = float(met[torch.arange(classes), names].sum() / len(label))
        noise = 4 * math.sqrt(renamed * (1 - renamed) / len(label))
        if self._in_training(bench) < renamed - self.BELOW:
            return None  # it does not answer its own labels either
        clear = [met[k, names[k]] > self.SHIFTED * met[:, names[k]].sum() for k in moved]
        if len(moved) < 2 or not all(clear) or renamed - right < max(self.GAIN, noise):
            return None
        by = {int((names[k] - k) % classes) for k in moved}
        shift = by.pop() if len(by) == 1 else None
        if classes == 2:
            how = "with the two classes exchanged"
        elif shift is not None and len(moved) > classes / 2:
            how = f"with {shift if shift <= classes // 2 else shift - classes:+d} added to each"
        else:
            shown = ", ".join(f"{k} for {int(names[k])}" for k in moved[:5])
            how = f"with other names, {shown},"
        evidence = (
            f"In evaluation {100 * right:.3g} % of {len(label):,} answers are right; {how} "
            f"{100 * renamed:.3g} % are: training and evaluation code their classes differently.",
        )
        return Finding(
            self.name(), CONFIRMED, found.line, evidence,
            "code the labels of both with the same code",
            {"right": right, "right_renamed": renamed, "names": names.tolist()}, self.EXPLAINS,
            effect=1 - renamed,
        )  # fmt: skip

    @staticmethod
    def _in_training(bench: Bench) -> float:
        """The share of the training examples that get their own label, in eval mode."""
        table = learnt(bench.captured)
        labels = table.labels() if table is not None else None
        if table is None or labels is None:
            return 0.0
        found = answered(bench.final().eval(), table.inputs, labels)
        return 0.0 if found is None else float(found.right.double().mean())

    def _unscaled(self, trace: Trace, bench: Bench) -> Finding | None:
        table = learnt(bench.captured)
        names = {call.name for call in trace.losses if call.with_graph}
        if table is None or table.targets is None or not names or not names <= set(NUMBERS):
            return None
        targets = table.targets.double()
        if not table.targets.dtype.is_floating_point or len(targets) < 20:
            return None
        mean, deviation = float(targets.mean()), float(targets.std())
        if not deviation or max(deviation, abs(mean) / deviation) < self.FAR:
            return None
        effect = bench.cure(_standardised(mean, deviation), self.HELPS)
        if effect is None:
            return None
        low, high = float(targets.min()), float(targets.max())
        return self.confirmed(
            trace, bench, effect,
            [f"The targets go from {low:.4g} to {high:.4g}, with mean {mean:.4g} and standard "
             f"deviation {deviation:.4g}, while the first answers are about 0 to 1.",
             effect.sentence("standardised targets, judged on the scale of the old ones")],
            f"learn (targets - {mean:.4g}) / {deviation:.4g}, and turn the answers back",
            next((entry.line for entry in trace.losses), None), mean=mean, deviation=deviation,
        )  # fmt: skip


def _best_names(met: Tensor) -> Tensor:
    """The name of each answer under which most are right; `met` counts answers × labels."""
    from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

    return torch.from_numpy(linear_sum_assignment(met.numpy(), maximize=True)[1])


def _standardised(mean: float, deviation: float) -> Change:
    """The network's answer stands for a standardised target, and is judged as the old one."""

    def turned_back(_network: nn.Module, _given: Any, answer: Any) -> Any:
        return answer * deviation + mean if isinstance(answer, Tensor) else answer

    def change(network: nn.Module) -> None:
        network.register_forward_hook(turned_back)

    def loss(answer: Tensor, target: Tensor) -> Tensor:
        own = (answer.reshape(target.shape) - mean) / deviation
        return functional.mse_loss(own, (target - mean) / deviation)

    return Change(network=change, loss=loss)


DIAGNOSIS = TargetsMiscoded
