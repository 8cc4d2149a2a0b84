"""Errors that say where, what was found, what was expected, and how to mend it.

Every error a user can cause is a `PellucidError`. The command line prints it without a traceback
and ends with its exit code: 2 for wrong use, 3 for bad input data, 1 for a failed expectation.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PellucidError(Exception):
    """A mistake that can be mended, told in four parts.

    `where: found …, expected …. Fix: …`: each part is one short sentence without a final dot,
    with the user's own numbers in it.
    """

    exit_code = 1

    def __init__(self, where: str, found: str, expected: str, fix: str) -> None:
        super().__init__(where, found, expected, fix)
        self.where = where
        self.found = found
        self.expected = expected
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.where}: found {self.found}, expected {self.expected}.\nFix: {self.fix}"

    def as_record(self) -> dict[str, str]:
        """The four parts and the kind, as written by `--json`."""
        return {
            "kind": type(self).__name__,
            "where": self.where,
            "found": self.found,
            "expected": self.expected,
            "fix": self.fix,
        }


class WrongUse(PellucidError):
    """A name, an option or a value that cannot be used (exit code 2)."""

    exit_code = 2


class BadData(PellucidError):
    """Input data, or a record on disk, that cannot be used (exit code 3)."""

    exit_code = 3


def near_misses(name: str, names: Iterable[str]) -> list[str]:
    """At most three of `names` that `name` may have been meant to be, best first.

    Those that `name` is the beginning of come first, e.g. a run's name without its number.
    """
    lowered = {candidate.lower(): candidate for candidate in names}
    typed = name.lower()
    close = [match for match in lowered if len(typed) > 1 and match.startswith(typed)]
    close += difflib.get_close_matches(typed, lowered, n=3, cutoff=0.5)
    return [lowered[match] for match in dict.fromkeys(close)][:3]


def unknown_name(kind: str, name: str, names: Iterable[str]) -> WrongUse:
    """The error for a name that does not exist: with the near misses, else with all names."""
    known = sorted(names)
    close = near_misses(name, known)
    if close:
        fix = "did you mean " + " or ".join(repr(match) for match in close) + "?"
    else:
        fix = "choose one of them"
    return WrongUse(kind, repr(name), "one of " + ", ".join(known), fix)
