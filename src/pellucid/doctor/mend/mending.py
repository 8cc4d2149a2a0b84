"""A script run again with each cure and without, over seeds, side by side."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from pellucid.base.records import to_json, write_text
from pellucid.doctor.finding import Finding
from pellucid.doctor.mend import trial
from pellucid.doctor.mend.cures import CURES
from pellucid.doctor.mend.metric import find_metric, value_of
from pellucid.doctor.mend.source import suggestion

MOST = 3
"""Findings whose cures are tried, in their order."""
KEEPS_LOSS = frozenset(CURES) - {
    "softmax-before-cross-entropy", "sigmoid-twice", "raw-scores-into-probability-loss",
    "target-broadcast",
}  # fmt: skip
"""Cures with which the training loss still measures the same thing."""


@dataclass(frozen=True)
class Run:
    """What one run came to."""

    exit_code: int
    stdout: str
    losses: list[float]


@dataclass(frozen=True)
class Mended:
    """One cure beside none."""

    finding: str
    cure: str
    measure: str
    """What is compared, in words; empty if nothing can be."""
    lower_is_better: bool
    without: list[float]
    cured: list[float]
    diff: str

    @property
    def gain(self) -> float:
        """The mean difference, positive where the cure is better. NaN if nothing is compared."""
        if not self.without:
            return math.nan
        gain = mean(self.cured) - mean(self.without)
        return -gain if self.lower_is_better else gain

    @property
    def helps(self) -> bool:
        """Whether every run with the cure is better than every run without: with three seeds that
        happens by chance once in 20 times. One seed proves nothing."""
        if len(self.without) < 2:
            return False
        if self.lower_is_better:
            return max(self.cured) < min(self.without)
        return min(self.cured) > max(self.without)

    def as_record(self) -> dict[str, Any]:
        return {
            "finding": self.finding, "cure": self.cure, "measure": self.measure,
            "lower_is_better": self.lower_is_better, "without": self.without,
            "with": self.cured, "gain": self.gain, "helps": self.helps, "diff": self.diff,
        }  # fmt: skip


def mend(
    findings: Sequence[Finding],
    target: Path,
    file: Path,
    arguments: Sequence[str],
    is_module: bool,
    seeds: int,
    tell: Callable[[str], None],
) -> list[Mended]:
    """Every finding that has a mechanical cure, up to `MOST`, run with it over `seeds`.

    `file` is where the target's source stands; `tell` hears what is run next.
    """
    chosen = [finding for finding in findings if finding.name in CURES][:MOST]
    if not chosen:
        return []

    def runs(finding: Finding | None) -> list[Run]:
        tell(
            f"{seeds} runs with {CURES[finding.name][0]} …"
            if finding
            else f"{seeds} runs as it is …"
        )
        return [_run(target, arguments, is_module, finding, k) for k in range(seeds)]

    own = runs(None)
    return [_compared(finding, own, runs(finding), file) for finding in chosen]


def _run(
    target: Path, arguments: Sequence[str], is_module: bool, finding: Finding | None, k: int
) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        spec, out = Path(folder) / "spec.json", Path(folder) / "out.json"
        asked = {
            "target": str(target), "arguments": list(arguments), "module": is_module,
            "repetition": k, "out": str(out), "cure": finding.name if finding else None,
            "numbers": finding.numbers if finding else {},
        }  # fmt: skip
        write_text(spec, to_json(asked))
        done = subprocess.run(
            [sys.executable, trial.__file__, str(spec)],
            stdin=subprocess.DEVNULL, capture_output=True, check=False,
        )  # fmt: skip
        losses = json.loads(out.read_text())["losses"] if out.is_file() else []
        values = [math.inf if loss is None else loss for loss in losses]
        return Run(done.returncode, done.stdout.decode("utf-8", "replace"), values)


def _compared(finding: Finding, own: list[Run], cured: list[Run], file: Path) -> Mended:
    metric = find_metric([run.stdout for run in (*own, *cured)])
    measure, lower = "", True
    values: list[list[float]] = [[], []]
    if metric is not None:
        measure, lower = f"the last number of {metric.text!r}", metric.lower_is_better
        values = [[value_of(metric, run.stdout) for run in runs] for runs in (own, cured)]
    elif finding.name in KEEPS_LOSS and all(run.losses for run in (*own, *cured)):
        measure = "the mean of the last tenth of the training losses"
        values = [[_last(run.losses) for run in runs] for runs in (own, cured)]
    cure = CURES[finding.name][0]
    diff = suggestion(finding, file)
    return Mended(finding.name, cure, measure, lower, values[0], values[1], diff)


def _last(losses: list[float]) -> float:
    return mean(losses[-max(1, len(losses) // 10) :])
