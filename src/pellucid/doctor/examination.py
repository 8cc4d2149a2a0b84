"""All diagnoses of a training: facts first, then what has to be tried, causes before symptoms."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pellucid.doctor.bench import Bench
from pellucid.doctor.diagnosis import DIAGNOSES, ORDER, Diagnosis
from pellucid.doctor.effect import NotPossible
from pellucid.doctor.finding import CONFIRMED, PROVEN, SUGGESTION, SUSPECTED, Finding
from pellucid.watch.captured import Captured
from pellucid.watch.follower import MOST
from pellucid.watch.trace import Trace

MOST_ADVICE = 2
"""Suggestions of one examination that come from trials."""
SHARE = 0.5
ODD = (RuntimeError, ValueError, IndexError, TypeError)
"""What a question raises that batches of an odd kind cannot be asked."""
LEAST = 20.0
"""Seconds for trials, where nobody has said how long they may take."""


def time_for_trials(share: float | None, seconds: float) -> float:
    """What trials may take after a run of so many seconds: the share that is asked for; without
    one, half of the run, and `LEAST` for runs that are over before anything can be tried."""
    return max(SHARE * seconds, LEAST) if share is None else share * seconds


@dataclass
class Examination:
    """What came of looking at a training."""

    findings: list[Finding] = field(default_factory=list)
    exempted: list[tuple[Finding, str]] = field(default_factory=list)
    """What is meant, with the reason."""
    not_observed: list[str] = field(default_factory=list)
    not_tried: str = ""
    """Why no cure was tried, if none was."""
    seconds: float = 0.0
    """What the trials took."""

    @property
    def alarms(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.is_alarm]

    def as_record(self) -> dict[str, Any]:
        return {
            "findings": [finding.as_record() for finding in self.findings],
            "exempted": [found.as_record() | {"reason": why} for found, why in self.exempted],
            "checked": DIAGNOSES.names(),
            "not_observed": self.not_observed,
            "not_tried": self.not_tried,
        }


def proven(trace: Trace) -> list[Finding]:
    """What the trace alone shows, causes before symptoms; symptoms of a cause are left out."""
    return _without_symptoms([f for kind in _kinds() if (f := kind.find(trace)) is not None])


def examine(
    trace: Trace,
    captured: Captured | None = None,
    seconds: float = 0.0,
    meant: Mapping[str, str] | None = None,
) -> Examination:
    """Every finding. `seconds` is what trials may take; with 0 nothing is tried."""
    started = time.monotonic()
    found = Examination(not_observed=not_observed(trace))
    findings = proven(trace)
    if captured is not None:
        findings = _without_symptoms(findings + _seen(trace, captured, found))
    if any(_stops_learning(finding) for finding in findings):
        found.not_tried = "what is proven comes first"
    elif captured is None or not seconds:
        found.not_tried = "trials were not asked for"
    elif not trace.steps:
        found.not_tried = "no step of an optimiser was seen"
    else:
        _import_what_questions_need()
        bench = Bench(trace, captured, seconds)
        found.not_tried = bench.why_not
        if not bench.why_not:
            findings = _once(_without_symptoms(findings + _tried(trace, bench, found)))
    found.seconds = time.monotonic() - started
    for finding in findings:
        if meant and finding.name in meant:
            found.exempted.append((finding, meant[finding.name]))
        else:
            found.findings.append(finding)
    return found


def _import_what_questions_need() -> None:
    """It takes seconds, which are none of the trials'."""
    for name in ("scipy.optimize", "scipy.stats"):
        importlib.import_module(name)


def _stops_learning(finding: Finding) -> bool:
    """Whether it is a fault of which slow or failed learning would be a symptom."""
    return finding.is_alarm and diagnosis(finding.name).HURTS_LEARNING


def _seen(trace: Trace, captured: Captured, found: Examination) -> list[Finding]:
    """What the batches that were kept show, without a trial."""
    findings = []
    for kind in _kinds():
        try:
            finding = kind.look(trace, captured)
        except ODD as error:
            found.not_observed.append(f"{kind.name()}: {error}")
            continue
        if finding is not None:
            findings.append(finding)
    return findings


