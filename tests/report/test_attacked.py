"""The page of an attack or a corruption: what was measured is on it, and it fetches nothing."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest

from fool_victims import victim
from pellucid.base.records import Record, write_json
from pellucid.base.wording import a
from pellucid.fool.robustness import Attacking, Corrupting, drawable
from pellucid.lab.beside import paired
from pellucid.report.attacked import page, write


def found(asked: Attacking | Corrupting, beside: bool = False) -> Record:
    given = victim("convolutions", 12, 2)
    tried = asked.on(given)
    record = {"title": "run mine", **asked.record(given, tried)}
    if beside:
        rows = range(len(tried.sizes))
        apart = [paired(tried.held[:, at].tolist(), [False] * 12) for at in rows]
        record["difference"] = [
            {"size": size, **one} for size, one in zip(tried.sizes, apart, strict=True)
        ]
        record["beside"] = {**record, "title": "run other"}
    return {**record, "shape": [1, 8, 8], "shown": drawable(given, tried, 24)}


def spec_of(drawn: str) -> Record:
    """What the page's chart is drawn from."""
    (spec,) = re.findall(r'<script type="application/json">(\{"width".*?)</script>', drawn)
    made: Record = json.loads(unescape(spec))
    return made


def charted(drawn: str) -> list[Record]:
    """The rows of the page's chart."""
    rows: list[Record] = spec_of(drawn)["data"]["values"]
    return rows


@pytest.mark.parametrize("beside", [False, True])
def test_every_budget_is_on_the_curve_from_the_unchanged_picture_on(beside: bool) -> None:
    record = found(Attacking("pgd", 0.2, {"steps": 5}), beside)
    rows = [row for row in charted(page(record)) if row["network"] == "run mine"]
    assert [row["size"] for row in rows] == [0, *(row["budget"] for row in record["curve"])]
    expected = [record["clean"], *record["curve"]]
    assert [row["accuracy"] for row in rows] == [row["accuracy"] for row in expected]
    networks = {row["network"] for row in charted(page(record))}
    assert networks == {"run mine", *(["run other"] if beside else [])}
    assert ("Difference, points" in page(record)) is beside


def test_the_names_of_two_networks_stand_below_each_other() -> None:
    """Beside each other they were wider than a page of 320 pixels."""
    spec = spec_of(page(found(Attacking("fgsm", 0.2), beside=True)))
    assert spec["layer"][0]["encoding"]["color"]["legend"]["direction"] == "vertical"


def test_what_gave_in_is_shown_before_and_after() -> None:
    record = found(Attacking("pgd", 0.2, {"steps": 5}))
    assert len(record["shown"]) == len(record["examples"]) > 0
    for one in record["shown"]:
        changes = [abs(a - b) for a, b in zip(one["before"], one["after"], strict=True)]
        assert 0 < max(changes) <= 0.2 * 255 + 1
    drawn = page(record)
    assert drawn.count("data:image") == 2 * len(record["shown"])
    first = record["shown"][0]
    assert f"the {first['label']} that becomes {a(first['becomes'])}" in drawn


def test_a_corruption_and_what_was_stopped_have_their_page(tmp_path: Path) -> None:
    record = {**found(Corrupting("noise")), "stopped": True}
    write_json(tmp_path / "corruption-noise.json", record)
    made = write(tmp_path / "corruption-noise.json")
    assert made == tmp_path / "corruption-noise.html"
    drawn = made.read_text(encoding="utf-8")
    assert not re.search(r'(src|href)="(?!data:|#)', drawn)
    assert "before it was done" in drawn
    assert [row["size"] for row in charted(drawn)][1:] == [
        row["size"] for row in record["severities"]
    ]
