"""The doctor on a corpus of healthy programs, planted faults and traps.

    python benchmarks/doctor_corpus.py --work FOLDER [--stage judge doctor rivals table]

Each run is kept in the work folder under a hash of all that it depends on, so that a second call
makes only what is missing. See benchmarks/doctor/README.md.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is loaded

from pathlib import Path

from doctor.cases import Case, Job, Work, all_cases
from doctor.forked import BARE, DOCTOR, RIVALS

from doctor import judge

STAGES = ("judge", "doctor", "rivals", "table")


def jobs_for(stage: str, cases: list[Case], chosen: argparse.Namespace) -> list[Job]:
    """The runs that a stage needs."""
    found = []
    options = tuple(chosen.doctor_options.split())
    for case in cases:
        seeds = chosen.mutant_seeds if case.kind == "mutant" else chosen.healthy_seeds
        if stage == "judge":
            found += judge.jobs_of(case, max(judge.SEEDS, seeds))
        elif stage == "doctor":
            found += [Job(case, seed, DOCTOR, options) for seed in range(seeds)]
            found += [Job(case, seed, BARE) for seed in range(seeds)]
        elif stage == "rivals":
            found += [Job(case, seed, RIVALS) for seed in range(seeds)]
    return found


def show_verdicts(work: Work, cases: list[Case]) -> None:
    for case in cases:
        if case.kind != "mutant":
            values = judge.metrics(work, case)
            seconds = work.of(Job(case, 0, BARE))["cpu_seconds"]
            shown = " ".join(f"{value:.4g}" for value in values)
            print(f"{case.key:60} {shown}   {seconds:.2f} s")
            continue
        verdict = judge.judge(work, case)
        print(
            f"{case.key:60} {verdict.kind:20} {verdict.metric:8.3f} against "
            f"{verdict.healthy:.3f}: {100 * verdict.lost:4.0f} % lost, p {verdict.p:.1g}"
        )


def main() -> None:
    """Make the runs that are missing, stage by stage, then the table."""
    parser = argparse.ArgumentParser(description="the doctor's development corpus")
    parser.add_argument("--work", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--only", default="", help="cases whose key begins so")
    parser.add_argument("--stage", nargs="*", choices=STAGES, default=STAGES)
    parser.add_argument("--healthy-seeds", type=int, default=5)
    parser.add_argument("--mutant-seeds", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time")
    parser.add_argument("--doctor-options", default="", help="options of `pellucid doctor`")
    chosen = parser.parse_args()
    work, cases = Work(chosen.work.resolve()), all_cases(chosen.only)
    for stage in chosen.stage:
        work.make(jobs_for(stage, cases, chosen), chosen.jobs)
        if stage == "judge":
            show_verdicts(work, cases)


if __name__ == "__main__":
    main()