def _tried(trace: Trace, bench: Bench, found: Examination) -> list[Finding]:
    """What trials show, group by group; a group with a fault is the last one that is tried. What
    takes long comes after all groups, so that it leaves them their time."""
    findings: list[Finding] = []
    asked = [kind for kind in _kinds() if _is_asked(kind, bench)]
    for group in ORDER:
        own = sorted((k for k in asked if group == k.GROUP and k.COST < 2), key=lambda k: k.COST)
        findings += _answers(own, trace, bench, found)
        if any(_stops_learning(finding) for finding in findings):
            break
    findings += _answers((kind for kind in asked if kind.COST == 2), trace, bench, found)
    return _strongest(_without_symptoms(findings))


def _answers(
    kinds: Iterable[Diagnosis], trace: Trace, bench: Bench, found: Examination
) -> Iterator[Finding]:
    for kind in kinds:
        try:
            finding = kind.probe(trace, bench)
        except (NotPossible, *ODD) as error:
            found.not_observed.append(f"{kind.name()}: {error}")
            continue
        except Exception as error:  # a mistake of ours ends one question, not all of them
            if os.environ.get("PELLUCID_DEBUG", "") not in ("", "0"):
                raise
            found.not_observed.append(f"{kind.name()}: {type(error).__name__}: {error}")
            continue
        if finding is not None:
            yield finding


def _is_asked(kind: Diagnosis, bench: Bench) -> bool:
    if kind.ONE_NETWORK and bench.subject.is_together:
        return False
    return kind.IN_GAMES or not bench.is_game


def _strongest(findings: list[Finding]) -> list[Finding]:
    """What is proven; of the cures that help, the one that helps most as a fault, and one
    suggestion of a group. Several cures of one ill are not several ills."""
    kept = [finding for finding in findings if finding.grade == PROVEN]
    tried = sorted((f for f in findings if f.grade != PROVEN), key=lambda f: f.effect)
    faults = [finding for finding in tried if finding.is_alarm]
    others = [finding for finding in tried if not finding.is_alarm]
    kept += faults[:1]
    advice: dict[str, Finding] = {}
    for finding in (*faults[1:], *others):
        group = diagnosis(finding.name).GROUP
        advice.setdefault(group, replace(finding, kind=SUGGESTION))
    return kept + list(advice.values())[:MOST_ADVICE]


def _once(findings: list[Finding]) -> list[Finding]:
    """One finding of a name: the best founded, and of these the first."""
    grades = (PROVEN, CONFIRMED, SUSPECTED)
    best: dict[str, Finding] = {}
    for finding in findings:
        known = best.get(finding.name)
        if known is None or grades.index(finding.grade) < grades.index(known.grade):
            best[finding.name] = finding
    return [finding for finding in findings if best[finding.name] is finding]


def _without_symptoms(findings: list[Finding]) -> list[Finding]:
    """Those that no other explains; where two explain each other, the one whose cure helps more."""
    return [
        finding
        for finding in findings
        if not any(
            finding.name in other.explains
            and (other.name not in finding.explains or other.effect < finding.effect)
            for other in findings
        )
    ]


def diagnosis(name: str) -> type[Diagnosis]:
    kind: type[Diagnosis] = DIAGNOSES.load(name).DIAGNOSIS
    return kind


def _kinds(group: str | None = None) -> list[Diagnosis]:
    """Every diagnosis of a group, or all in the order of the groups."""
    every = [diagnosis(name)() for name in DIAGNOSES.names()]
    every.sort(key=lambda kind: ORDER.index(kind.GROUP))
    return [kind for kind in every if group in (None, kind.GROUP)]


def not_observed(trace: Trace) -> list[str]:
    """What a training usually has and this one did not show."""
    missing = []
    if not trace.passes:
        missing.append("a pass through a network")
    if not trace.backwards:
        missing.append("a backward pass")
    if not trace.steps:
        missing.append("a step of an optimiser")
    if not trace.losses:
        missing.append("a call of one of PyTorch's loss functions")
    if not any(not entry.with_graph and entry.step for entry in trace.passes):
        missing.append("an evaluation")
    learnt = sum(entry.with_graph for entry in trace.passes)
    if trace.passes and 2 * learnt < len(trace.backwards):
        count = len(trace.backwards) - learnt
        missing.append(f"the passes of {count:,} backward passes: inside a compiled function?")
    if trace.stumbled:
        missing.append(f"what came after {trace.stumbled}")
    if len(trace.passes) >= MOST:
        missing.append(f"what came after the first {MOST:,} passes")
    return missing
