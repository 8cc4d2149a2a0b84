"""What every convolution makes of one picture a class: its maps, and how far a cell sees.

The maps are taken right after the convolution, before norm, pooling and activation function, so
they have both signs.
"""

from __future__ import annotations

import math

from torch import Tensor, nn

from pellucid.base.records import Record
from pellucid.inside.listen import describe, listening, title
from pellucid.inside.receptive import receptive_fields
from pellucid.inside.subject import Reading, Subject

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)
MAPS = 64
"""Maps kept of a layer."""
NUMBERS = 2_000_000
"""Numbers kept of a layer, for all pictures together: 8 MB."""


def measure(subject: Subject) -> Reading:
    """`maps.<layer>` (picture, map, row, column), and `pictures` as the data set stores them."""
    names = [
        name
        for name, module in subject.network.named_modules()
        if (title(name) in subject.layers if subject.layers else isinstance(module, CONVOLUTIONS))
    ]
    if not names or len(subject.shape) != 3:
        reason = "The network has no two-dimensional convolution: there are no maps to show."
        return Reading({"layers": [], "pictures": [], **_told([reason])})
    maps: dict[str, Tensor] = {}
    layers: dict[str, Record] = {}

    def keep(name: str, module: nn.Module, answer: Tensor) -> None:
        if answer.ndim != 4:
            return
        kept = _count(answer)
        maps[f"maps.{title(name)}"] = answer[:, :kept].float().contiguous().clone()
        layers[name] = _facts(name, module, answer, kept)

    with listening(subject.network, names, keep):
        subject.network(subject.shown)
    why = "was never called, or its answer is no map"
    skipped = [f"{title(name)} {why}." for name in names if name not in layers]
    skipped += _add_receptive_fields(subject, layers)
    facts = {
        "layers": list(layers.values()),
        "pictures": subject.pictures,
        "moment": "right after the convolution, before norm, pooling and activation function",
    }
    tensors = {"pictures": subject.stored, "inputs": subject.shown, "labels": subject.labels}
    return Reading({**facts, **_told(skipped)}, {**tensors, **maps})


def _count(answer: Tensor) -> int:
    """How many maps of (picture, map, row, column) are kept."""
    cells = len(answer) * math.prod(answer.shape[2:])
    return max(1, min(answer.shape[1], MAPS, NUMBERS // max(1, cells)))


def _facts(name: str, module: nn.Module, answer: Tensor, kept: int) -> Record:
    return {
        "name": title(name),
        "kind": describe(module),
        "channels": answer.shape[1],
        "kept": kept,
        "height": answer.shape[2],
        "width": answer.shape[3],
        "kernel": list(module.kernel_size) if isinstance(module, CONVOLUTIONS) else None,
        "receptive_field": None,
    }


def _add_receptive_fields(subject: Subject, layers: dict[str, Record]) -> list[str]:
    """Write how many rows and columns a cell sees; a reason where the network refuses NaN."""
    example = subject.shown[0]
    if not example.is_floating_point():
        return ["How far a cell sees was not measured: the input is not a picture of numbers."]
    try:
        fields = receptive_fields(subject.network, list(layers), example)
    except Exception as error:  # a user's module may refuse NaN with any error of its own
        return [f"How far a cell sees was not measured: the network refuses NaN ({error})."]
    for name, (rows, columns) in fields.items():
        layers[name]["receptive_field"] = [rows, columns]
    return []


def _told(skipped: list[str]) -> Record:
    return {
        "error": 0.0,
        "limits": [
            f"At most {MAPS} maps of a layer are kept, the first ones.",
            "How far a cell sees is cut off at the picture's border.",
        ],
        "skipped": skipped,
    }
