"""Evaluating twice differs, or evaluating changes the network."""

from __future__ import annotations

import re
from itertools import pairwise

import torch
from torch import Tensor

from pellucid.doctor.cases import script
from pellucid.doctor.diagnosis import PROCEDURE, Diagnosis
from pellucid.doctor.examples import input_of, labels_of, own
from pellucid.doctor.finding import Finding
from pellucid.watch.captured import Captured, Held
from pellucid.watch.trace import Pass, Trace

BODY = """\
class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(12, 32), nn.Linear(32, 3)

    def forward(self, x):
        return self.second(functional.dropout(functional.relu(self.first(x)), 0.3{}))


network = Network()"""
EVALUATES = re.compile(r"^_*(test|eval|valid)", re.IGNORECASE)


class EvaluationNotRepeatable(Diagnosis):
    """Evaluating twice differs, or evaluating changes the network."""

    GROUP = PROCEDURE
    HURTS_LEARNING = False
    EXPLAINS = ("within-noise", "samples-mixed", "bad-split", "overfitting")
    ROWS = 20
    ALIKE = 0.3
    """How much more an example correlates with itself than with another one."""
    CHANGED = 0.2
    """Examples that differ, where their place tells that they are the same."""
    STEPS = 2  # one step alone may be a trial of the loop
    SICK = script(network=BODY.format(""))
    HEALTHY = script(network=BODY.format(", self.training"))

    def find(self, trace: Trace) -> Finding | None:
        return self._differs(trace) or self._learns(trace)

    def look(self, trace: Trace, captured: Captured) -> Finding | None:
        """The same examples of classes, changed by chance in each evaluation."""
        pair = _two_evaluations(captured)
        if pair is None or pair[0][0].shape != pair[1][0].shape or len(pair[1][0]) < self.ROWS:
            return None
        (before, earlier), (now, entry) = pair
        changed = float((before != now).any(1).double().mean())
        by_place = _is_by_place(trace, earlier, entry) and changed >= self.CHANGED
        if not by_place and (changed < 1 or not self._are_alike(trace, captured, before, now)):
            return None
        off = float((now - before).pow(2).mean().sqrt())
        beside = (
            f"the loader goes through them in their order, and {100 * changed:.3g} % differ"
            if by_place
            else "in training they come as they were"
        )
        return self.proven(
            entry.line,
            [f"In two evaluations the same {len(now):,} examples came with other numbers, off by "
             f"{off:.3g} in the root of the mean square; {beside}."],
            "prepare evaluation's examples without chance",
            examples=len(now), off=off,
        )  # fmt: skip

    def _are_alike(self, trace: Trace, captured: Captured, before: Tensor, now: Tensor) -> bool:
        """Whether they are the same examples by their contents, and training does not change
        them."""
        same, others = _likeness(before, now), _likeness(before, now.roll(1, 0))
        return same - others >= self.ALIKE and _is_repeated(trace, captured.model)

    def _differs(self, trace: Trace) -> Finding | None:
        for again in trace.repeated:
            if not again.training and again.differed and again.dropped_by_default is not None:
                return self.proven(
                    again.dropped_by_default,
                    [f"In eval mode the same batch was put to a copy twice, and {again.differed} "
                     f"of {again.examples} answers differed: the function dropout drops always, "
                     "unless it is told the mode."],
                    "write functional.dropout(x, p, self.training), or use nn.Dropout",
                    examples=again.examples, differed=again.differed,
                )  # fmt: skip
        return None

    def _learns(self, trace: Trace) -> Finding | None:
        """Steps of the optimiser in what calls itself an evaluation, beside a training."""
        learnt = [a for a, b in pairwise(trace.passes) if a.with_graph and b.step > a.step]
        evaluating = [entry for entry in learnt if _is_evaluation(entry)]
        if len(evaluating) < self.STEPS or 2 * len(evaluating) > len(learnt):
            return None
        return self.proven(
            evaluating[0].line,
            [f"{len(evaluating)} of {len(learnt)} steps of the optimiser followed a pass in "
             f"{evaluating[0].line.function if evaluating[0].line else ''}(): the evaluation "
             "trains on its data."],
            "evaluate under torch.no_grad(), without backward() and step()",
            steps=len(evaluating),
        )  # fmt: skip


def _two_evaluations(captured: Captured) -> list[tuple[Tensor, Pass]] | None:
    """The inputs (examples × numbers) of the two newest evaluations of the same classes in the
    same order, and the last pass of each."""
    by_step: dict[int, list[Held]] = {}
    for entry in own(captured):
        if entry.step:
            by_step.setdefault(entry.step, []).append(entry)
    last = list(by_step.values())[-2:]
    if len(last) < 2:
        return None
    count = min(map(len, last))  # of the older one the first batches may be gone
    found, labels = [], []
    for entries in last:
        kept = [(input_of(e), None if e.target is None else labels_of(e.target))
                for e in entries[-count:]]  # fmt: skip
        if any(x is None or y is None or not x.dtype.is_floating_point for x, y in kept):
            return None
        labels.append(torch.cat([y.cpu() for _, y in kept if y is not None]))
        inputs = [x.detach().cpu().double().flatten(1) for x, _ in kept if x is not None]
        if len({x.shape[1] for x in inputs}) > 1:
            return None
        facts = entries[-1].facts
        assert facts is not None
        found.append((torch.cat(inputs), facts))
    alike = torch.equal(*labels) and all(len(x) == len(labels[0]) for x, _ in found)
    return found if alike else None


def _is_by_place(trace: Trace, before: Pass, now: Pass) -> bool:
    """Whether one loader that does not shuffle gave both, so that the places tell the examples."""
    same = before.loader == now.loader is not None and before.as_loaded and now.as_loaded
    return same and now.loader is not None and trace.loaders[now.loader].in_order


def _is_repeated(trace: Trace, model: int) -> bool:
    """Whether training's examples came again as they were."""
    training = [entry for entry in trace.passes if entry.model == model and entry.with_graph]
    late = training[len(training) // 2 :]
    return bool(late) and sum(e.known for e in late) > 0.5 * sum(e.examples for e in late)


def _likeness(a: Tensor, b: Tensor) -> float:
    """The mean correlation of each row of one with that of the other."""
    a, b = a - a.mean(0), b - b.mean(0)
    return float(torch.nn.functional.cosine_similarity(a, b, dim=1).mean())


def _is_evaluation(entry: Pass) -> bool:
    return entry.line is not None and bool(EVALUATES.search(entry.line.function))


DIAGNOSIS = EvaluationNotRepeatable
