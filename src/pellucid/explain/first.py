"""What a finished run's report shows of where its numbers come from."""

from __future__ import annotations

from pellucid.base.records import Record
from pellucid.data.dataset import Dataset
from pellucid.explain.down import way_down
from pellucid.explain.explained import Explained
from pellucid.explain.grids import grids_of
from pellucid.explain.recorded import Recorded
from pellucid.explain.subject import of_run
from pellucid.train.runs import Run

TOP = 8


def first_explanations(run: Run, data: Dataset) -> list[Record]:
    """The largest score of the first validation picture, and the first layer's number behind it.

    Empty for tasks that give no scores.
    """
    if run.recipe.task != "classify":
        return []
    subject = of_run(run, "0", 1, "forward", data)
    recorded = subject.record()
    way = [step for step in way_down(recorded.largest_output()) if isinstance(step, Explained)]
    chosen = [way[0], way[-1]] if len(way) > 1 else way
    return [_record(recorded, step, subject.about) for step in chosen]


def _record(recorded: Recorded, found: Explained, about: str) -> Record:
    shown = found.top(TOP) if len(found.terms) > TOP else found
    windows = [grid.as_record() for grid in grids_of(recorded, found)[:1]]
    return {**shown.as_record(), "about": about, "windows": windows}
