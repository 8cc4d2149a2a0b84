"""A share of the labels is wrong."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pellucid.doctor.answered import (
    Answered,
    Foretold,
    answered,
    by_chance,
    evaluated,
    foretold,
)
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


Opinions = Answered | Foretold


@dataclass(frozen=True)
class Suspects:
    """Training examples whose label the trained network contradicts."""

    rows: Tensor
    marks: frozenset[float]
    share: float
    elsewhere: float
    """The same of the evaluation's labels."""
    only_in_training: bool
    """Whether that is less, beyond chance."""


class LabelErrors(Diagnosis):
    """A share of the labels is wrong."""

    GROUP = DATA
    COST = 2
    HURTS_LEARNING = False
    ONE_NETWORK = True
    ROWS, MOST = 150, 1_500
    SHARE, COUNT = 0.05, 15
    """Labels that look wrong, as a share and in all, from which on they are told."""
    ALIKE = 0.6
    """Share of examples whose neighbours mostly have their label: below, neighbours say nothing."""
    LEVEL = 1e-3
    """How probable so many more contradictions in training than in evaluation are by chance."""
    STEPS = 180
    REPEATS = 3
    LESS, HELPS = 0.05, 0.01
    """How much the loss in evaluation falls at least, and how probable that is by chance."""
    FAR_BETTER = 0.02
    """How many more of the evaluation's classes are right where its labels may be wrong, too."""
    FAR = 0.05
    """Share of the evaluation's numbers that are further off than a contradicted one."""
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
        found = self._contradicted(bench)
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
            twins = [evaluated(bench, bench.trained(c, steps, repetition)) for c in changes]
            if twins[0] is None or twins[1] is None:
                return None
            pairs.append((twins[0], twins[1]))
        better = self._is_better(pairs) if found.only_in_training else self._is_far_better(pairs)
        return self._told(trace, found, steps, pairs) if better else None

    def _is_far_better(self, pairs: list[tuple[Opinions, Opinions]]) -> bool:
        """Where evaluation is contradicted as often: whether many more of its classes are right."""
        rights = [(a.right, b.right) for a, b in pairs
                  if isinstance(a, Answered) and isinstance(b, Answered)]  # fmt: skip
        gains = [float(b.double().mean() - a.double().mean()) for a, b in rights]
        return bool(gains) and sum(gains) / len(gains) >= self.FAR_BETTER and self._is_better(pairs)

    def _is_better(self, pairs: list[tuple[Opinions, Opinions]]) -> bool:
        """Whether more of the evaluation's classes are right, or its loss fell."""
        from scipy.stats import ttest_1samp  # type: ignore[import-untyped]

        rights = [(a.right, b.right) for a, b in pairs
                  if isinstance(a, Answered) and isinstance(b, Answered)]  # fmt: skip
        if any(before.sum() > after.sum() for before, after in rights):
            return False
        gained, lost = (sum(int((b & ~a).sum()) for a, b in p)
                        for p in (rights, [(b, a) for a, b in rights]))  # fmt: skip
        if by_chance(gained, lost) < self.HELPS:
            return True
        losses = torch.stack([before.losses for before, _ in pairs])
        gains = losses - torch.stack([after.losses for _, after in pairs])
        least = self.LESS * float(losses.mean())
        if float(gains.mean()) < least or float(gains.mean(1).min()) < -least:
            return False
        return bool(ttest_1samp(gains.mean(0), 0, alternative="greater").pvalue < self.HELPS)

    def _told(
        self, trace: Trace, found: Suspects, steps: int, pairs: list[tuple[Opinions, Opinions]]
    ) -> Finding:
        count = int(found.rows.sum())
        (before, held), (after, left) = (_reached([pair[k] for pair in pairs]) for k in (0, 1))
        many = f"{count} of {len(found.rows):,} training"
        share, elsewhere = (f"{100 * part:.3g} %" for part in (found.share, found.elsewhere))
        evidence = (
            f"The trained network contradicts {many} labels ({share}), and {elsewhere} of "
            "evaluation's."
            if isinstance(pairs[0][0], Answered)
            else f"The trained network is as far from {many} targets ({share}) as it is from the "
            f"furthest {elsewhere} of evaluation's.",
            f"{steps} more steps on copies without these examples: {left} in evaluation, "
            f"with them {held} ({self.REPEATS} repetitions each).",
        )
        return Finding(
            self.name(), CONFIRMED, last_step(trace), evidence,
            "look at these examples, and mend or leave out those whose label is wrong",
            {"rows": found.rows.nonzero().flatten().tolist(), "share": found.share,
             "in_evaluation": found.elsewhere, "before": before, "after": after},
            self.EXPLAINS, SUGGESTION, effect=after / before,
        )  # fmt: skip

    def _contradicted(self, bench: Bench) -> Suspects | None:
        from scipy.stats import fisher_exact

        evaluation, table = evaluated(bench), learnt(bench.captured)
        if evaluation is None or table is None or len(table.inputs) < self.ROWS:
            return None
        network = bench.final()
        calm(network, False)
        labels = table.labels()
        training: Opinions | None = None
        if isinstance(evaluation, Answered) and labels is not None:
            training = answered(network, table.inputs, labels)
        elif isinstance(evaluation, Foretold) and table.targets is not None:
            training = foretold(network, table.inputs, table.targets)
        if training is None:
            return None
        bar = float(evaluation.losses.quantile(1 - self.FAR))
        rows, others = (a.wrong(bar) for a in (training, evaluation))
        counts = [[int(m.sum()), int((~m).sum())] for m in (rows, others)]
        chance = fisher_exact(counts, alternative="greater")[1]
        share = float(rows.double().mean())
        if share < self.SHARE or counts[0][0] < self.COUNT:
            return None
        known = marks(table.inputs)
        kept = frozenset(known[row] for row in rows.nonzero().flatten().tolist())
        return Suspects(rows, kept, share, float(others.double().mean()), chance <= self.LEVEL)


def _reached(opinions: list[Opinions]) -> tuple[float, str]:
    """The mean loss in evaluation of several repetitions, and that in words."""
    loss = float(torch.stack([found.losses.mean() for found in opinions]).mean())
    rights = [found.right.double().mean() for found in opinions if isinstance(found, Answered)]
    if not rights:
        return loss, f"mean squared error {loss:.3g}"
    return (
        loss,
        f"{100 * float(torch.stack(rights).mean()):.3g} % right at cross entropy {loss:.3g}",
    )


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
