"""How a number is asked for: a name, and its place in brackets."""

from __future__ import annotations

import re

from pellucid.base.errors import WrongUse
from pellucid.scratch.arrays import Index

_PATTERN = re.compile(r"^\s*(?P<name>[^\[\]]+?)\s*(?:\[(?P<index>[-+\d,\s]*)\])?\s*$")


def parse(address: str) -> tuple[str, Index]:
    """`conv2[3, 10, 4]` → the name and the places; no brackets mean a single number.

    Raises `WrongUse` for anything else.
    """
    found = _PATTERN.match(address)
    words = (found["index"] or "").split(",") if found else []
    words = [word.strip() for word in words if word.strip()]
    if not found or not all(re.fullmatch(r"[-+]?\d+", word) for word in words):
        raise WrongUse(
            "address", repr(address), "a name with whole numbers in brackets",
            "write for example 'conv2[0, 3, 10, 4]' (in quotes, for the shell)",
        )  # fmt: skip
    return found["name"], tuple(map(int, words))
