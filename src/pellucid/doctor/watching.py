"""`with pellucid.watching():` around any training: in a script, a notebook, a test."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from pellucid.doctor.examination import Examination, examine, time_for_trials
from pellucid.doctor.exemptions import checked
from pellucid.doctor.finding import Finding
from pellucid.watch.follower import Follower
from pellucid.watch.trace import Trace


@dataclass
class Watched:
    """What was seen inside the block; `findings` are there when it has ended."""

    trace: Trace
    examination: Examination = field(default_factory=Examination)

    @property
    def findings(self) -> list[Finding]:
        return self.examination.findings


@contextmanager
def watching(
    quiet: bool = False, probe_budget: float | None = None, meant: Mapping[str, str] | None = None
) -> Iterator[Watched]:
    """Watch what happens inside the block, and say on standard error what is wrong with it.

    With `quiet` nothing is said; `findings` of what the block is given hold everything. Cures
    are tried for at most `probe_budget` of the time that the block took; with 0 none is. `meant`
    are findings that are not told, by name, each with the reason why it is meant.
    """
    reasons = checked(meant or {}, "pellucid.watching")
    follower = Follower()
    watched = Watched(follower.trace)
    started = time.monotonic()
    try:
        with follower.watching():
            yield watched
    finally:
        seconds = time_for_trials(probe_budget, time.monotonic() - started)
        watched.examination = examine(follower.trace, follower.captured, seconds, reasons)
        if not quiet:
            for finding in watched.findings:
                sys.stderr.write(f"{finding}\n")
