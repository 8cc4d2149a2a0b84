"""The sentences at the end of a training, for results made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from pellucid.base.records import Record
from pellucid.train.recipe import Recipe
from pellucid.train.verdict import confused_pairs, percent, short_metric, verdict

RECIPE = Recipe(dataset="mnist", net="convnet", epochs=5, augment=("shift:2",))
DATA: Record = {
    "classes": ["cat", "dog", "owl"],
    "duplicates": {"train-test": 0},
    "sizes": {"test": 200},
}
JUDGED: Record = {
    "accuracy": 0.985, "low": 0.9568, "high": 0.9949, "examples": 200,
    "confusion": [[60, 2, 0], [0, 70, 0], [1, 0, 67]],
}  # fmt: skip


def rows(*values: float, metric: str = "accuracy", train: float = 0.1) -> list[Record]:
    """An epoch for each value, with the same loss on training and validation."""
    return [
        {"train": {"loss": train}, "validation": {metric: value, "loss": 0.1}} for value in values
    ]


def told(
    judged: Record = JUDGED,
    metric: str = "accuracy",
    recipe: Recipe = RECIPE,
    metrics: list[Record] | None = None,
    data: Record = DATA,
    split: str = "test",
    **result: Any,
) -> Record:
    whole = {
        "metric": metric, "stopped": "finished", "best_epoch": 5, "run_name": "mnist-convnet-1",
        split: judged, **result,
    }  # fmt: skip
    return verdict(whole, recipe, data, metrics or rows(0.98, 0.985, 0.985, 0.985, 0.985))


def test_accuracy_is_told_with_its_interval_and_what_was_confused() -> None:
    assert told() == {
        "headline": "98.50 % of 200 test pictures read correctly "
        "(95 % interval 95.68 % to 99.49 %)",
        "sentences": [
            "3 were wrong.",
            "Most often confused: cat read as dog (2×), owl read as cat (1×).",
        ],
        "next": ["Another seed tells how much is chance: try --seed 1"],
    }


def test_a_perfect_result_says_so() -> None:
    perfect = {**JUDGED, "accuracy": 1.0, "confusion": [[62, 0, 0], [0, 70, 0], [0, 0, 68]]}
    assert told(perfect)["sentences"] == ["Not one was wrong."]


def test_a_single_mistake_was_wrong_not_were() -> None:
    one = {**JUDGED, "accuracy": 0.995, "confusion": [[61, 1, 0], [0, 70, 0], [0, 0, 68]]}
    assert told(one)["sentences"][0] == "1 was wrong."


def test_without_a_test_split_the_verdict_is_on_validation() -> None:
    assert "of 200 validation pictures" in told(split="validation")["headline"]


def test_test_examples_that_were_trained_on_are_told() -> None:
    data = {**DATA, "duplicates": {"train-test": 5}}
    assert told(data=data)["sentences"][-1] == (
        "5 test examples (2.50 %) also lie in the training split."
    )


def test_decibels_are_held_against_the_closed_forms() -> None:
    judged = {
        "psnr_db": 20.5, "low": 20.25, "high": 20.75, "examples": 10000,
        "beside": [
            {"title": "the best linear map (Wiener filter)", "psnr_db": 17.5},
            {"title": "PCA with 32 components", "psnr_db": 21.0},
        ],
    }  # fmt: skip
    assert told(judged, "psnr_db", metrics=rows(20.0, 20.4, 20.5, metric="psnr_db")) == {
        "headline": "20.50 dB on 10,000 test pictures (95 % interval 20.25 to 20.75 dB)",
        "sentences": [
            "3.00 dB above the best linear map (Wiener filter): 17.50 dB.",
            "0.50 dB BELOW PCA with 32 components: 21.00 dB.",
        ],
        "next": [
            "It was still improving: try --epochs 10",
            "Another seed tells how much is chance: try --seed 1",
        ],
    }


def test_a_filled_hole_is_told_with_what_can_be_read_again() -> None:
    judged = {
        "psnr_db": 11.0, "low": 10.9, "high": 11.1, "examples": 50, "inside_hole": True,
        "read": {
            "accuracy": 0.96,
            "per_class": [{"class": "cat", "accuracy": 0.98}, {"class": "dog", "accuracy": 0.91}],
        },
    }  # fmt: skip
    found = told(judged, "psnr_db", metrics=rows(11.0, 11.0, 11.0, metric="psnr_db"))
    assert found["headline"].startswith("11.00 dB inside the hole on 50 test pictures")
    assert found["sentences"] == [
        "A classifier trained on clean pictures reads 96.00 % of the restored ones correctly; "
        "the hardest class is dog (91.00 %)."
    ]


def test_nats_are_told_as_a_choice_among_symbols() -> None:
    judged = {
        "nats": 1.386, "bits": 2.0, "low": 1.3, "high": 1.472, "examples": 1234,
        "perplexity": 4.0,
    }  # fmt: skip
    found = told(judged, "nats", metrics=rows(1.4, 1.39, 1.39, metric="nats"))
    assert found["headline"] == (
        "1.386 nats (2.000 bits) a symbol on 1,234 test sequences "
        "(95 % interval 1.300 to 1.472 nats)"
    )
    assert found["sentences"] == ["As unsure as a fair choice among 4.0 of 3 symbols."]


SEED = "Another seed tells how much is chance: try --seed 1"
LINEAR = RECIPE.with_changes({"net": "linear"})
BARE = RECIPE.with_changes({"augment": ()})


@pytest.mark.parametrize(
    ("given", "steps"),
    [
        (
            {"metrics": rows(0.9, 0.98, 0.97, 0.96, 0.95), "best_epoch": 2},
            [
                "The best epoch was 2 of 5: it trained past its best. Try fewer epochs, or "
                "--patience 3",
                SEED,
            ],
        ),
        ({"metrics": rows(1.0, 1.0, 1.0), "best_epoch": 1}, [SEED]),
        (
            {"metrics": rows(0.5, 0.7, 0.8)},
            ["It was still improving: try --epochs 10", SEED],
        ),
        ({"metrics": rows(0.5, 0.7, 0.8), "stopped": "until"}, [SEED]),
        (
            {"metrics": rows(0.5, 0.7, 0.8), "stopped": "interrupted"},
            ["It was stopped early: pellucid runs resume mnist-convnet-1", SEED],
        ),
        (
            {"recipe": BARE, "metrics": rows(0.98, 0.98, 0.98, train=0.05)},
            [
                "It is surer on training than on validation pictures (loss 0.050 against 0.100): "
                "try --set augment=shift:1",
                SEED,
            ],
        ),
        (
            {"recipe": LINEAR},
            [
                "A network that looks at neighbourhoods does better here: try --net convnet",
                SEED,
            ],
        ),
    ],
    ids=["past", "ties", "improving", "until", "interrupted", "gap", "linear"],
)
def test_what_to_try_next_follows_from_the_curves(given: dict[str, Any], steps: list[str]) -> None:
    assert told(**given)["next"] == steps


def test_a_training_stopped_before_its_first_epoch_suggests_nothing() -> None:
    result = {"metric": "accuracy", "stopped": "interrupted", "best_epoch": 0, "run_name": "a",
              "test": JUDGED}  # fmt: skip
    assert verdict(result, RECIPE, DATA, [])["next"] == []


def test_the_most_frequent_confusions_come_first() -> None:
    table = [[9, 1, 0], [4, 9, 2], [3, 0, 9]]
    assert confused_pairs(table, ["a", "b", "c"]) == [("b", "a", 4), ("c", "a", 3), ("b", "c", 2)]


def test_values_for_narrow_columns() -> None:
    assert percent(0.99345) == "99.34 %"  # 99.345 lies just below in binary
    assert short_metric("accuracy", 0.5) == "50.00 %"
    assert short_metric("psnr_db", 12.3456) == "12.346"
    assert short_metric("nats", None) == "–"
