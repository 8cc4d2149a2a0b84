"""A share of the labels is wrong."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pellucid.doctor.answered import Answered, answered, by_chance, in_evaluation
from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import script
from pellucid.doctor.diagnosis import DATA, Diagnosis, last_step
from pellucid.doctor.examples import input_of, learnt
from pellucid.doctor.finding import CONFIRMED, SUGGESTION, Finding
from pellucid.doctor.judged import calm, without
from pellucid.doctor.neighbours import features, nearest, one_hot
from pellucid.watch.captured import Batch, Captured
from pellucid.watch.rows import marks
from pellucid.watch.trace import Trace

GROUPS = """\
labels = torch.randint(0, 3, (256,))
inputs = torch.randn(256, 12) + 2 * torch.randn(3, 12)[labels]"""
SCRIPT = script().replace(
    "labels = (inputs[:, 0] + inputs[:, 1] > 0).long() + (inputs[:, 2] > 0).long()", GROUPS
)


@dataclass(frozen=True)
class Suspects:
    """Training examples whose label the trained network contradicts."""

    rows: Tensor
    marks: frozenset[float]
    share: float
    elsewhere: float
    """The same of the evaluation's labels."""


class LabelErrors(Diagnosis):
    """A share of the labels is wrong."""

    GROUP = DATA
    HURTS_LEARNING = False
    ONE_NETWORK = True
    ROWS, MOST = 150, 1_500
    SHARE, COUNT = 0.05, 15
    """Labels that look wrong, as a share and in all, from which on they are told."""
    ALIKE = 0.6
    """Share of examples whose neighbours mostly have their label: below, neighbours say nothing."""
    LEVEL = 1e-4
    """How probable so many more contradictions in training than in evaluation are by chance."""
    STEPS = 180
    REPEATS = 3
    HELPS = 0.05
    """How probable the gain in evaluation is by chance, all repetitions together."""
    SICK = SCRIPT.replace("\n\nnetwork =", "\nlabels[::6] = (labels[::6] + 1) % 3\n\nnetwork =")
    HEALTHY = SCRIPT

    def look(self, trace: Trace, captured: Captured) -> Finding | None:
        table = learnt(captured)
        labels = table.labels() if table is not None else None
        if table is None or labels is None or len(labels) < self.ROWS:
            return None
        labels = labels[: self.MOST]
        wrong, alike = _suspects(table.inputs[: self.MOST], labels)
        share = len(wrong) / len(labels)
        if alike < self.ALIKE or share < self.SHARE or len(wrong) < self.COUNT:
            return None
        shown = ", ".join(f"{row} ({int(labels[row])}, neighbours {other})"
                          for row, other in wrong[:5])  # fmt: skip
        return self.suspected(
            last_step(trace),
            [f"{len(wrong)} of {len(labels):,} training examples ({100 * share:.3g} %) lie among "
             f"neighbours of one other class; for instance those that came as number {shown}."],
            "look at these examples, and mend or leave out those whose label is wrong",
            rows=[row for row, _ in wrong], share=share,
        )  # fmt: skip

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        """Contradicted far more often in training than in evaluation, and better there without."""
        evaluation = in_evaluation(bench)
        found = None if evaluation is None else self._contradicted(bench, evaluation)
        if found is None:
            return None
        steps = min(self.STEPS, len(trace.steps))

        def left_out(batch: Batch) -> Batch:
            inputs = input_of(batch)
            assert inputs is not None
            return without(batch, torch.tensor([m in found.marks for m in marks(inputs)]))

        changes = bench.from_the_end(), bench.from_the_end(batch=left_out)
        pairs = []
        for repetition in range(self.REPEATS):
            twins = [bench.trained(change, steps, repetition) for change in changes]
            scored = [in_evaluation(bench, twin) for twin in twins]
            if scored[0] is None or scored[1] is None:
                return None
            pairs.append((scored[0].right, scored[1].right))
        gained, lost = (sum(int((b & ~a).sum()) for a, b in p)
                        for p in (pairs, [(b, a) for a, b in pairs]))  # fmt: skip
        if by_chance(gained, lost) > self.HELPS or any(b.sum() < a.sum() for a, b in pairs):
            return None
        before, after = (
            float(torch.cat(rights).double().mean()) for rights in zip(*pairs, strict=True)
        )
        return self._told(trace, found, steps, before, after)

    def _told(
        self, trace: Trace, found: Suspects, steps: int, before: float, after: float
    ) -> Finding:
        count = int(found.rows.sum())
        evidence = (
            f"The trained network contradicts {count} of {len(found.rows):,} training labels "
            f"({100 * found.share:.3g} %), and {100 * found.elsewhere:.3g} % of evaluation's.",
            f"{steps} more steps on copies without these examples: {100 * after:.3g} % right in "
            f"evaluation, with them {100 * before:.3g} % ({self.REPEATS} repetitions each).",
        )
        return Finding(
            self.name(), CONFIRMED, last_step(trace), evidence,
            "look at these examples, and mend or leave out those whose label is wrong",
            {"rows": found.rows.nonzero().flatten().tolist(), "share": found.share,
             "in_evaluation": found.elsewhere, "before": before, "after": after},
            self.EXPLAINS, SUGGESTION, effect=1 - (after - before),
        )  # fmt: skip

    def _contradicted(self, bench: Bench, evaluation: Answered) -> Suspects | None:
        from scipy.stats import fisher_exact  # type: ignore[import-untyped]

        table = learnt(bench.captured)
        labels = table.labels() if table is not None else None
        if table is None or labels is None or len(labels) < self.ROWS:
            return None
        network = bench.final()
        calm(network, False)
        training = answered(network, table.inputs, labels)
        if training is None:
            return None
        rows, others = (~a.right for a in (training, evaluation))
        counts = [[int(m.sum()), int((~m).sum())] for m in (rows, others)]
        chance = fisher_exact(counts, alternative="greater")[1]
        share = float(rows.double().mean())
        if chance > self.LEVEL or share < self.SHARE or counts[0][0] < self.COUNT:
            return None
        known = marks(table.inputs)
        kept = frozenset(known[row] for row in rows.nonzero().flatten().tolist())
        return Suspects(rows, kept, share, float(others.double().mean()))


def _suspects(inputs: Tensor, labels: Tensor) -> tuple[list[tuple[int, int]], float]:
    """Examples whose neighbours have another label as clearly as is usual for it, with that label;
    and the share of examples whose neighbours mostly have theirs.

    After confident learning (Northcutt, Jiang, Chuang 2021): the bar of a class is the mean share
    of it among the neighbours of its own examples.
    """
    kinds, goal = torch.unique(labels), one_hot(labels)
    shares = goal[nearest(features(inputs))].mean(1)
    own = goal.argmax(1)
    bars = torch.stack([shares[own == k, k].mean() for k in range(len(kinds))])
    best = shares.argmax(1)
    clear = (best != own) & (shares.max(1).values >= bars[best].clamp_min(0.8))
    rows = clear.nonzero().flatten().tolist()
    found = [(row, int(kinds[best[row]])) for row in rows]
    return found, float((best == own).double().mean())


DIAGNOSIS = LabelErrors
