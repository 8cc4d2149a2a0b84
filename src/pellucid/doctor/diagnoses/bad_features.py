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


def _twins(columns: Tensor, numbers: Tensor) -> list[tuple[int, int]]:
    """Pairs of columns that are equal in every example."""
    return [
        (int(numbers[a]), int(numbers[b]))
        for a in range(columns.shape[1])
        for b in range(a + 1, columns.shape[1])
        if torch.equal(columns[:, a], columns[:, b])
    ]


DIAGNOSIS = BadFeatures
