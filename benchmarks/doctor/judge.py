"""Whether a planted fault does harm: the printed metric over seeds, against the healthy program's.

A mutant is faulty if it loses at least a twentieth of the healthy program's skill (its metric above
that of an answer that ignores the inputs), and is worse beyond noise: Welch's one-sided test says
so with p < 0.01, or every one of its five seeds is worse than every healthy one (which happens by
chance once in 252 times). A run that crashes or prints no finite metric counts as one without any
skill. Everything else counts as healthy, except what is a fault by definition.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from doctor.cases import Case, Job, Work
from doctor.forked import BARE

SEEDS = 5
LOST = 0.05
LEVEL = 0.01
TRIVIAL = {
    "digits_mlp": 0.11,
    "cnn_trainer": 0.11,
    "house_regression": 0.0,
    "cancer_table": 0.5,
    "autoencoder": 0.0,
    "vae_digits": -27.05,
    "lstm_waves": 0.25,
    "transformer_sort": 0.25,
    "finetune": 0.2,
    "gan_ring": 0.36,
}
"""The metric of an answer that ignores the inputs."""
FAULTY, DEFINED, HARMLESS = "faulty", "faulty by definition", "harmless"


@dataclass(frozen=True)
class Verdict:
    """What the runs of one mutant say."""

    kind: str
    """`faulty`, `faulty by definition` or `harmless`."""
    healthy: float
    metric: float | None
    """Means over the seeds; nothing if no run printed one."""
    lost: float
    """Share of the healthy program's skill that is lost; 1 and more is no skill at all."""
    p: float


def jobs_of(case: Case, seeds: int = SEEDS) -> list[Job]:
    return [Job(case, seed, BARE) for seed in range(seeds)]


def metrics(work: Work, case: Case, worst: float | None = None) -> list[float]:
    """The metric of each seed; `worst` stands for a run that has none."""
    found = []
    for job in jobs_of(case):
        record = work.of(job)
        value = record["metric"] if record["exit_code"] == 0 else None
        if value is None and worst is None:
            raise ValueError(f"{case.key}, seed {job.seed}: no metric\n{record['stderr']}")
        found.append(worst if value is None and worst is not None else value)
    return found


def judge(work: Work, case: Case) -> Verdict:
    """The verdict on one mutant."""
    from scipy.stats import ttest_ind

    assert case.mutant is not None
    trivial = TRIVIAL[case.program]
    healthy = metrics(work, Case(case.program, "healthy"))
    skill = statistics.mean(healthy) - trivial
    # A diverged regression can be as bad as it likes: one such run must not hide behind its spread.
    worse = [max(value, trivial - skill) for value in metrics(work, case, worst=trivial)]
    lost = (statistics.mean(healthy) - statistics.mean(worse)) / skill
    p = 0.0 if lost > 0 else 1.0  # where no seed makes a difference
    if statistics.pstdev(worse) + statistics.pstdev(healthy) > 0:
        p = float(ttest_ind(worse, healthy, equal_var=False, alternative="less").pvalue)
    is_apart = max(worse) < min(healthy)
    kind = FAULTY if lost >= LOST and (p < LEVEL or is_apart) else HARMLESS
    if kind == HARMLESS and case.mutant.by_definition:
        kind = DEFINED
    return Verdict(kind, statistics.mean(healthy), statistics.mean(worse), lost, p)
