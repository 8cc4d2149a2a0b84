"""A proof on paper: what was asked of which weights and which picture, and what came out.

It can be checked without any of this project's bounds: the network is asked again, for all values
that are said to change its answer and for a sample of those that are said not to.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pellucid.base.errors import BadData
from pellucid.base.records import Record, damaged, read_json
from pellucid.base.seeds import named_seed
from pellucid.base.version import VERSION
from pellucid.fool.single_pixel import Flip, Proof, Value
from pellucid.fool.victim import Victim, fingerprint, picture_fingerprint

_Claim = tuple[list[float], list[float], int | None]

KIND = "single pixel"
SAMPLE = 4000
"""One-pixel changes that a verification tries, besides all that are said to flip."""
BORDER = 2.0**-14
"""This close to the ends of an interval neither answer is claimed."""


def flip_record(flip: Flip, victim: Victim) -> Record:
    """A flip as it stands in JSON: numbers for grey, lists of numbers for colour."""
    return {
        "row": flip.row,
        "column": flip.column,
        "low": _plain(flip.low),
        "high": _plain(flip.high),
        "becomes": victim.name_of(flip.becomes),
        "value": _plain(flip.value),
    }


def _plain(value: Value) -> float | list[float]:
    return value[0] if len(value) == 1 else list(value)


def summary(victim: Victim, index: int, proof: Proof) -> Record:
    """One picture's line of `--json`."""
    label = victim.labels[index]
    return {
        "index": victim.numbers[index],
        "label": None if label is None else victim.name_of(label),
        "answer": victim.name_of(proof.answer),
        "proved": proof.proved,
        "flipped": len(proof.flipped),
        "undecided": len(proof.undecided),
        "flips": [flip_record(flip, victim) for flip in proof.flips],
        "seconds": round(proof.seconds, 4),
    }


def certificate(
    victim: Victim, index: int, proof: Proof, weights: str, rest: Record | None
) -> Record:
    """The whole record; `rest` is what an unfinished search needs to go on."""
    picture = victim.pictures[index]
    return {
        "kind": KIND,
        "pellucid": VERSION,
        "claim": claim(proof),
        "method": proof.method,
        **summary(victim, index, proof),
        "answer_number": proof.answer,
        "becomes_numbers": [flip.becomes for flip in proof.flips],
        "open": [[row, column, list(low), list(high)] for row, column, low, high in proof.open],
        "pixels": proof.pixels,
        "judged": proof.judged,
        "ahead_by": proof.doubt,
        "network": {"title": victim.title, "weights_sha256": weights, "source": victim.source},
        "picture": {
            "sha256": picture_fingerprint(picture),
            "shape": list(picture.shape),
            "split": victim.split,
            **_values(picture),
        },
        "scaling": {
            "offset": victim.scaling.offset.tolist(),
            "gain": victim.scaling.gain.tolist(),
        },
        "classes": victim.classes,
        "rest": rest,
    }


def claim(proof: Proof) -> str:
    """What is proved, in words."""
    values = "level of the 256" if proof.method == "enumeration" else "real value from 0 to 1"
    flipped, undecided = len(proof.flipped), len(proof.undecided)
    if not flipped and not undecided:
        return f"No change of one pixel to any {values} alters the answer."
    told = f"{proof.proved} of {proof.pixels} pixels alter the answer at no {values}"
    if flipped:
        told += f"; {flipped} do, at the values listed"
    return told + (f"; {undecided} are undecided." if undecided else ".")


def _values(picture: Tensor) -> Record:
    levels = (picture * 255).round()
    if torch.equal(levels / 255, picture):
        return {"levels": levels.to(torch.int64).flatten().tolist()}
    return {"values": picture.flatten().tolist()}


def read(path: Path) -> Record:
    """A certificate from disk; `BadData` if it is none, is damaged, or was changed."""
    record = read_json(path)
    try:
        if record["kind"] != KIND:
            raise damaged(path, f"a record of kind {record['kind']!r}")
        if picture_fingerprint(picture_of(record)) != record["picture"]["sha256"]:
            raise damaged(path, "a picture that does not match its own hash")
        for name in ("network", "scaling", "flips", "open", "answer_number", "becomes_numbers"):
            record[name]
        if not _adds_up(record):
            raise damaged(path, "pixels that do not add up")
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise damaged(path, f"no whole certificate ({error})") from error
    return record


def _adds_up(record: Record) -> bool:
    """Do the counts fit what is listed, and does that lie in the picture?"""
    _, height, width = record["picture"]["shape"]
    flipped = {(int(one["row"]), int(one["column"])) for one in record["flips"]}
    unknown = {(int(row), int(column)) for row, column, _, _ in record["open"]} - flipped
    counts = record["proved"], record["flipped"], record["undecided"]
    inside = all(0 <= row < height and 0 <= column < width for row, column in flipped | unknown)
    return (
        inside
        and len(record["flips"]) == len(record["becomes_numbers"])
        and counts == (height * width - len(flipped | unknown), len(flipped), len(unknown))
    )


