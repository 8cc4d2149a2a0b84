"""What the doctor found, as a section and as a page of its own."""

from __future__ import annotations

from typing import Any

from pellucid.report.doctored import page
from pellucid.report.sections import doctor

EVIL = "<script>alert(1)</script>"


def record(**changes: Any) -> dict[str, Any]:
    losses = [2.0, 1.5, None, 1.0]
    return {
        "findings": [], "exempted": [], "checked": ["a", "b"], "not_observed": [], "not_tried": "",
        "watched": {"steps": 4, "passes": 5},
        "course": {
            "steps": [0, 1, 2, 3], "losses": losses, "rates": [0.1] * 4, "passes_a_point": 1,
        },
        "script": {"file": "here/train.py", "exit_code": 0},
        **changes,
    }  # fmt: skip


def finding(**changes: Any) -> dict[str, Any]:
    return {
        "name": "learning-rate-too-low", "grade": "confirmed", "kind": "fault",
        "where": {"file": "/home/me/train.py", "line": 7, "text": "optimiser.step()"},
        "evidence": {"sentences": ["So low."]}, "prescription": "set the rate to 0.1",
        "explains": [], "tried": None, **changes,
    }  # fmt: skip


def test_a_finding_stands_with_line_evidence_and_mend() -> None:
    made = doctor.of_findings(record(findings=[finding()]))
    for part in ("learning-rate-too-low", "train.py:7", "optimiser.step()", "So low.", "to 0.1"):
        assert part in made
    assert "/home/me" not in made
    assert 'class="badge bad"' in made


def test_a_suggestion_is_no_alarm() -> None:
    made = doctor.of_findings(record(findings=[finding(kind="suggestion")]))
    assert "suggestion, confirmed" in made
    assert "badge bad" not in made


def test_what_was_tried_is_summed_up_in_words() -> None:
    # 20 steps: the last two are the last tenth; medians of three repetitions by hand
    without = [[2.0] * 18 + [1.9, 2.1], [3.0] * 20, [1.0] * 20]  # ends 2, 3, 1 → 2
    cured = [[0.5] * 20, [0.25] * 20, [0.75] * 20]  # → 0.5
    made = doctor.of_findings(record(findings=[finding(tried={"without": without, "with": cured})]))
    assert "at the end without the cure 2, with it 0.5 (medians)" in made
    assert made.count('"cure":"as it was"') + made.count('"cure": "as it was"') == 60


def test_a_trial_that_left_the_numbers_has_no_end() -> None:
    made = doctor.of_findings(
        record(findings=[finding(tried={"without": [[2.0, None]], "with": [[2.0, 1.0]]})])
    )
    assert "without the cure –, with it 1 (medians)" in made


def test_losses_that_are_no_numbers_are_told() -> None:
    assert "no finite number: 1 point of the loss" in doctor.of_findings(record())


def test_a_run_without_findings_says_what_was_looked_for() -> None:
    made = page(record(not_observed=["an evaluation"]))
    assert "Nothing found that can be proven" in made
    assert "2 kinds of fault were looked for in 4 steps" in made
    assert "Not observed: an evaluation." in made


def test_whatever_a_user_wrote_comes_out_harmless() -> None:
    wicked = finding(prescription=EVIL, evidence={"sentences": [EVIL]}, name=EVIL)
    made = page(record(findings=[wicked], script={"file": EVIL, "exit_code": 0}))
    assert EVIL not in made
