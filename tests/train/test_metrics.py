from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from pellucid.train import metrics


def test_wilson_is_the_interval_of_the_textbook() -> None:
    # Newcombe 1998, Two-sided confidence intervals for the single proportion, Table I
    assert metrics.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert metrics.wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert metrics.wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert metrics.wilson(0, 0) == (0.0, 1.0)


def test_confusion_is_scikit_learns() -> None:
    chance = np.random.RandomState(0)
    labels, answers = chance.randint(0, 4, 200), chance.randint(0, 4, 200)
    assert metrics.confusion(answers, labels, 4) == confusion_matrix(labels, answers).tolist()


def test_decibels_of_a_mean_squared_error() -> None:
    assert metrics.decibels(0.01) == pytest.approx(20.0)
    assert metrics.decibels(0.0152) == pytest.approx(18.18, abs=0.005)


def test_psnr_comes_from_the_mean_error_and_lies_in_its_interval() -> None:
    judged = metrics.psnr(np.array([0.01, 0.03]))
    assert judged["psnr_db"] == pytest.approx(-10 * math.log10(0.02))
    assert judged["low"] < judged["psnr_db"] < judged["high"]


def test_calibration_error_by_hand() -> None:
    # sure 0.95 and right, sure 0.95 and wrong: 0.45 apart; sure 0.65 and right: 0.35 apart
    probabilities = np.array([[0.95, 0.05], [0.95, 0.05], [0.35, 0.65]])
    found = metrics.calibration(probabilities, np.array([0, 1, 1]))
    assert [row["examples"] for row in found["bins"]] == [1, 2]
    assert found["error"] == pytest.approx((2 * 0.45 + 1 * 0.35) / 3)


def test_a_probability_of_one_falls_into_the_last_bin() -> None:
    found = metrics.calibration(np.array([[1.0, 0.0]]), np.array([0]))
    assert [(row["from"], row["examples"]) for row in found["bins"]] == [(0.9, 1)]


def test_the_surest_mistakes_come_first() -> None:
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.7, 0.3]])
    labels = np.array([1, 1, 1, 1])
    assert metrics.most_confident_mistakes(probabilities, labels, 2) == [0, 3]


def test_accuracy_counts_each_class_on_its_own() -> None:
    rows = metrics.per_class(np.array([0, 0, 1, 0]), np.array([0, 0, 1, 1]), 2)
    assert [(row["accuracy"], row["examples"]) for row in rows] == [(1.0, 2), (0.5, 2)]
