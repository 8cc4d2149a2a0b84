"""What `pellucid fool` prints for people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.base.records import Record
from pellucid.base.wording import a
from pellucid.cli.attacking import difference_in_words, percent
from pellucid.cli.output import Voice, table

if TYPE_CHECKING:
    from pellucid.fool.victim import Victim

SHOWN = 10
"""Lines of a table for people; `--json` and the certificates hold everything."""


def tell_fewer(voice: Voice, count: int | None, victim: Victim) -> None:
    """Say where there are fewer pictures than were asked for."""
    there = len(victim.pictures)
    if count is not None and there < count:
        kind = f"{victim.split} pictures" if victim.split else "pictures"
        told = f"--count {count}: there are only {there} {kind}, and all are asked about."
        voice.log.print(told, markup=False, soft_wrap=True)


def print_line(voice: Voice, record: Record, done: int, total: int) -> None:
    """One picture of many, on standard error."""
    told = f"{record['proved']} proved, {record['flipped']} flip, {record['undecided']} undecided"
    label = f", {a(record['label'])}" if record["label"] is not None else ""
    voice.log.print(
        f"{done:>5}/{total}  picture {record['index']}{label} read as {record['answer']}: "
        f"{told}  {record['seconds']:.2f} s",
        markup=False,
    )


def print_one(voice: Voice, record: Record, path: Path) -> None:
    """The verdict on one picture, with the first values that flip."""
    people = voice.people
    label = f", {a(record['label'])}," if record["label"] is not None else ""
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
            f"pictures: {percent(share['share_fooled'])} (95 % interval "
            f"{percent(share['low'])} to {percent(share['high'])}).",
            markup=False,
            soft_wrap=True,
        )
    if share["undecided"]:
        verb = "is" if share["undecided"] == 1 else "are"
        people.print(f"{share['undecided']} {verb} undecided.", markup=False)
    if share["wrong"]:
        verb = "was" if share["wrong"] == 1 else "were"
        people.print(f"{share['wrong']} {verb} read wrongly before any change.", markup=False)
    rows = table("picture", "read as", "becomes", "pixel", "from")
    right = [one for one in certificates if one["label"] in (None, one["answer"])]
    fooled = [one for one in right if one["flips"]]
    for record in fooled[:SHOWN]:
        flip = record["flips"][0]
        pixel, values = _flip(flip)
        rows.add_row(str(record["index"]), record["answer"], flip["becomes"], pixel, values)
    if fooled:
        people.print(rows)
    people.print(f"Certificates:  {folder / 'certificates'}", markup=False, soft_wrap=True)


def print_beside(voice: Voice, title: str, share: Record, difference: Record) -> None:
    """The other network's share, and by how much this one's is larger, on the same pictures."""
    people = voice.people
    if share["share_fooled"] is not None:
        people.print(
            f"Of {title} it changes {share['fooled']} of {share['asked']}: "
            f"{percent(share['share_fooled'])} (95 % interval {percent(share['low'])} to "
            f"{percent(share['high'])}).",
            markup=False,
            soft_wrap=True,
        )
    if difference["pictures"]:
        people.print(
            f"Difference on the {difference['pictures']} pictures that both read rightly and that "
            f"are settled for both: {difference_in_words(difference)}.",
            markup=False,
            soft_wrap=True,
        )
