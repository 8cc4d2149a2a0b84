"""A share of the labels is wrong."""

from __future__ import annotations

import torch
from torch import Tensor

from pellucid.doctor.cases import script
from pellucid.doctor.diagnosis import DATA, Diagnosis, last_step
from pellucid.doctor.examples import learnt
from pellucid.doctor.finding import Finding
from pellucid.doctor.neighbours import features, nearest, one_hot
from pellucid.watch.captured import Captured
from pellucid.watch.trace import Trace

GROUPS = """\
labels = torch.randint(0, 3, (256,))
inputs = torch.randn(256, 12) + 2 * torch.randn(3, 12)[labels]"""
SCRIPT = script().replace(
    "labels = (inputs[:, 0] + inputs[:, 1] > 0).long() + (inputs[:, 2] > 0).long()", GROUPS
)


class LabelErrors(Diagnosis):
    """A share of the labels is wrong."""

    GROUP = DATA
    ROWS, MOST = 150, 1_500
    SHARE, COUNT = 0.05, 15
    """Labels that look wrong, as a share and in all, from which on they are told."""
    ALIKE = 0.6
    """Share of examples whose neighbours mostly have their label: below, neighbours say nothing."""
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
