"""Every diagnosis has a page, with all that a reader needs, and a script that shows it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pellucid.doctor.diagnosis import DIAGNOSES, ORDER
from pellucid.doctor.names import GROUPS, by_group

NAMES = DIAGNOSES.names()
FOLDER = Path(__file__).resolve().parents[2] / "docs" / "doctor"
HEADINGS = [
    "What it means",
    "How it is recognised",
    "What proves it",
    "How to mend it",
    "When it is meant",
    "See it",
]


def faults_of(name: str, text: str) -> list[str]:
    """What a page about `name` lacks."""
    faults = [] if text.startswith(f"# `{name}`\n") else ["its name as the title"]
    if re.findall(r"^## (.*)$", text, re.MULTILINE) != HEADINGS:
        faults.append("the headings, in their order")
    if f"pellucid doctor --example {name} > train.py\n" not in text:
        faults.append("how to get the script")
    if any(not part.strip() for part in re.split(r"^## .*$", text, flags=re.MULTILINE)):
        faults.append("words under a heading")
    return faults


def test_there_is_a_page_for_every_diagnosis_and_no_other() -> None:
    pages = sorted(page.stem for page in FOLDER.glob("*.md") if page.name != "README.md")
    assert pages == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_page_has_all_its_parts(name: str) -> None:
    assert faults_of(name, (FOLDER / f"{name}.md").read_text(encoding="utf-8")) == []


def test_a_page_that_lacks_something_is_found() -> None:
    text = (FOLDER / "graph-cut.md").read_text(encoding="utf-8")
    assert faults_of("graph-cut", text) == []
    assert faults_of("eval-forgotten", text) == ["its name as the title", "how to get the script"]
    other = text.replace("## How to mend it", "## Cure")
    assert faults_of("graph-cut", other) == ["the headings, in their order"]
    empty = re.sub(r"(## What it means\n).*?(?=\n## )", r"\1", text, flags=re.DOTALL)
    assert faults_of("graph-cut", empty) == ["words under a heading"]


def test_the_index_says_of_each_name_what_its_file_says() -> None:
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    for group, menu in by_group().items():
        part = index.partition(f"## {group.capitalize()}\n")[2].partition("\n## ")[0]
        rows = re.findall(r"^\| \[`([\w-]+)`\]\(\1\.md\) \| (.*) \|$", part, re.MULTILINE)
        assert {name: text.lower() for name, text in rows} == {
            name: text.lower() for name, text in menu.items()
        }


def test_the_groups_are_read_from_the_files_as_the_classes_say() -> None:
    assert GROUPS == ORDER
    grouped = {name: group for group, menu in by_group().items() for name in menu}
    assert grouped == {name: DIAGNOSES.load(name).DIAGNOSIS.GROUP for name in NAMES}
