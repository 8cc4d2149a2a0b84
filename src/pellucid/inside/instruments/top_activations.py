"""What excites a unit most: nine pictures with the part it saw, its classes, its partners.

A unit is read after the norm and activation function of its layer, at its strongest cell.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pellucid.base.records import Record
from pellucid.inside.listen import as_maps, tapping
from pellucid.inside.points import Point, points_of
from pellucid.inside.receptive import Windows, windows
from pellucid.inside.subject import Gallery, Reading, Subject
from pellucid.inside.telling import class_answers, strongest_answers

BEST = 9
UNITS = 24
"""Units of a layer that are looked at; all up to 128 where the layer was asked for."""
ASKED = 128
FOR_PARTNERS = 32
"""Examples over which the partners' contributions are averaged."""
PARTNERS = 3


def measure(subject: Subject) -> Reading:
    """`layers[].units[].top[]` with the boxes seen; `pictures` (k, c, h, w); class means."""
    if not subject.is_pictures:
        return Reading({"layers": [], **_told(["The examples are no pictures: no crops to show."])})
    points = points_of(subject.network, subject.shown[:1], subject.layers)
    most = ASKED if subject.layers else UNITS
    many = subject.many
    strongest = strongest_answers(subject, [point.read for point in points], most)
    seen, refused = _windows(subject, points)
    kept = _Kept(many)
    layers: list[Record] = []
    tensors: dict[str, Tensor] = {}
    for point in points:
        values, cells = strongest[point.read]
        units = [
            _unit(unit, values[:, unit], cells[:, unit], point, seen.get(point.read), kept, subject)
            for unit in range(values.shape[1])
        ]
        layers.append(_facts(point, seen.get(point.read), units))
    _add_partners(subject, points, layers)
    tensors["pictures"] = kept.pictures()
    skipped = [] if points else ["The network has no layer with weights that was heard."]
    return Reading({"layers": layers, "examples": len(many), **_told(skipped + refused)}, tensors)


def _windows(subject: Subject, points: list[Point]) -> tuple[dict[str, Windows], list[str]]:
    """What each cell sees; a reason where the network refuses NaN."""
    reads = sorted({point.read for point in points})
    try:
        return windows(subject.network, reads, subject.shown[0]), []
    except Exception as error:  # a user's module may refuse NaN with any error of its own
        reason = f"How far a cell sees was not measured: the network refuses NaN ({error})."
        return {}, [reason]


class _Kept:
    """The pictures that are shown, each once."""

    def __init__(self, many: Gallery) -> None:
        self.many = many
        self.places: dict[int, int] = {}

    def place(self, index: int) -> int:
        return self.places.setdefault(index, len(self.places))

    def pictures(self) -> Tensor:
        return self.many.stored[list(self.places)].clone()


def _unit(
    unit: int,
    values: Tensor,
    cells: Tensor,
    point: Point,
    seen: Windows | None,
    kept: _Kept,
    subject: Subject,
) -> Record:
    order = values.argsort(descending=True, stable=True)[:BEST].tolist()
    labels = subject.many.labels
    top: list[Record] = []
    for index in order:
        row, column = divmod(int(cells[index]), point.columns)
        top.append(
            {
                "index": index,
                "picture": kept.place(index),
                "class": _name(subject, labels, index),
                "value": float(values[index]),
                "cell": [row, column],
                "box": seen.box(row, column) if seen else None,
            }
        )
    silent = bool((values == values[0]).all()) and len(values) > 1
    return {"unit": unit, "top": top, "silent": silent, **class_answers(values, labels, subject)}


def _name(subject: Subject, labels: Tensor, index: int) -> str:
    if labels.ndim != 1 or not subject.classes:
        return ""
    return subject.classes[int(labels[index])]


def _facts(point: Point, seen: Windows | None, units: list[Record]) -> Record:
    return {
        "name": point.title,
        "kind": point.kind,
        "read": point.moment,
        "units_in_all": point.units,
        "rows": point.rows,
        "columns": point.columns,
        "receptive_field": list(seen.largest) if seen else None,
        "units": units,
    }


def _add_partners(subject: Subject, points: list[Point], layers: list[Record]) -> None:
    """Write `before` and `after` into each unit: whom it hears and who hears it.

    A partner's contribution is its activation times the gradient of the unit's strongest answer
    with respect to it, summed over cells, averaged over examples.
    """
    for earlier, later, here, there in zip(points, points[1:], layers, layers[1:], strict=False):
        shares = _contributions(subject, earlier, later, len(there["units"]))
        if shares is None:
            continue
        for unit, row in zip(there["units"], shares, strict=True):
            unit["before"] = _largest(row)
        for unit in here["units"]:
            unit["after"] = _largest(shares[:, unit["unit"]])


def _contributions(subject: Subject, earlier: Point, later: Point, count: int) -> Tensor | None:
    """(later unit, earlier unit); None where the later layer does not hear the earlier one."""
    inputs = subject.many.inputs[:FOR_PARTNERS]
    with torch.enable_grad():
        given = inputs.detach().clone().requires_grad_(inputs.is_floating_point())
        with tapping(subject.network, [earlier.read, later.read]) as tapped:
            subject.network(given)
        before, after = tapped.get(earlier.read), tapped.get(later.read)
        if before is None or after is None or not before.requires_grad or before is after:
            return None
        peaks = as_maps(after).flatten(2).amax(dim=2).sum(dim=0)
        rows = []
        for unit in range(count):
            (slope,) = torch.autograd.grad(
                peaks[unit], before, retain_graph=True, allow_unused=True
            )
            if slope is None:
                return None
            rows.append(as_maps((slope * before).detach()).sum(dim=(0, 2, 3)) / len(inputs))
    return torch.stack(rows)


def _largest(shares: Tensor) -> list[Record]:
    order = shares.abs().argsort(descending=True, stable=True)[:PARTNERS].tolist()
    return [{"unit": unit, "share": float(shares[unit])} for unit in order if shares[unit] != 0]


def _told(skipped: list[str]) -> Record:
    return {
        "error": 0.0,
        "limits": [
            f"The first {UNITS} units of a layer are looked at, {ASKED} of a layer that was asked "
            "for.",
            "A picture counts once for a unit, with its strongest cell; what a cell sees is cut "
            "off at the picture's border.",
            "Partners are the layers met one before and one after in the order of the forward "
            "pass; a path around a layer is not followed.",
        ],
        "skipped": skipped,
    }
