"""The targets are in a code or on a scale that the loss does not expect."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import script
from pellucid.doctor.diagnosis import DATA, Diagnosis
from pellucid.doctor.effect import Change
from pellucid.doctor.examples import learnt
from pellucid.doctor.finding import CONFIRMED, SUGGESTION, Finding
from pellucid.watch.lines import Line
from pellucid.watch.trace import LossCall, Trace

SHARES = ("binary_cross_entropy", "binary_cross_entropy_with_logits")
CLASSES = ("cross_entropy", "nll_loss")
NUMBERS = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")


class TargetsMiscoded(Diagnosis):
    """The targets are in a code or on a scale that the loss does not expect."""

    GROUP = DATA
    ONE_NETWORK = True
    EXPLAINS = ("shape-mismatch", "exploding-gradients", "learning-rate-too-low",
                "learning-rate-too-high", "output-cannot-reach-targets")  # fmt: skip
    SLACK = 0.25
    """How far targets of 0 and 1 are moved on purpose, to soften them."""
    LABELS = 200
    """Labels after which a class that was never among them is told."""
    FAR = 100.0
    """Standard deviation of targets, or mean in standard deviations, that calls for a trial."""
    HELPS = 0.8
    """The loss with standardised targets, as a share of the loss without."""
    SHIFTED = 0.5
    """Share of right answers from which on, after adding a number to all, they are a code."""
    SICK = script().replace(".long() + (inputs", ".long() + 1 + (inputs")
    HEALTHY = script()

    def find(self, trace: Trace) -> Finding | None:
        for check in (self._refused, self._beyond_shares, self._from_one):
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
        return self._shifted(bench) or self._unscaled(trace, bench)

    def _shifted(self, bench: Bench) -> Finding | None:
        """Whether evaluation's labels are the network's answers plus a number, all around."""
        entries = [e for e in bench.captured.held if e.step and e.facts and e.target is not None]
        guesses, labels, classes = [], [], 0
        network = bench.final().eval()
        with torch.no_grad(), torch.random.fork_rng():
            for entry in entries:
                answer, target = network(*entry.given, **entry.named), entry.target
                if not isinstance(answer, Tensor) or answer.ndim != 2 or target is None:
                    return None
                if target.shape != answer.shape[:1] or target.dtype.is_floating_point:
                    return None
                guesses.append(answer.argmax(1))
                labels.append(target)
                classes = answer.shape[1]
        if classes < 3 or sum(map(len, labels)) < 50:
            return None
        guess, label = torch.cat(guesses), torch.cat(labels)
        right = [float(((guess + k) % classes == label).double().mean()) for k in range(classes)]
        k = max(range(classes), key=right.__getitem__)
        if k == 0 or right[k] < self.SHIFTED or right[0] > 1 / classes:
            return None
        hits = (guess + k) % classes == label
        met = [hits[label == c].double().mean() for c in torch.unique(label)]
        if sum(float(share) > self.SHIFTED for share in met) < max(3, classes / 2):
            return None  # one frequent class taken for its neighbour is no other code
        by = k if k <= classes // 2 else k - classes
        line = entries[-1].facts.line if entries[-1].facts else None
        evidence = (
            f"In evaluation {100 * right[0]:.3g} % of {len(label):,} answers are right; with "
            f"{by:+d} added to each of them {100 * right[k]:.3g} % are: training and evaluation "
            "count their classes differently.",
        )
        return Finding(
            self.name(), CONFIRMED, line, evidence, "code the labels of both with the same code",
            {"right": right[0], "right_shifted": right[k], "by": by}, self.EXPLAINS,
            effect=1 - right[k],
        )  # fmt: skip

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
