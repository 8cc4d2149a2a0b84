"""What `pellucid fool` prints for people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pellucid.base.records import Record
from pellucid.cli.output import Voice, table

SHOWN = 10
"""Lines of a table for people; `--json` and the certificates hold everything."""


def print_line(voice: Voice, record: Record, done: int, total: int) -> None:
    """One picture of many, on standard error."""
    told = f"{record['proved']} proved, {record['flipped']} flip, {record['undecided']} undecided"
    voice.log.print(
        f"{done:>5}/{total}  picture {record['index']}, a {record['label']} read as "
        f"{record['answer']}: {told}  {record['seconds']:.2f} s",
        markup=False,
    )


def print_one(voice: Voice, record: Record, path: Path) -> None:
    """The verdict on one picture, with the first values that flip."""
    people = voice.people
    label = f", a {record['label']}," if record["label"] is not None else ""
    people.print(
        f"Picture {record['index']}{label} is read as {record['answer']}.  {record['claim']}",
        markup=False,
        soft_wrap=True,
    )
    people.print(
        f"{record['proved']} pixels proved, {record['flipped']} flip, {record['undecided']} "
        f"undecided of {record['pixels']}, in {record['seconds']:.2f} s",
        markup=False,
    )
    if record["flips"]:
        rows = table("pixel", "values", "becomes", "asked at", right=("values",))
        for flip in record["flips"][:SHOWN]:
            rows.add_row(*_flip(flip), flip["becomes"], in_words(flip["value"]))
        people.print(rows)
        if len(record["flips"]) > SHOWN:
            people.print(f"… and {len(record['flips']) - SHOWN} more", markup=False)
    people.print(f"Certificate:  {path}", markup=False, soft_wrap=True)


def _flip(flip: Record) -> tuple[str, str]:
    values = f"{in_words(flip['low'])} to {in_words(flip['high'])}"
    return f"({flip['row']}, {flip['column']})", values


def in_words(value: Any) -> str:
    """A value of a pixel: one number, or one a channel."""
    many = value if isinstance(value, list) else [value]
    return " ".join(f"{one:.4f}" for one in many)


def print_share(voice: Voice, share: Record, certificates: list[Record], folder: Path) -> None:
    """How many pictures one pixel can fool, and the first of them."""
    people = voice.people
    if share["share_fooled"] is not None:
        people.print(
            f"One pixel changes the answer of {share['fooled']} of {share['asked']} rightly read "
            f"pictures: {_percent(share['share_fooled'])} (95 % interval "
            f"{_percent(share['low'])} to {_percent(share['high'])}).",
            markup=False,
            soft_wrap=True,
        )
    if share["undecided"]:
        people.print(f"{share['undecided']} are undecided.", markup=False)
    if share["wrong"]:
        people.print(f"{share['wrong']} were read wrongly before any change.", markup=False)
    rows = table("picture", "read as", "becomes", "pixel", "from")
    fooled = [one for one in certificates if one["flips"]]
    for record in fooled[:SHOWN]:
        flip = record["flips"][0]
        pixel, values = _flip(flip)
        rows.add_row(str(record["index"]), record["answer"], flip["becomes"], pixel, values)
    if fooled:
        people.print(rows)
    people.print(f"Certificates:  {folder / 'certificates'}", markup=False, soft_wrap=True)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def print_attacked(voice: Voice, found: Record) -> None:
    """Accuracy over budgets; before it what is to be said of the slopes."""
    people = voice.people
    for sentence in found["masking"]:
        people.print(sentence, markup=False, soft_wrap=True)
    rows = table(f"{found['attack']}, budget ({found['norm']})", "read rightly", "95 % interval")
    rows.add_row("none", *_row(found["clean"]))
    for row in found["curve"]:
        rows.add_row(f"{row['budget']:.4g}", *_row(row))
    people.print(rows)
    people.print("An attack finds, it does not prove: a stronger one may find more.", markup=False)


def print_corrupted(voice: Voice, found: Record) -> None:
    """Accuracy over severities."""
    rows = table(f"{found['corruption']} ({found['unit']})", "read rightly", "95 % interval")
    rows.add_row("none", *_row(found["clean"]))
    for row in found["severities"]:
        rows.add_row(f"{row['size']:.4g}", *_row(row))
    voice.people.print(rows)


def _row(row: Record) -> tuple[str, str]:
    return _percent(row["accuracy"]), f"{_percent(row['low'])} to {_percent(row['high'])}"
