"""The table: what each approach says on the same runs, with Wilson intervals."""

from __future__ import annotations

import math
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from doctor import judge
from doctor.cases import Case, Job, Work
from doctor.forked import BARE, DOCTOR, RIVALS, Record

ALARMS = ("proven", "confirmed")
OURS = "pellucid doctor"
PUBLISHED = ("AutoTrainer", "DeepLocalize", "UMLAUT")
WITHIN = 20
"""Optimiser steps within which a fault of the loop should be named."""
LOOP = frozenset(
    ("eval-forgotten", "trained-in-eval-mode", "gradients-not-cleared", "weights-never-change",
     "parameters-outside-optimiser", "frozen-by-mistake", "graph-cut", "shape-mismatch")
)  # fmt: skip

Names = tuple[frozenset[str], ...]


@dataclass(frozen=True)
class Run:
    """One run: what is right to say of it, and what each approach said."""

    case: Case
    seed: int
    is_faulty: bool
    alarms: dict[str, Names]
    """By approach its fault-level messages, each as the names that it may mean."""
    said: dict[str, Names]
    """The same with suggestions."""
    same_bits: bool | None
    failed: bool
    """Whether the doctor itself ended in an error."""
    step: int | None
    """After how many steps the doctor told a right name; nothing if it did so at the end of a
    longer run."""

    @property
    def right(self) -> frozenset[str]:
        return self.case.mutant.right if self.case.mutant and self.is_faulty else frozenset()

    def hits(self, approach: str) -> bool:
        return any(self.right & names for names in self.said[approach])