def picture_of(record: Record) -> Tensor:
    """The picture (channel, row, column) in 0…1 that a certificate is about."""
    told = record["picture"]
    if "levels" in told:
        return (torch.tensor(told["levels"], dtype=torch.float64) / 255).view(told["shape"])
    return torch.tensor(told["values"], dtype=torch.float64).view(told["shape"])


@dataclass
class Checked:
    """What a verification found."""

    flips: int = 0
    sampled: int = 0
    contradictions: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Did nothing contradict the certificate?"""
        return not self.contradictions


def check_weights(record: Record, victim: Victim, path: Path) -> None:
    """Refuse a certificate for other weights, or another way to prepare a picture."""
    found, told = fingerprint(victim.network), record["network"]["weights_sha256"]
    if found != told:
        raise BadData(
            str(path),
            f"a certificate for weights {told[:12]}…",
            f"one for the weights of {victim.title}, {found[:12]}…",
            "ask again: pellucid fool, as these weights were never asked",
        )
    scaling = record["scaling"]
    if (scaling["offset"], scaling["gain"]) != (
        victim.scaling.offset.tolist(),
        victim.scaling.gain.tolist(),
    ):
        raise BadData(
            str(path),
            "pictures that were given to the network in another way",
            "the same offset and gain",
            "add or leave out --standardise, as it was when the certificate was made",
        )


def verify(record: Record, victim: Victim, sample: int = SAMPLE) -> Checked:
    """Ask the network itself: for every flip alone, and for a random sample of other changes."""
    picture, answer, checked = picture_of(record), int(record["answer_number"]), Checked()
    if victim.answer_to(picture) != answer:
        checked.contradictions.append(
            f"the picture itself is answered {victim.name_of(victim.answer_to(picture))}"
        )
    for flip, becomes in zip(record["flips"], record["becomes_numbers"], strict=True):
        value = torch.tensor(_many(flip["value"]), dtype=torch.float64)
        changed = victim.with_pixel(picture, flip["row"], flip["column"], value)
        checked.flips += 1
        if victim.answer_to(changed) != becomes:
            checked.contradictions.append(_told(flip["row"], flip["column"], value, "flips not"))
    tried = list(_sampled(record, picture, sample))
    checked.sampled = len(tried)
    for part in (tried[first : first + 256] for first in range(0, len(tried), 256)):
        batch = [victim.with_pixel(picture, row, column, value) for row, column, value, _ in part]
        found = victim.scores(torch.stack(batch)).argmax(dim=1).tolist()
        for (row, column, value, expected), answer in zip(part, found, strict=True):
            if answer != expected:
                what = f"is answered {victim.name_of(answer)}"
                checked.contradictions.append(_told(row, column, value, what))
    return checked


def _told(row: int, column: int, value: Tensor, what: str) -> str:
    return f"pixel ({row}, {column}) at {', '.join(f'{one:.6g}' for one in value.tolist())} {what}"


def _many(value: Any) -> list[float]:
    return list(value) if isinstance(value, list) else [value]


def _sampled(record: Record, picture: Tensor, count: int) -> Iterable[tuple[int, int, Tensor, int]]:
    """Random one-pixel changes, levels and real values, with the answer that is claimed."""
    channels, height, width = picture.shape
    claims, answer = _claims(record), int(record["answer_number"])
    chance = torch.Generator().manual_seed(named_seed(0, "verify", record["picture"]["sha256"]))
    for place in range(count):
        row = int(torch.randint(height, (1,), generator=chance))
        column = int(torch.randint(width, (1,), generator=chance))
        value = torch.rand(channels, generator=chance, dtype=torch.float64)
        if place % 2 or record["method"] == "enumeration":
            value = (value * 255).round() / 255
        expected = _expected(claims.get((row, column), []), answer, value.tolist())
        if expected is not None:
            yield row, column, value, expected


def _claims(record: Record) -> dict[tuple[int, int], list[_Claim]]:
    """For each pixel the boxes of values with the answer that is claimed in them."""
    claims: dict[tuple[int, int], list[_Claim]] = {}
    for row, column, low, high in record["open"]:
        claims.setdefault((row, column), []).append((low, high, None))
    for flip, becomes in zip(record["flips"], record["becomes_numbers"], strict=True):
        low, high = _many(flip["low"]), _many(flip["high"])
        known = int(becomes) if len(low) == 1 else None  # a colour box only encloses what flips
        claims.setdefault((flip["row"], flip["column"]), []).append((low, high, known))
    return claims


def _expected(claims: list[_Claim], answer: int, value: list[float]) -> int | None:
    """The answer that is claimed at a value; None where none is, as near the ends of a box."""
    for low, high, becomes in claims:
        if _is_in(value, low, high, BORDER):
            return becomes if _is_in(value, low, high, -BORDER) else None
    return answer


def _is_in(value: list[float], low: list[float], high: list[float], room: float) -> bool:
    return all(a - room <= one <= b + room for one, a, b in zip(value, low, high, strict=True))
