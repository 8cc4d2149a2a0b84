"""The same questions put to two networks, picture by picture."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.base.records import Record
from pellucid.lab.compare import paired_interval


def paired(here: Sequence[bool], there: Sequence[bool]) -> Record:
    """By how much the share of true answers is larger here than there, on the same pictures.

    The interval is that of paired shares (see `paired_interval`): what the two have in common does
    not blur their difference.
    """
    pairs = list(zip(here, there, strict=True))
    only_here = sum(a and not b for a, b in pairs)
    only_there = sum(b and not a for a, b in pairs)
    low, high = paired_interval(only_there, only_here, len(pairs))
    return {
        "value": (only_here - only_there) / max(1, len(pairs)),
        "low": low,
        "high": high,
        "only_here": only_here,
        "only_there": only_there,
        "pictures": len(pairs),
    }


def fooled_beside(here: Sequence[Record], there: Sequence[Record]) -> Record:
    """The difference of the shares that one pixel fools, from two networks' certificates.

    Only pictures count that both read rightly and that are settled for both: a flip is known, or
    every pixel is proved. `left_out` says how many are not.
    """
    both = list(zip(here, there, strict=True))
    settled = [(bool(a["flipped"]), bool(b["flipped"])) for a, b in both if _counts(a, b)]
    difference = paired([a for a, _ in settled], [b for _, b in settled])
    return {**difference, "left_out": len(both) - len(settled)}


def _counts(*certificates: Record) -> bool:
    return all(
        one["label"] in (None, one["answer"]) and (one["flipped"] or not one["undecided"])
        for one in certificates
    )
