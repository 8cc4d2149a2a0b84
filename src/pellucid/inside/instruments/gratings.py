"""Which units are tuned to edges, strokes or blobs: measured with gratings and discs.

Each unit of a convolution is read at its middle cell. A unit is oriented if its tuning is sharper
than that of 95 % of filters with the same weights in shuffled places.
Source: orientation selectivity as 1 − circular variance, Ringach, Shapley, Hawken 2002.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pellucid.base.records import Record
from pellucid.base.seeds import named_seed
from pellucid.inside.listen import listening
from pellucid.inside.points import Point, points_of
from pellucid.inside.receptive import windows
from pellucid.inside.subject import Reading, Subject

ANGLES = 12
PHASES = 8
PERIODS = (1.0, 0.75, 0.5, 0.35)
"""Of a grating, as shares of what a cell sees."""
SHORTEST = 2.5
"""Pixels of a period at least: below, a grating is not a grating any more."""
SHUFFLES = 8
UNITS = 64
LAYERS = 6


def measure(subject: Subject) -> Reading:
    """`tuning.<layer>` (unit, angle): how far the answer swings; kinds of units in the facts."""
    modules = dict(subject.network.named_modules())
    if not subject.is_pictures or not subject.shown.is_floating_point():
        return Reading({"layers": [], **_told(["The examples are no pictures of numbers."])})
    points = [
        point
        for point in points_of(subject.network, subject.shown[:1], subject.layers)
        if isinstance(modules[point.name], nn.Conv2d)
    ]
    if not points:
        reason = "The network has no two-dimensional convolution to show gratings to."
        return Reading({"layers": [], **_told([reason])})
    points = points[:LAYERS]
    try:
        seen = windows(subject.network, [point.name for point in points], subject.shown[0])
    except Exception as error:  # a user's module may refuse NaN with any error of its own
        reason = f"What a cell sees is unknown: the network refuses NaN ({error})."
        return Reading({"layers": [], **_told([reason])})
    skipped, layers, tensors = [], [], {}
    for point in points:
        cells = seen[point.name].top.shape
        box = seen[point.name].box(cells[0] // 2, cells[1] // 2)
        if modules[point.name].kernel_size == (1, 1):
            skipped.append(f"{point.title}: a 1 × 1 filter has no direction of its own.")
            continue
        found, tuning = _layer(subject, point, box)
        layers.append(found)
        tensors[f"tuning.{point.title}"] = tuning
    return Reading({"layers": layers, "angles": _degrees(), **_told(skipped)}, tensors)


def _degrees() -> list[float]:
    return [180 * place / ANGLES for place in range(ANGLES)]


def _layer(subject: Subject, point: Point, box: list[int]) -> tuple[Record, Tensor]:
    top, bottom, left, right = box
    seen = min(bottom - top + 1, right - left + 1)
    periods = sorted({max(SHORTEST, share * seen) for share in PERIODS}, reverse=True)
    centre = ((top + bottom) / 2, (left + right) / 2)
    pictures = torch.cat([_grating_set(subject, centre, periods), _disc_set(subject, centre, seen)])
    answers = _answers(subject, point, pictures, {})
    gratings = len(periods) * ANGLES * PHASES
    waves = answers[:gratings].view(len(periods), ANGLES, PHASES, -1)
    tuning = tuned(waves)
    sharp = selectivity(tuning)
    chance = _by_chance(subject, point, pictures[:gratings], len(periods))
    bar = float(torch.quantile(chance, 0.95))
    discs, fields = answers[gratings:-2], answers[-2:]
    units = [
        {
            "unit": unit,
            "selectivity": float(sharp[unit]),
            **_kind(waves[..., unit], tuning[unit], float(sharp[unit]) > bar),
            "blob": _is_blob(discs[:, unit], fields[:, unit], waves[..., unit]),
        }
        for unit in range(len(tuning))
    ]
    for one in units:
        one["kind"] = one["kind"] or ("blob" if one.pop("blob") else "neither")
        one.pop("blob", None)
    facts = {
        "name": point.title,
        "sees": [bottom - top + 1, right - left + 1],
        "periods": periods,
        "by_chance": bar,
        "units_in_all": point.units,
        "units": units,
    }
    return facts, tuning


def tuned(waves: Tensor) -> Tensor:
    """(period, angle, phase, unit) → (unit, angle): how far the answer swings with the phase.

    Half the swing at the period that swings most; of a linear filter it is the amplitude of its
    Fourier transform there.
    """
    return ((waves.amax(dim=2) - waves.amin(dim=2)) / 2).amax(dim=0).T


def selectivity(tuning: Tensor) -> Tensor:
    """|Σ R(θ) e^{2iθ}| / Σ R(θ) of (unit, angle): 0 answers to all angles alike, 1 to one."""
    angles = torch.arange(ANGLES, dtype=torch.float64) * (2 * math.pi / ANGLES)
    real, imaginary = tuning.double() @ angles.cos(), tuning.double() @ angles.sin()
    return (real.square() + imaginary.square()).sqrt() / tuning.double().sum(dim=1).clamp(min=1e-12)


def grating(
    height: int, width: int, centre: tuple[float, float], period: float, angle: float, phase: float
) -> Tensor:
    """cos(2π/period · distance along `angle` from the centre + phase), (row, column), in −1…1.

    Angle 0 has upright stripes; phase 0 has a bright stripe in the centre.
    """
    rows = torch.arange(height, dtype=torch.float64).view(-1, 1) - centre[0]
    columns = torch.arange(width, dtype=torch.float64) - centre[1]
    along = columns * math.cos(angle) + rows * math.sin(angle)
    return torch.cos(2 * math.pi / period * along + phase)


def _grating_set(subject: Subject, centre: tuple[float, float], periods: list[float]) -> Tensor:
    """All gratings, (period · angle · phase, c, h, w)."""
    _, height, width = subject.shape
    waves = [
        grating(height, width, centre, period, math.pi * angle / ANGLES,
                2 * math.pi * phase / PHASES)
        for period in periods
        for angle in range(ANGLES)
        for phase in range(PHASES)
    ]  # fmt: skip
    return _given(subject, torch.stack(waves))


def _disc_set(subject: Subject, centre: tuple[float, float], seen: int) -> Tensor:
    """Bright discs on dark and dark ones on bright, of three sizes; then all dark, all bright."""
    _, height, width = subject.shape
    rows = torch.arange(height, dtype=torch.float64).view(-1, 1) - centre[0]
    columns = torch.arange(width, dtype=torch.float64) - centre[1]
    distance = (rows.square() + columns.square()).sqrt()
    discs = []
    for share in (0.15, 0.25, 0.4):
        disc = torch.where(distance <= max(0.75, share * seen), 1.0, -1.0)
        discs += [disc, -disc]
    flat = torch.ones_like(distance)
    return _given(subject, torch.stack([*discs, -flat, flat]))


def _given(subject: Subject, levels: Tensor) -> Tensor:
    """−1…1 (n, h, w) → what the network is given, from black to white in every channel."""
    black = subject.black if subject.black is not None else torch.zeros(subject.shape)
    white = subject.white if subject.white is not None else torch.ones(subject.shape)
    shares = ((levels + 1) / 2).float()[:, None]
    return black + shares * (white - black)


def _answers(
    subject: Subject, point: Point, pictures: Tensor, weights: Mapping[str, Tensor]
) -> Tensor:
    """The middle cell's answers (picture, unit) beyond that to an even grey."""
    grey = _given(subject, torch.zeros(1, *subject.shape[1:]))
    found: list[Tensor] = []

    def keep(_name: str, _module: nn.Module, answer: Tensor) -> None:
        rows, columns = answer.shape[2:]
        found.append(answer[:, :UNITS, rows // 2, columns // 2].double())

    for batch in torch.split(torch.cat([grey, pictures]), 256):
        with listening(subject.network, [point.name], keep):
            torch.func.functional_call(subject.network, dict(weights), (batch,))
    answers = torch.cat(found)
    return answers[1:] - answers[0]


def _by_chance(subject: Subject, point: Point, gratings: Tensor, periods: int) -> Tensor:
    """The selectivity of filters with the same weights in shuffled places, of all shuffles."""
    name = f"{point.name}.weight" if point.name else "weight"
    own = subject.network.state_dict()[name]
    chance = torch.Generator().manual_seed(named_seed(subject.seed, "gratings", point.name))
    found = []
    for _ in range(SHUFFLES):
        flat = own.flatten(2)
        order = torch.rand(len(own), 1, flat.shape[2], generator=chance).argsort(dim=2)
        mixed = flat.gather(2, order.expand_as(flat)).view_as(own).contiguous()
        answers = _answers(subject, point, gratings, {name: mixed})
        found.append(selectivity(tuned(answers.view(periods, ANGLES, PHASES, -1))))
    return torch.cat(found)


def _kind(waves: Tensor, tuning: Tensor, oriented: bool) -> Record:
    """Edge or stroke by the phase at the best angle and period of (period, angle, phase).

    An edge answers most where bright turns to dark at its centre, a stroke where a stripe lies
    there: odd and even parts of the answer over the phase.
    """
    angle = int(tuning.argmax())
    if not oriented:
        return {"kind": "", "angle": None}
    swing = waves[:, angle].amax(dim=1) - waves[:, angle].amin(dim=1)
    period = int(swing.argmax())
    over = waves[period, angle]
    even = float(over[0] - over[PHASES // 2]) / 2
    odd = float(over[PHASES // 4] - over[3 * PHASES // 4]) / 2
    kind = "edge" if abs(odd) > abs(even) else "stroke"
    return {"kind": kind, "angle": 180 * angle / ANGLES, "even": even, "odd": odd}


def _is_blob(discs: Tensor, fields: Tensor, waves: Tensor) -> bool:
    """Whether a disc excites more than any grating and than an even field."""
    return float(discs.max()) > max(float(fields.max()), float(waves.max()))


def _told(skipped: list[str]) -> Record:
    return {
        "error": 1 / (UNITS * SHUFFLES) ** 0.5,
        "limits": [
            f"Of {SHUFFLES} shuffles of each filter 5 % pass for oriented by chance; the error is "
            "about that of a share so counted.",
            f"The first {LAYERS} convolutions and {UNITS} units of each, at the middle cell, "
            "before norm and activation function.",
        ],
        "skipped": skipped,
    }
