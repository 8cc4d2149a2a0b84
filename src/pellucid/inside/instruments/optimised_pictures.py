"""Pictures made up to excite a unit, from several beginnings, so that the spread is seen.

Source: Erhan et al. 2009, Visualizing higher-layer features; jitter and total variation as in
Olah, Mordvintsev, Schubert 2017, in sizes that fit 28 and 32 pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pellucid.base.records import Record
from pellucid.base.seeds import named_seed
from pellucid.inside.listen import as_maps, tapping
from pellucid.inside.points import Point, points_of
from pellucid.inside.subject import Reading, Subject
from pellucid.inside.telling import class_answers, strongest_answers

SEEDS = 4
UNITS = 8
AMONG = 64
LAYERS = 5
STEPS = 64
RATE = 0.25
JITTER = 1 / 16
"""The share of the picture by which it is moved at each step, so that no single pixel matters."""
SMOOTH = 1.0
"""The price of differences between neighbours, in spreads of the unit's answers."""


def measure(subject: Subject) -> Reading:
    """`pictures.<layer>` (unit, seed, c, h, w) with values in 0…1 from black to white."""
    if not subject.is_pictures or not subject.shown.is_floating_point():
        return Reading({"layers": [], **_told(["The examples are no pictures of numbers."])})
    points = _chosen(subject)
    if not points:
        return Reading({"layers": [], **_told(["The network has no layer with weights."])})
    natural = strongest_answers(subject, [point.drive for point in points], AMONG)
    layers: list[Record] = []
    tensors: dict[str, Tensor] = {}
    skipped: list[str] = []
    for point in points:
        values = natural[point.drive][0]
        units = _telling(values, subject)
        spread = values[:, units].std(dim=0, correction=0)
        made = _made(subject, point, units, torch.where(spread > 0, spread, 1.0))
        if made is None:
            skipped.append(f"{point.title}: PyTorch has no way back to the picture.")
            continue
        pictures, reached = made
        tensors[f"pictures.{point.title}"] = pictures
        entries = [_facts(unit, values[:, unit], reached[place], pictures[place])
                   for place, unit in enumerate(units)]  # fmt: skip
        layers.append({"name": point.title, "units": entries})
    return Reading({"layers": layers, **_told(skipped)}, tensors)


def _chosen(subject: Subject) -> list[Point]:
    """The layers asked for, else at most `LAYERS` at even distances with the last among them."""
    points = points_of(subject.network, subject.shown[:1], subject.layers)
    if subject.layers or len(points) <= LAYERS:
        return points
    places = torch.linspace(0, len(points) - 1, LAYERS).round().long()
    return [points[int(place)] for place in places]


def _telling(values: Tensor, subject: Subject) -> list[int]:
    """The units that tell classes apart best, else the first ones."""
    count = min(UNITS, values.shape[1])
    told = [class_answers(values[:, unit], subject.many.labels, subject)["selectivity"]
            for unit in range(values.shape[1])]  # fmt: skip
    if any(one is None for one in told) or values.shape[1] <= 2 * UNITS:
        return list(range(count))
    order = torch.tensor(told).argsort(descending=True, stable=True)[:count]
    return [int(unit) for unit in order.sort().values]


def _made(
    subject: Subject, point: Point, units: list[int], spread: Tensor
) -> tuple[Tensor, Tensor] | None:
    """Pictures (unit, seed, c, h, w) in 0…1 and the answers that they reach (unit, seed)."""
    chance = torch.Generator().manual_seed(named_seed(subject.seed, "optimised", point.name))
    shape = (len(units) * SEEDS, *subject.shape)
    levels = (0.3 * torch.randn(shape, generator=chance)).requires_grad_()
    wanted = torch.tensor(units).repeat_interleave(SEEDS)
    size = spread.repeat_interleave(SEEDS)
    optimiser = torch.optim.Adam([levels], lr=RATE)
    far = int(JITTER * min(subject.shape[1:]))
    with torch.enable_grad():
        for _ in range(STEPS):
            moves = torch.randint(-far, far + 1, (2,), generator=chance).tolist()
            shares = torch.sigmoid(levels)
            answers = _answers(subject, point, shares.roll(moves, (2, 3)), wanted)
            if not answers.requires_grad:
                return None
            rough = _roughness(shares)
            loss = (SMOOTH * rough - answers / size).sum()
            (slope,) = torch.autograd.grad(loss, levels)
            levels.grad = slope
            optimiser.step()
    shares = torch.sigmoid(levels).detach()
    reached = _answers(subject, point, shares, wanted).detach()
    return shares.view(len(units), SEEDS, *subject.shape), reached.view(len(units), SEEDS)


def _roughness(shares: Tensor) -> Tensor:
    """The mean squared difference of neighbours (n,), times the number of pixels across."""
    down, across = shares.diff(dim=2).square(), shares.diff(dim=3).square()
    wide = shares.shape[-1]
    return wide * (down.mean(dim=(1, 2, 3)) + across.mean(dim=(1, 2, 3)))


def _answers(subject: Subject, point: Point, shares: Tensor, wanted: Tensor) -> Tensor:
    """Each picture's unit at the middle cell (n,)."""
    black = subject.black if subject.black is not None else torch.zeros(subject.shape)
    white = subject.white if subject.white is not None else torch.ones(subject.shape)
    with tapping(subject.network, [point.drive]) as tapped:
        subject.network(black + shares * (white - black))
    maps = as_maps(tapped[point.drive])
    middle = maps[:, :, maps.shape[2] // 2, maps.shape[3] // 2]
    return middle.gather(1, wanted[:, None])[:, 0]


def _facts(unit: int, natural: Tensor, reached: Tensor, pictures: Tensor) -> Record:
    flat = pictures.flatten(1).double()
    flat = flat - flat.mean(dim=1, keepdim=True)
    flat = flat / flat.norm(dim=1, keepdim=True).clamp(min=1e-12)
    alike = flat @ flat.T
    pairs = [float(alike[one, two]) for one in range(SEEDS) for two in range(one)]
    return {
        "unit": unit,
        "reached": [float(value) for value in reached],
        "natural": float(natural.max()),
        "alike": sum(pairs) / len(pairs),
    }


def _told(skipped: list[str]) -> Record:
    return {
        "error": 0.0,
        "limits": [
            f"Of each layer {UNITS} units, those that tell classes apart best among the first "
            f"{AMONG}, of at most {LAYERS} layers unless some were asked for.",
            "A made-up picture shows one thing that excites a unit; what differs between the "
            "beginnings is not needed for it.",
        ],
        "skipped": skipped,
    }
