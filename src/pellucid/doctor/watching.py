"""`with pellucid.watching():` around any training: in a script, a notebook, a test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pellucid.doctor.diagnosis import examine
from pellucid.doctor.finding import Finding
from pellucid.watch.follower import Follower
from pellucid.watch.trace import Trace


@dataclass
class Watched:
    """What was seen inside the block; `findings` are there when it has ended."""

    trace: Trace
    findings: list[Finding] = field(default_factory=list)


@contextmanager
def watching(quiet: bool = False) -> Iterator[Watched]:
    """Watch what happens inside the block, and say on standard error what is wrong with it.

    With `quiet` nothing is said; `findings` of what the block is given hold everything.
    """
    follower = Follower()
    watched = Watched(follower.trace)
    try:
        with follower.watching():
            yield watched
    finally:
        watched.findings = examine(follower.trace)
        if not quiet:
            for finding in watched.findings:
                sys.stderr.write(f"{finding}\n")
