"""The page about the single-pixel proof: what `fool.py` measured, in words and tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import results_page

LIMIT = 60
"""CPU seconds for the verdict on one picture of the table."""


def write_page(measured: dict[str, Any]) -> None:
    """Everything that was measured, into the results page."""
    parts = [results_page.machine(), "CPU seconds of one thread, on a machine with other work."]
    for name, words in PARTS.items():
        if name in measured:
            parts.append(words(measured[name]))
    results_page.write("fool", "\n\n".join(parts))


def _speed(one: dict[str, Any]) -> str:
    return (
        f"**Proof of one MNIST picture, convnet** ({one['pictures']} validation pictures): all 784 "
        f"pixels decided for {one['decided']}; median {one['median']:.2f} s, at worst "
        f"{one['worst']:.2f} s. Enumerating 784 × 256 forwards in batches of 256 (one row of "
        f"pixels timed three times, the fastest, times 28): {one['enumeration']:.1f} s, "
        f"**{one['ratio']:.0f} times** as long."
    )


def _agreement(rows: list[dict[str, Any]]) -> str:
    head = ["network", "pictures", "changes asked", "of these flip", "missed by the proof",
            "claimed and not so", "undecided pixels"]  # fmt: skip
    lines = [
        [one["name"], str(one["pictures"])]
        + [f"{one[key]:,}" for key in ("levels", "flipping", "missed", "wrong", "undecided")]
        for one in rows
    ]
    told = (
        "**Against enumeration.** Left out are levels within 1/32,768 of an interval's end, and "
        "values of a pixel that are told as open.\n\n"
    )
    return told + results_page.table(head, lines)


def _evolution(rows: list[dict[str, Any]]) -> str:
    head = ["network", "pictures", "fooled by evolution", "its time", "by the proof", "its time",
            "by evolution alone"]  # fmt: skip
    lines = [
        [
            one["name"],
            str(one["pictures"]),
            str(one["by_evolution"]),
            f"{one['evolution_seconds']:.0f} s",
            str(one["by_proof"]),
            f"{one['proof_seconds']:.0f} s",
            str(one["only_evolution"]),
        ]
        for one in rows
    ]
    return (
        "**Against differential evolution as published** (400 candidates, 75 generations). The "
        "proof tells every pixel and value.\n\n" + results_page.table(head, lines)
    )


def _hunts(rows: list[dict[str, Any]]) -> str:
    head = ["network", "pictures that one pixel fools", "proof", "found by evolution", "its time"]
    lines = [
        [one["name"], str(one["pictures"]), f"{one['proof_seconds']:.0f} s",
         str(one["by_evolution"]), f"{one['evolution_seconds']:.0f} s"]
        for one in rows
    ]  # fmt: skip
    told = (
        "**The same attack on the pictures of the table of which the proof knows a flip.** It ends "
        "at the first one; the proof tells every pixel and value.\n\n"
    )
    return told + results_page.table(head, lines)


def _pgd(one: dict[str, Any]) -> str:
    head = ["budget (ℓ∞)", "pellucid", "torchattacks 3.5.1"]
    lines = [
        [f"{row['budget']:g}", f"{100 * row['ours']:.1f} %", f"{100 * row['theirs']:.1f} %"]
        for row in one["rows"]
    ]
    told = f"**PGD**, 40 steps of a quarter of the budget, {one['pictures']} MNIST pictures, dense."
    return told + " Robust accuracy:\n\n" + results_page.table(head, lines)


def _table(rows: list[dict[str, Any]]) -> str:
    head = ["network", "test pictures", "read rightly", "one pixel fools", "95 % interval",
            "undecided", "median time"]  # fmt: skip
    lines = [
        [
            one["name"],
            f"{one['pictures']:,}",
            f"{one['asked']:,}",
            f"**{100 * one['share_fooled']:.1f} %** ({one['fooled']})",
            f"{100 * one['low']:.1f} % to {100 * one['high']:.1f} %",
            str(one["undecided"]),
            f"{one['seconds']:.2f} s",
        ]
        for one in rows
    ]
    return (
        "**The share of pictures that one pixel can fool.** `mnist` is grey, `cifar` are the "
        "pictures of `cifar10-pictures`, as many of each class; of `mnist` the first ones. "
        "Undecided are rightly read pictures for which there was "
        f"neither a flip nor a proof of all pixels within {LIMIT} s.\n\n"
        + results_page.table(head, lines)
    )


PARTS: dict[str, Callable[[Any], str]] = {
    "speed": _speed,
    "agreement": _agreement,
    "evolution": _evolution,
    "hunted": _hunts,
    "pgd": _pgd,
    "table": _table,
}