def wilson(hits: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """The interval of a share, 95 %; Wilson 1927, Probable inference."""
    if not of:
        return 0.0, 1.0
    share = hits / of
    middle = share + z * z / (2 * of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    scale = 1 + z * z / of
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def shown(hits: int, of: int) -> str:
    """`95.0 % (19 of 20, 76–99)`."""
    if not of:
        return "–"
    low, high = wilson(hits, of)
    return f"{100 * hits / of:.1f} % ({hits} of {of}, {100 * low:.0f}–{100 * high:.0f})"


def collect(work: Work, cases: Iterable[Case], chosen: Any) -> list[Run]:
    """Every run that the doctor made; what a run of the published rules lacks is left out."""
    options = tuple(chosen.doctor_options.split())
    found = []
    for case in cases:
        verdict = judged(work, case)
        if verdict is None:
            continue
        seeds = chosen.mutant_seeds if case.kind == "mutant" else chosen.healthy_seeds
        for seed in range(seeds):
            doctor = work.known(Job(case, seed, DOCTOR, options))
            if doctor is not None:
                bare = work.known(Job(case, seed, BARE))
                rivals = work.known(Job(case, seed, RIVALS))
                found.append(_run(case, seed, verdict, doctor, bare, rivals))
    return found


def judged(work: Work, case: Case) -> bool | None:
    """Whether a case is faulty; nothing if its runs are not there yet."""
    if case.mutant is None:
        return False
    jobs = [*judge.jobs_of(case), *judge.jobs_of(Case(case.program, "healthy"))]
    if any(work.known(job) is None for job in jobs):
        return None
    return judge.judge(work, case).kind != judge.HARMLESS


def _run(case: Case, seed: int, is_faulty: bool, doctor: Record, bare: Record | None,
         rivals: Record | None) -> Run:  # fmt: skip
    findings = doctor.get("doctor", {}).get("findings", [])
    faults = [f for f in findings if f["grade"] in ALARMS and f.get("kind", "fault") == "fault"]
    advice = [f for f in findings if f.get("kind") == "suggestion" and f["grade"] != "suspected"]
    alarms = {OURS: _names(faults)}
    said = {OURS: _names([*faults, *advice])}
    for title in PUBLISHED:
        messages = (rivals or {}).get("rivals", {}).get(title)
        if messages is not None:
            alarms[title] = said[title] = tuple(map(frozenset, messages))
    right = case.mutant.right if case.mutant else frozenset()
    known = told_after(doctor["stderr"])
    steps = [known[name] for name in right & set(known)]
    watched = doctor.get("doctor", {}).get("watched", {}).get("steps")
    if watched is not None and watched <= WITHIN and any(right & names for names in said[OURS]):
        steps.append(watched)  # it ended before so many, or made no step at all
    same = None
    if bare is not None and isinstance(bare.get("hash"), dict):
        same = (bare["hash"], bare["stdout"]) == (doctor.get("hash"), doctor["stdout"])
    failed = "doctor" not in doctor
    return Run(case, seed, is_faulty, alarms, said, same, failed, min(steps, default=None))


def told_after(stderr: str) -> dict[str, int]:
    """Findings that were told at once, by name, and after how many steps."""
    found = re.findall(r"^PROVEN +(\S+) .*\(after ([\d,]+) steps?\b", stderr, re.MULTILINE)
    return {name: int(step.replace(",", "")) for name, step in found}


def _names(findings: list[dict[str, Any]]) -> Names:
    return tuple(frozenset([finding["name"]]) for finding in findings)


def with_trivial(runs: list[Run]) -> list[str]:
    """Adds the answers that look at nothing: one name always, and the two best names always."""
    faulty = [run for run in runs if run.is_faulty]
    names = sorted({name for run in faulty for name in run.right})
    count = Counter(name for run in faulty for name in run.right)
    one = (frozenset(["learning-rate-too-high"]),)
    best = max(
        combinations(names, 2),
        key=lambda pair: sum(bool(run.right & set(pair)) for run in faulty),
        default=tuple(count)[:2],
    )
    titles = ["always `learning-rate-too-high`", f"always `{'` and `'.join(best)}`"]
    for run in runs:
        for title, answer in zip(
            titles, (one, tuple(frozenset([name]) for name in best)), strict=True
        ):
            run.alarms[title] = run.said[title] = answer
    return titles


def summary(runs: list[Run], approach: str) -> list[str]:
    """One row: alarms on healthy runs, right names on faulty ones, precision, findings a run."""
    seen = [run for run in runs if approach in run.alarms]
    faulty = [run for run in seen if run.is_faulty]
    unread = [run for run in faulty if run.case.mutant and run.case.mutant.place != "source"]
    healthy = [run for run in seen if not run.is_faulty]
    messages = [(run, names) for run in seen for names in run.alarms[approach]]
    right = sum(bool(run.right & names) for run, names in messages)
    return [
        approach,
        shown(sum(bool(run.alarms[approach]) for run in healthy), len(healthy)),
        shown(sum(run.hits(approach) for run in faulty), len(faulty)),
        shown(sum(run.hits(approach) for run in unread), len(unread)),
        shown(right, len(messages)),
        f"{statistics.mean([len(run.said[approach]) for run in faulty]):.2f}" if faulty else "–",
    ]


def by_kind(runs: list[Run]) -> list[list[str]]:
    """Where the doctor's false alarms are: healthy programs, traps, mutants that do no harm."""
    rows = []
    for title, kind in (("healthy programs", "healthy"), ("traps", "trap"),
                        ("planted faults without harm", "mutant")):  # fmt: skip
        group = [run for run in runs if not run.is_faulty and run.case.kind == kind]
        alarmed = [run for run in group if run.alarms[OURS]]
        planted = sum(
            any(run.case.mutant.right & names for names in run.alarms[OURS])
            for run in alarmed
            if run.case.mutant
        )
        note = f"of these {planted} name what was planted" if kind == "mutant" else ""
        rows.append([title, shown(len(alarmed), len(group)), note])
    return rows


def by_name(runs: list[Run]) -> list[list[str]]:
    """For each diagnosis: recall on runs in which it was planted, precision, steps."""
    planted: dict[str, list[Run]] = defaultdict(list)
    told: dict[str, list[bool]] = defaultdict(list)
    there: dict[str, list[bool]] = defaultdict(list)
    for run in runs:
        if run.is_faulty and run.case.mutant:
            planted[run.case.mutant.name].append(run)
        for names in run.alarms[OURS]:
            for name in names:
                told[name].append(name in run.right)
                mutant = run.case.mutant
                there[name].append(mutant is not None and name in mutant.right)
    rows = []
    for name in sorted({*planted, *told}):
        own = planted[name]
        steps = [run.step for run in own if run.step is not None]
        exact = sum(any(name in names for names in run.said[OURS]) for run in own)
        rows.append([
            f"`{name}`",
            shown(sum(run.hits(OURS) for run in own), len(own)),
            shown(exact, len(own)),
            shown(sum(told[name]), len(told[name])),
            shown(sum(there[name]), len(there[name])),
            f"{statistics.median(steps):.0f}" if steps else "–",
        ])  # fmt: skip
    return rows


def loop_faults(runs: list[Run]) -> str:
    own = [r for r in runs if r.is_faulty and r.case.mutant and r.case.mutant.name in LOOP]
    quick = [run for run in own if run.step is not None and run.step <= WITHIN]
    if not any(run.step is not None for run in own):
        return "No loop fault was told before the end."
    return f"Loop faults named within {WITHIN} steps: {shown(len(quick), len(own))}."


def same_bits(runs: Sequence[Run]) -> str:
    compared = [run for run in runs if run.same_bits is not None]
    apart = sorted({run.case.key for run in compared if not run.same_bits})
    same = shown(sum(bool(run.same_bits) for run in compared), len(compared))
    line = f"Same output, weights, files and random states with the doctor: {same}."
    return line + (f" Not so: {', '.join(apart)}." if apart else "")


def failures(runs: list[Run]) -> str:
    failed = sorted({run.case.key for run in runs if run.failed})
    which = f": {', '.join(failed)}" if failed else ""
    return f"The doctor itself failed on {len(failed)} programs{which}."


def misses(runs: list[Run]) -> list[str]:
    """Each run on which the doctor was wrong, for whoever works on it."""
    lines = []
    for run in runs:
        said = sorted(name for names in run.said[OURS] for name in names)
        wrong = [name for name in said if name not in run.right]
        if run.is_faulty and not run.hits(OURS):
            lines.append(f"miss   {run.case.key} seed {run.seed}: said {said or 'nothing'}")
        elif wrong and (run.is_faulty or run.alarms[OURS]):
            kind = "extra " if run.is_faulty else "alarm "
            lines.append(f"{kind} {run.case.key} seed {run.seed}: said {said}")
    return sorted(lines)
