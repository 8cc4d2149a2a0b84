"""Comparing two runs: the difference, its interval, and when it cannot be had."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from pellucid.lab.compare import (
    accuracy_difference,
    mcnemar_mid_p,
    nats_difference,
    paired_interval,
    psnr_difference,
)


def answers(right: NDArray[np.bool_]) -> dict[str, NDArray[np.float64] | NDArray[np.int64]]:
    """A two-class run's arrays: every label is 0, and a right answer says 0."""
    return {
        "labels": np.zeros(len(right), np.int64),
        "probabilities": np.stack([right, ~right], axis=1).astype(np.float64),
    }


# --------------------------------------------------------------------------------- accuracy


def test_the_four_counts_and_the_difference_are_those_of_the_answers() -> None:
    a = np.array([True, True, True, False, False, False, False, True])
    b = np.array([True, True, False, True, True, False, True, True])
    found = accuracy_difference(answers(a), answers(b), "test")
    assert found.counts == {"both_right": 3, "only_a": 1, "only_b": 3, "both_wrong": 1}
    assert (found.a, found.b, found.value) == (0.5, 0.75, 0.25)
    assert found.examples == 8


def test_the_paired_interval_is_bonett_and_prices() -> None:
    # 21 children, 1 and 7 of them changed: p = 8/23, q = 2/23, p - q = 6/23,
    # variance (10/23 - 36/529) / 23 = 194/529/23, so 6/23 ± 1.96 · 0.12627.
    low, high = paired_interval(1, 7, 21)
    spread = 1.959964 * math.sqrt(194 / 529 / 23)
    assert low == pytest.approx(6 / 23 - spread, abs=1e-6)
    assert high == pytest.approx(6 / 23 + spread, abs=1e-6)
    assert (round(low, 3), round(high, 3)) == (0.013, 0.508)  # as Fagerland et al. 2014 print


def test_the_paired_interval_covers_the_truth_as_often_as_it_says() -> None:
    chance = np.random.default_rng(0)
    shares = [0.80, 0.04, 0.09, 0.07]  # both, only A, only B, neither: a difference of 0.05
    drawn = chance.multinomial(300, shares, size=2000)
    intervals = [paired_interval(int(row[1]), int(row[2]), 300) for row in drawn]
    covered = np.mean([low <= 0.05 <= high for low, high in intervals])
    assert 0.935 <= covered <= 0.97


def test_an_interval_stays_among_possible_differences() -> None:
    assert paired_interval(0, 2, 2)[1] == 1.0
    assert paired_interval(2, 0, 2)[0] == -1.0


@pytest.mark.parametrize(("only_a", "only_b"), [(1, 7), (0, 5), (12, 33), (40, 41), (900, 1100)])
def test_the_mid_p_value_is_scipys(only_a: int, only_b: int) -> None:
    fewer, total = min(only_a, only_b), only_a + only_b
    expected = 2 * stats.binom.cdf(fewer, total, 0.5) - stats.binom.pmf(fewer, total, 0.5)
    assert mcnemar_mid_p(only_a, only_b) == pytest.approx(expected, rel=1e-9)


def test_the_mid_p_value_of_one_against_seven_is_ten_in_256() -> None:
    assert mcnemar_mid_p(1, 7) == pytest.approx(10 / 256)


@pytest.mark.parametrize("count", [0, 1, 50])
def test_an_even_share_of_disagreements_is_no_evidence(count: int) -> None:
    assert mcnemar_mid_p(count, count) == pytest.approx(1.0)


def test_who_is_better_is_said_only_if_the_interval_leaves_out_0() -> None:
    base = np.ones(200, bool)
    little, much = base.copy(), base.copy()
    little[:2], much[:40] = False, False
    assert accuracy_difference(answers(base), answers(little), "test").better == ""
    assert accuracy_difference(answers(base), answers(much), "test").better == "A"
    assert accuracy_difference(answers(much), answers(base), "test").better == "B"


# ------------------------------------------------------------------------- decibels and nats


def test_a_tenth_of_every_error_is_ten_decibels_without_doubt() -> None:
    errors = np.random.default_rng(0).uniform(0.01, 0.2, 50)
    found = psnr_difference({"squared_error": errors}, {"squared_error": errors / 10}, "test")
    assert found.value == pytest.approx(10)
    assert (found.low, found.high) == (pytest.approx(10), pytest.approx(10))
    assert found.better == "B"


def test_the_interval_of_decibels_is_the_bootstraps() -> None:
    chance = np.random.default_rng(1)
    a = chance.gamma(2, 0.01, 800)
    b = a * chance.uniform(0.7, 1.2, 800)
    found = psnr_difference({"squared_error": a}, {"squared_error": b}, "test")
    places = chance.integers(0, 800, (2000, 800))
    again = 10 * np.log10(a[places].mean(axis=1) / b[places].mean(axis=1))
    assert found.value == pytest.approx(10 * math.log10(a.mean() / b.mean()))
    assert found.high - found.low == pytest.approx(2 * 1.96 * again.std(), rel=0.08)


def test_fewer_nats_are_better_and_their_interval_is_the_bootstraps() -> None:
    chance = np.random.default_rng(2)
    count = chance.integers(3, 12, 800)
    a = count * chance.normal(2.4, 0.3, 800)
    b = a - count * chance.normal(0.05, 0.2, 800)
    found = nats_difference({"total": a, "count": count}, {"total": b, "count": count}, "test")
    places = chance.integers(0, 800, (2000, 800))
    again = (b - a)[places].sum(axis=1) / count[places].sum(axis=1)
    assert found.value == pytest.approx((b.sum() - a.sum()) / count.sum())
    assert found.high - found.low == pytest.approx(2 * 1.96 * again.std(), rel=0.08)
    assert found.better == "B"


def test_a_single_example_decides_nothing() -> None:
    one = {"squared_error": np.array([0.1])}
    found = psnr_difference(one, {"squared_error": np.array([0.01])}, "test")
    assert (found.low, found.high, found.better) == (-math.inf, math.inf, "")


def test_perfect_restorations_are_compared_without_a_division_by_zero() -> None:
    none = {"squared_error": np.zeros(4)}
    assert psnr_difference(none, none, "test").value == 0.0
