"""A trained network's answer to new pictures."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from pellucid.base.errors import WrongUse
from pellucid.train.runs import Run

BATCH = 500


def predict(run: Run, pictures: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Probabilities (n, classes) for uint8 pictures (n, c, h, w) as the data set holds them.

    They are the network's own belief: it knows no class for "none of these".
    Raises `WrongUse` for a run that does not classify, `BadData` for pictures of another shape.
    """
    check_classifies(run)
    batches = torch.split(run.prepare(pictures), BATCH)
    with torch.inference_mode():
        scores = torch.cat([run.network(batch).double() for batch in batches])
    beliefs: NDArray[np.float64] = torch.softmax(scores, dim=1).numpy()
    return beliefs


def check_classifies(run: Run) -> None:
    """Refuse a run of another task, and say what can be done with it."""
    task = run.recipe.task
    if task == "classify":
        return
    other = (
        f"pellucid sample {run.name}"
        if run.data["kind"] == "symbols"
        else (
            f"see its pictures in {run.folder / 'report.html'}, or train one: pellucid train "
            f"{run.recipe.dataset}"
        )
    )
    raise WrongUse(
        f"run {run.name}", f"the task {task}, which names no classes", "the task classify", other
    )
