"""The doctor on a corpus of healthy programs, planted faults and traps.

    python benchmarks/doctor_corpus.py --work FOLDER [--stage judge doctor rivals table]

Each run is kept in the work folder under a hash of all that it depends on, so that a second call
makes only what is missing. See benchmarks/doctor/README.md.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is loaded

import zlib
from pathlib import Path

import results_page
from doctor.cases import KINDS, Case, Job, Work, all_cases
from doctor.forked import BARE, DOCTOR, RIVALS

from doctor import judge, mend, score

STAGES = ("judge", "doctor", "mend", "rivals", "table")


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


def drawn(cases: list[Case], every: int) -> list[Case]:
    """Each K-th mutant, by a hash of its key, and everything else."""
    return [c for c in cases if c.mutant is None or zlib.crc32(c.key.encode()) % every == 0]


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


def trials(work: Work, cases: list[Case], chosen: argparse.Namespace) -> list[mend.Trial]:
    """Faulty programs in which something with a mechanical cure was named."""
    options = chosen.doctor_options.split()
    found = [mend.trial_of(work, case, options) for case in cases if case.mutant is not None]
    return [trial for trial in found if trial is not None]


def page(runs: list[score.Run]) -> str:
    """Everything that was measured, as Markdown."""
    approaches = [score.OURS, *score.PUBLISHED, *score.with_trivial(runs)]
    head = [
        "approach",
        "healthy runs with an alarm",
        "faulty runs with a right name",
        "the same, source unchanged",
        "alarms that are right",
        "findings a faulty run",
    ]
    faulty = sum(run.is_faulty for run in runs)
    return "\n".join([
        results_page.machine(),
        "",
        f"{len(runs):,} runs: {faulty:,} faulty ones, {len(runs) - faulty:,} healthy ones. "
        "Shares with Wilson's 95 % intervals.",
        "",
        results_page.table(head, [score.summary(runs, approach) for approach in approaches]),
        "",
        results_page.table(["healthy runs", "with an alarm of the doctor", ""],
                           score.by_kind(runs)),
        "",
        results_page.table(["diagnosis", "recall", "recall of this very name", "precision",
                            "precision, harmless ones too",
                            "step, median"], score.by_name(runs)),
        "",
        score.loop_faults(runs),
        score.same_bits(runs),
        score.failures(runs),
    ])  # fmt: skip


def write_table(work: Work, cases: list[Case], chosen: argparse.Namespace) -> None:
    """The table and the list of misses into the work folder; with `--write`, onto the page."""
    runs = score.collect(work, cases, chosen)
    tried = [t for t in trials(work, cases, chosen) if all(map(work.known, (*t.jobs, *t.random)))]
    text = page(runs) + "\n" + mend.summary(work, tried, score.shown)
    (work.folder / "table.md").write_text(text + "\n")
    (work.folder / "misses.txt").write_text("\n".join(score.misses(runs)) + "\n")
    print(text)
    if chosen.write:
        results_page.write("doctor-corpus", text)


def main() -> None:
    """Make the runs that are missing, stage by stage, then the table."""
    parser = argparse.ArgumentParser(description="the doctor's development corpus")
    parser.add_argument("--work", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--only", nargs="*", default=(), help="cases whose key begins so")
    parser.add_argument("--kinds", nargs="*", choices=KINDS, default=KINDS)
    parser.add_argument("--stage", nargs="*", choices=STAGES, default=STAGES)
    parser.add_argument("--healthy-seeds", type=int, default=5)
    parser.add_argument("--mutant-seeds", type=int, default=1)
    parser.add_argument("--every", type=int, default=1, help="of the mutants only each K-th")
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time")
    parser.add_argument("--doctor-options", default="", help="options of `pellucid doctor`")
    parser.add_argument("--write", action="store_true", help="also into docs/results.md")
    chosen = parser.parse_args()
    work = Work(chosen.work.resolve())
    cases = drawn(all_cases(chosen.only, chosen.kinds), chosen.every)
    for stage in chosen.stage:
        if stage == "mend":
            tried = trials(work, cases, chosen)
            work.make([job for one in tried for job in (*one.jobs, *one.random)], chosen.jobs)
            continue
        work.make(jobs_for(stage, cases, chosen), chosen.jobs)
        if stage == "judge":
            show_verdicts(work, cases)
    if "table" in chosen.stage:
        write_table(work, cases, chosen)


if __name__ == "__main__":
    main()
