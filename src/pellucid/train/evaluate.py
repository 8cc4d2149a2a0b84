"""Judge a network on one split, in eval mode, without changing it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from pellucid.base.records import Record
from pellucid.base.seeds import named_seed
from pellucid.data.dataset import Split
from pellucid.train.task import Arrays, Task

BATCH = 500


@dataclass(frozen=True)
class Evaluation:
    """What judging a split gave."""

    summary: Record
    """The metric with its interval, and the task's further numbers."""
    judged: Arrays
    """Numbers for each example, in the split's order."""
    keepsakes: dict[str, Tensor]
    """Pictures for the report: `index`, `inputs`, and `output` and `target` where restored."""


def evaluate(
    network: nn.Module,
    task: Task,
    split: Split,
    device: torch.device,
    seed: int = 0,
    keep: bool = False,
) -> Evaluation:
    """Every example of `split` once. The same `seed` poses the same questions (noise, holes).

    Formula of the order: batches of 500 from the first example on; the network's mode is put
    back afterwards. With `keep`, the task's keepsakes are run again and kept as tensors.
    """
    was_training = network.training
    network.eval()
    rows: dict[str, list[Tensor]] = {}
    try:
        with torch.inference_mode():
            for inputs, target in batches(task, split, device, seed):
                judged = task.judge(network(inputs), target, inputs)
                for name, values in judged.items():
                    rows.setdefault(name, []).append(values.cpu())
            arrays: Arrays = {name: torch.cat(values).numpy() for name, values in rows.items()}
            summary = task.summary(arrays, split.labels)
            kept = _keepsakes(network, task, split, device, seed, arrays, summary) if keep else {}
    finally:
        network.train(was_training)
    return Evaluation(summary, arrays, kept)


def batches(
    task: Task, split: Split, device: torch.device, seed: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """(inputs, targets) for the whole split, in its order."""
    for first in range(0, len(split), BATCH):
        yield question(task, split, first, device, seed)


def question(
    task: Task, split: Split, first: int, device: torch.device, seed: int
) -> tuple[Tensor, Tensor]:
    """The batch of 500 that begins at `first`, as the task poses it."""
    chance = torch.Generator(device).manual_seed(named_seed(seed, "judge", first))
    examples = torch.from_numpy(split.inputs[first : first + BATCH]).to(device)
    labels = torch.from_numpy(split.labels[first : first + BATCH]).to(device)
    return task.pose(task.prepare(examples), labels, chance)


def _keepsakes(
    network: nn.Module,
    task: Task,
    split: Split,
    device: torch.device,
    seed: int,
    arrays: Arrays,
    summary: Record,
) -> dict[str, Tensor]:
    places = task.keepsakes(arrays, split.labels, summary)
    if not places:
        return {}
    kept: dict[str, list[Tensor]] = {"inputs": [], "output": [], "target": []}
    for place in places:
        first = place - place % BATCH
        inputs, target = question(task, split, first, device, seed)
        one = slice(place - first, place - first + 1)
        kept["inputs"].append(inputs[one].cpu())
        output = network(inputs[one]).float()
        kept["output"].append(task.answer(output, target[one], inputs[one]).cpu())
        kept["target"].append(task.truth(target[one]).cpu())
    return {
        "index": torch.tensor(places),
        "stored": torch.from_numpy(np.ascontiguousarray(split.inputs[places])),
        "labels": torch.from_numpy(split.labels[places]),
        **{name: torch.cat(values) for name, values in kept.items()},
    }
