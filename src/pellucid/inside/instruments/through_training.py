"""Filters and maps through the run's checkpoints, and when each filter became what it is."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from pellucid.base.records import Record
from pellucid.inside.listen import as_maps, listening, title
from pellucid.inside.subject import Frame, Reading, Subject

FRAMES = 12
FILTERS, MAPS = 8, 6
"""Filters and maps of a layer that are kept frame by frame."""
LAYERS = 6
CLOSE = 0.9
"""The cosine from which a filter counts as the one that it ends as."""


def measure(subject: Subject) -> Reading:
    """`weights.<layer>` (frame, filter, row, column), `maps.<layer>` (frame, map, row, column),
    `likeness.<layer>` (frame, filter): the cosine with the filter's last state.
    """
    if len(subject.film) < 2:
        reason = "Fewer than two checkpoints are known: nothing to be seen through training."
        return Reading({"layers": [], "epochs": [], **_told(0.0, [reason])})
    names = [
        name
        for name, module in subject.network.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear) and _wanted(name, subject)
    ]
    frames = _spread(subject.film)
    epochs = [frame.epoch for frame in frames]
    layers: list[Record] = []
    tensors: dict[str, Tensor] = {}
    for name in names[:LAYERS]:
        weights = torch.stack([frame.weights[_key(name)].float() for frame in frames])
        likeness = _likeness(weights)
        tensors[f"likeness.{title(name)}"] = likeness
        if (pictures := _pictures(weights, subject)) is not None:
            tensors[f"weights.{title(name)}"] = pictures
        layers.append({"name": title(name), **_settled(likeness, epochs)})
    tensors.update(_maps(subject, names[:LAYERS], frames))
    gap = max(later - sooner for sooner, later in pairwise(epochs))
    facts = {"layers": layers, "epochs": epochs, "picture": subject.pictures[0]["class"]}
    skipped = [] if names else ["The network has no convolution or linear layer."]
    return Reading({**facts, **_told(float(gap), skipped)}, tensors)


def _wanted(name: str, subject: Subject) -> bool:
    return not subject.layers or title(name) in subject.layers


def _key(name: str) -> str:
    return f"{name}.weight" if name else "weight"


def _spread(film: tuple[Frame, ...]) -> list[Frame]:
    """At most `FRAMES` of them, the first and the last among them."""
    places = torch.linspace(0, len(film) - 1, min(FRAMES, len(film))).round().long()
    return [film[int(place)] for place in places]


def _likeness(weights: Tensor) -> Tensor:
    """(frame, filter, …) → the cosine of each filter with its last state (frame, filter)."""
    flat = weights.flatten(2).double()
    flat = flat / flat.norm(dim=2, keepdim=True).clamp(min=1e-30)
    likeness: Tensor = (flat * flat[-1]).sum(dim=2)
    return likeness


def _settled(likeness: Tensor, epochs: list[int]) -> Record:
    """The first epoch from which each filter stays close to its last state."""
    close = likeness >= CLOSE
    stays = close.flip(0).cummin(dim=0).values.flip(0)
    first = stays.int().argmax(dim=0)
    settled = [epochs[int(place)] for place in first]
    middle = sorted(settled)[len(settled) // 2]
    return {"settled": settled, "median": middle, "filters": likeness.shape[1]}


def _pictures(weights: Tensor, subject: Subject) -> Tensor | None:
    """The first filters as pictures: of each its strongest input channel at the end."""
    weights = weights[:, :FILTERS]
    if weights.ndim == 3:  # a dense layer: pictures only where it sees pixels
        if not subject.is_pictures or weights.shape[2] != subject.shown[0].numel():
            return None
        weights = weights.view(*weights.shape[:2], *subject.shape)
    strongest = weights[-1].flatten(2).norm(dim=2).argmax(dim=1)
    places = strongest.view(1, -1, 1, 1, 1).expand(len(weights), -1, 1, *weights.shape[3:])
    return weights.gather(2, places).squeeze(2).contiguous()


def _maps(subject: Subject, names: list[str], frames: list[Frame]) -> dict[str, Tensor]:
    """What the layers make of the first shown picture, frame by frame."""
    kept: dict[str, list[Tensor]] = {}

    def keep(name: str, _module: nn.Module, answer: Tensor) -> None:
        maps = as_maps(answer)[0, :MAPS]
        if min(maps.shape[1:]) > 1:
            kept.setdefault(f"maps.{title(name)}", []).append(maps.float().clone())

    for frame in frames:
        with listening(subject.network, names, keep):
            torch.func.functional_call(subject.network, frame.weights, (subject.shown[:1],))
    return {name: torch.stack(maps) for name, maps in kept.items()}


def _told(gap: float, skipped: list[str]) -> Record:
    return {
        "error": gap,
        "limits": [
            f"At most {FRAMES} checkpoints are looked at; when a filter settled is known to the "
            "gap between two of them, in epochs, which is the error.",
            f"Settled means: a cosine of {CLOSE} or more with its last state, from there on. The "
            "untrained network is not kept, so a filter may have settled before the first one.",
        ],
        "skipped": skipped,
    }
