"""Features that are missing, not finite, constant or there twice."""

from __future__ import annotations

import re

import torch
from torch import Tensor

from pellucid.doctor.cases import script
from pellucid.doctor.diagnosis import DATA, Diagnosis, last_step, plural
from pellucid.doctor.examples import learnt
from pellucid.doctor.finding import SUGGESTION, Finding
from pellucid.watch.captured import Captured
from pellucid.watch.trace import Trace

HOLE = "\ninputs[::7, 4] = float({!r})\n\nnetwork ="

REFUSED = re.compile(r"contains (nan|inf)|non-finite values|nan to integer", re.IGNORECASE)
"""What scikit-learn, pandas and Python say of numbers that are none."""


class BadFeatures(Diagnosis):
    """Features that are missing, not finite, constant or there twice."""

    GROUP = DATA
    EXPLAINS = ("non-finite-values", "samples-mixed")
    ROWS = 100
    COLUMNS = 100
    """Columns of a table at most; pictures laid flat have constant borders."""
    CONSTANT = 0.5
    """Share of constant columns that is told."""
    OFTEN, MOSTLY, KINDS = 0.01, 0.6, 10
    """A mark for what is missing stands in such a share of the rows, and the column has so many
    other values."""
    FAR = 2.0
    """How far a mark lies from all other values at least, in their whole spread."""
    SICK = script().replace("\n\nnetwork =", HOLE.format("nan"))
    HEALTHY = script().replace("\n\nnetwork =", HOLE.format("0"))

    def find(self, trace: Trace) -> Finding | None:
        if trace.crash is not None and REFUSED.search(trace.crash.text):
            return self.proven(
                trace.crash.line,
                [f"The preparation of the data refused them: {trace.crash.text}"],
                "fill or leave out what is missing or infinite before that line",
            )  # fmt: skip
        found = trace.not_finite
        if found is None or found.where != "the input":
            return None
        return self.proven(
            found.line,
            [f"Not a number, or infinite, at step {found.step}: {found.what}. The loss was not "
             "finite from there on."],
            "fill or leave out what is missing before training, and look for divisions by 0 in the "
            "preparation",
            step=found.step,
        )  # fmt: skip

    def look(self, trace: Trace, captured: Captured) -> Finding | None:
        table = learnt(captured)
        if table is None or table.inputs.ndim != 2 or len(table.inputs) < self.ROWS:
            return None
        columns = table.flat
        if columns.shape[1] > self.COLUMNS or not bool(torch.isfinite(columns).all()):
            return None
        constant = (columns == columns[0]).all(0)
        twins = _twins(columns[:, ~constant], (~constant).nonzero().flatten())
        many = float(constant.double().mean()) >= self.CONSTANT
        marked = {k: m for k in range(columns.shape[1]) if (m := self._mark(columns[:, k]))}
        if marked:
            return self._marked(trace, marked, len(columns))
        if not many and not twins:
            return None
        evidence = []
        if many:
            evidence.append(
                f"{int(constant.sum())} of {columns.shape[1]} columns have one value in all "
                f"{len(columns):,} kept examples."
            )
        if twins:
            pairs = ", ".join(f"{a} = {b}" for a, b in twins[:4])
            evidence.append(
                f"{plural(len(twins), 'pair')} of columns are equal throughout: {pairs}."
            )
        mend = "look whether these columns are filled rightly, and leave out what says nothing"
        numbers = {"constant": int(constant.sum()), "pairs": [list(pair) for pair in twins]}
        line = last_step(trace)
        if many:
            return self.proven(line, evidence, mend, SUGGESTION, **numbers)
        return self.suspected(line, evidence, mend, **numbers)

    def _mark(self, column: Tensor) -> tuple[float, int] | None:
        """The value, and how often it stands there, that lies far away from all others."""
        for value in (float(column.min()), float(column.max())):
            rest, count = column[column != value], int((column == value).sum())
            if not self.OFTEN <= count / len(column) <= self.MOSTLY:
                continue
            gap = float((rest - value).abs().min())
            wide = self.FAR * float(rest.max() - rest.min())
            if gap >= wide and len(torch.unique(rest)) >= self.KINDS:
                return value, count
        return None

    def _marked(self, trace: Trace, marked: dict[int, tuple[float, int]], rows: int) -> Finding:
        shown = "; ".join(
            f"column {k} is {value:.4g} in {count}"
            for k, (value, count) in list(marked.items())[:4]
        )
        return self.proven(
            last_step(trace),
            [f"In {plural(len(marked), 'column')} one value stands far away from all others, by "
             f"{self.FAR:g} times their spread and more, like a mark for what is missing: {shown} "
             f"of {rows:,} kept examples."],
            "fill what is missing with the column's median, and say in a column of its own where",
            SUGGESTION, columns=sorted(marked),
        )  # fmt: skip


def _twins(columns: Tensor, numbers: Tensor) -> list[tuple[int, int]]:
    """Pairs of columns that are equal in every example."""
    return [
        (int(numbers[a]), int(numbers[b]))
        for a in range(columns.shape[1])
        for b in range(a + 1, columns.shape[1])
        if torch.equal(columns[:, a], columns[:, b])
    ]


DIAGNOSIS = BadFeatures
