"""The page of `pellucid fool`: what was found is on it, and it fetches nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from fool_victims import victim
from pellucid.base.errors import BadData
from pellucid.base.records import Record, write_json
from pellucid.fool.asking import Asking, share_fooled
from pellucid.fool.showing import shown
from pellucid.report.fooled import page, write


def found(tmp_path: Path, name: str, count: int, seed: int = 0) -> Record:
    asked = victim(name, count, seed)
    certificates = list(Asking(asked, tmp_path, seconds=2).answers())
    keys = ("index", "label", "answer", "proved", "flipped", "undecided", "flips", "seconds")
    return {
        "title": "run mine",
        "method": "bounds",
        "pictures": [{key: one[key] for key in keys} for one in certificates],
        "shown": [shown(asked, one) for one in certificates],
        **share_fooled(certificates),
    }


def test_every_pixel_that_flips_is_a_cell_of_both_maps(tmp_path: Path) -> None:
    record = found(tmp_path, "convolutions", 1)
    drawn = page(record)
    flipped = record["pictures"][0]["flipped"]
    assert flipped > 0
    assert len(re.findall(r"<rect [^>]*><title>", drawn)) == 2 * flipped
    assert record["shown"][0]["claim"] in drawn


def test_the_worst_pixel_is_the_one_with_the_smallest_change(tmp_path: Path) -> None:
    (one,) = found(tmp_path, "convolutions", 1)["shown"]
    smallest = min(one["smallest"], key=lambda entry: entry["change"])
    assert (one["worst"]["row"], one["worst"]["column"]) == (smallest["row"], smallest["column"])
    assert one["worst"]["becomes"] == smallest["becomes"] != one["answer"]
    totals = torch.tensor(one["curve"]["probabilities"]).sum(dim=0)
    torch.testing.assert_close(totals, torch.ones_like(totals))


def test_where_nothing_flips_the_worst_pixel_is_shown_all_the_same(tmp_path: Path) -> None:
    record = found(tmp_path, "averages", 1)
    assert record["pictures"][0]["flipped"] == 0
    assert "No pixel flips" in page(record)


@pytest.mark.parametrize(("name", "count"), [("convolutions", 3), ("colour", 1)])
def test_the_page_is_one_file_that_fetches_nothing(tmp_path: Path, name: str, count: int) -> None:
    record = found(tmp_path, name, count)
    write_json(tmp_path / "fool.json", record)
    drawn = write(tmp_path).read_text(encoding="utf-8")
    assert not re.search(r'(src|href)="(?!data:|#)', drawn)
    assert ("What becomes what" in drawn) == (count > 1)


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    (tmp_path / "fool.json").write_text("{")
    with pytest.raises(BadData, match=r"fool\.json"):
        write(tmp_path)
