"""What counts as a cure: numbers of a run, of trials without and with a change."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import guise_cases_files
from pellucid.doctor.bench import Bench
from pellucid.doctor.effect import Effect, Outcome, Standing
from pellucid.doctor.script import run_script


def outcomes(*losses: float) -> tuple[Outcome, ...]:
    return tuple(Outcome((loss,), loss, None) for loss in losses)


def standing(reached: float, trivial: float | None = 2.8) -> Standing:
    return Standing(3.4, reached, trivial, None, None, trivial is not None, True)


@pytest.mark.parametrize(
    ("without", "changed", "run", "is_cure"),
    [
        ((2.85, 2.84), (2.33, 2.35), standing(2.68), True),
        ((2.85, 2.84), (2.33, 2.60), standing(2.68), False),
        ((2.50, 2.50), (2.33, 2.35), standing(2.68), False),
        ((2.85, 2.84), (2.33, 2.35), standing(2.50), False),
        ((2.85, 2.84), (2.75, 2.74), standing(2.80), False),
        ((2.85, 2.84), (2.33, 2.35), standing(2.68, None), False),
        ((1.60, 1.60), (0.40, 0.40), standing(1.50), True),
    ],
    ids=[
        "twice as far below what looks at no input", "not in every repetition",
        "not twice as far as without", "not twice as far as the run", "hardly below it",
        "nobody knows what looks at no input", "a small share of the loss",
    ],
)  # fmt: skip
def test_a_cure_comes_down_far_or_twice_as_far_as_the_run(
    without: tuple[float, ...], changed: tuple[float, ...], run: Standing, is_cure: bool
) -> None:
    effect = Effect(outcomes(*without), outcomes(*changed))
    assert effect.cures(run, 0.8) is is_cure


def test_targets_that_the_loss_leaves_out_are_none_of_the_best_constants(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(guise_cases_files.LETTERS.format(0.01))
    outcome = run_script(path, [])
    bench = Bench(outcome.trace, outcome.captured)
    targets = [bench.judge.symbols_of(batch) for batch in bench.judge.batches]
    known = [int(y) for found in targets if found is not None for y in found.flatten() if y >= 0]
    shares = [known.count(k) / len(known) for k in range(5)]
    entropy = -sum(share * math.log(share) for share in shares)
    assert bench.standing().trivial == pytest.approx(entropy, rel=0.01)
    assert 0 < (bench.standing().right or 0) <= 1
