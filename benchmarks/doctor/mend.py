"""What the first mechanical cure brings, beside a change that was drawn by chance.

For each faulty program in which the doctor names something with a mechanical cure, the program is
run again with that cure, as `pellucid doctor --mend` does it, and with a random one, over seeds. Of
interest is the gap of the printed metric to the healthy program.
"""

from __future__ import annotations

import json
import statistics
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from doctor import judge
from doctor.cases import Case, Job, Work
from doctor.forked import DOCTOR, MENDED

SEEDS = 3
ENOUGH = 0.5
"""Share of the gap that a cure should recover."""
TEN = {"rate": 1.0, "tried": 10.0}
TENTH = {"rate": 1.0, "tried": 0.1}
RANDOM: tuple[tuple[str, dict[str, Any]], ...] = (
    ("learning-rate-too-low", TEN), ("learning-rate-too-high", TENTH),
    ("gradients-not-cleared", {}), ("eval-forgotten", {}), ("trained-in-eval-mode", {}),
    ("inputs-not-normalised", {}), ("not-shuffled", {}), ("regularisation-too-strong", {}),
)  # fmt: skip
"""Changes that need no finding."""


@dataclass(frozen=True)
class Trial:
    """One faulty program with the cure of its first finding, and with another change."""

    case: Case
    cure: str
    jobs: tuple[Job, ...]
    random: tuple[Job, ...]


def trial_of(work: Work, case: Case, options: Sequence[str]) -> Trial | None:
    """None if the program does no harm, or nothing with a mechanical cure was named."""
    from pellucid.doctor.mend.cures import CURES

    record = work.known(Job(case, 0, DOCTOR, tuple(options)))
    if record is None or case.mutant is None or judge.judge(work, case).kind != judge.FAULTY:
        return None
    findings = record.get("doctor", {}).get("findings", [])
    named = [f for f in findings if f["name"] in CURES and f["grade"] != "suspected"]
    if not named:
        return None
    name = named[0]["name"]
    numbers = {k: v for k, v in named[0]["evidence"].items() if k != "sentences"}
    others = [change for change in RANDOM if change[0] != name]
    other = others[zlib.crc32(case.key.encode()) % len(others)]
    return Trial(case, name, _jobs(case, name, numbers), _jobs(case, *other))


def _jobs(case: Case, name: str, numbers: dict[str, Any]) -> tuple[Job, ...]:
    asked = (name, json.dumps(numbers, sort_keys=True))
    return tuple(Job(case, seed, MENDED, asked) for seed in range(SEEDS))


def recovered(work: Work, case: Case, jobs: Sequence[Job]) -> float:
    """The share of the gap that is gone; a run without a metric is as bad as no skill at all."""
    trivial = judge.TRIVIAL[case.program]
    healthy = statistics.mean(judge.metrics(work, Case(case.program, "healthy")))
    sick = statistics.mean(max(v, 2 * trivial - healthy)
                           for v in judge.metrics(work, case, worst=trivial))  # fmt: skip
    records = [work.of(job) for job in jobs]
    values = [r["metric"] if r["exit_code"] == 0 else None for r in records]
    mended = statistics.mean(trivial if v is None else max(v, 2 * trivial - healthy)
                             for v in values)  # fmt: skip
    return (mended - sick) / (healthy - sick)


def summary(work: Work, trials: Sequence[Trial], shown: Any) -> str:
    """One paragraph of the results."""
    pairs = [(recovered(work, t.case, t.jobs), recovered(work, t.case, t.random)) for t in trials]
    if not pairs:
        return "No cure was tried."
    enough, by_chance = (sum(p[k] >= ENOUGH for p in pairs) for k in (0, 1))
    better = sum(own > other for own, other in pairs)
    median = statistics.median(own for own, _ in pairs)
    return (
        f"Mending: the first mechanical cure recovers at least half of the gap to the healthy "
        f"program in {shown(enough, len(pairs))} of faulty runs in which one was named (median "
        f"{100 * median:.0f} % of the gap, {SEEDS} seeds), a change drawn by chance in "
        f"{shown(by_chance, len(pairs))}; the cure is better than that change in "
        f"{shown(better, len(pairs))}."
    )
