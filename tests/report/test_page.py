"""The page: what appears when, that it is sound HTML, harmless, and needs nothing else."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pellucid.base.errors import BadData
from pellucid.base.records import append_json_line, read_json, write_json
from pellucid.report import write
from pellucid.report.page import ASSETS, sections

Builder = Callable[..., Path]
VOID = {"meta", "link", "img", "br", "input", "hr"}
COMMON = ["curves", "distributions", "recipe", "looks", "data"]
JUDGED = ["classes", "confusion", "calibration", "mistakes"]
EVIL = '<script>alert("x")</script>'


def page_of(folder: Path) -> str:
    return write(folder).read_text(encoding="utf-8")


def without_scripts(page: str) -> str:
    return re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL)


# ------------------------------------------------------------------------- what appears when


@pytest.mark.parametrize(
    ("task", "own"),
    [
        ("classify", [*JUDGED, "filters", "maps"]),
        ("inpaint", ["restored", "filters", "maps"]),
        ("next-symbol", ["samples", "filters", "maps"]),
    ],
)
def test_a_task_has_its_sections(make: Builder, task: str, own: list[str]) -> None:
    assert set(sections(page_of(make(task)))) == {*COMMON, *own}


@pytest.mark.parametrize(
    ("gone", "sections_gone"),
    [
        ("metrics.jsonl", {"curves"}),
        ("inside", {"filters", "maps", "distributions"}),
        ("inside/filters.json", {"filters"}),
        ("evaluation", set(JUDGED)),
        ("evaluation/test.safetensors", {"mistakes"}),
        ("data.json", {"data"}),
        ("environment.json", set()),
        ("looks.jsonl", set()),
    ],
)
def test_a_missing_record_leaves_its_section_out_and_no_other(
    make: Builder, gone: str, sections_gone: set[str]
) -> None:
    folder = make()
    before = set(sections(page_of(folder)))
    path = folder / gone
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    if gone == "data.json":  # names of the classes are in it
        shutil.rmtree(folder / "evaluation")
        sections_gone = sections_gone | set(JUDGED)
    assert before - set(sections(page_of(folder))) == sections_gone


def test_of_a_run_that_has_only_begun_the_recipe_is_shown(tmp_path: Path) -> None:
    write_json(tmp_path / "recipe.json", {"dataset": "d", "net": "n", "task": "t", "epochs": 9})
    page = page_of(tmp_path)
    assert sections(page) == ["recipe"]
    assert "Not finished: 0 of 9 epochs done" in page
    assert "<code>pellucid runs resume" in page


def test_the_interval_of_a_single_epoch_shows_too(make: Builder) -> None:
    """An area needs two epochs; one epoch's interval is a bar."""
    folder = make()
    assert '"type": "area"' in page_of(folder)
    first = (folder / "metrics.jsonl").read_text().splitlines()[0]
    (folder / "metrics.jsonl").write_text(first + "\n")
    page = page_of(folder)
    assert '"type": "area"' not in page
    assert '{"type": "rule", "color": "var(--validation)"' in page


@pytest.mark.parametrize(
    ("task", "unit"),
    [("classify", "nats"), ("inpaint", "squared error"), ("next-symbol", "nats a symbol")],
)
def test_the_axis_of_the_loss_names_its_unit(make: Builder, task: str, unit: str) -> None:
    page = page_of(make(task))
    assert f'"title": "loss, {unit}"' in page
    assert ("an error inside the hole counts several times" in page) is (task == "inpaint")


def test_an_example_of_a_text_is_told_in_symbols(make: Builder) -> None:
    folder = make("next-symbol")
    about = read_json(folder / "data.json")
    write_json(folder / "data.json", {**about, "kind": "symbols", "shape": [16]})
    assert ">16 symbols<" in page_of(folder)


def test_the_contents_lead_to_every_section_in_order(make: Builder) -> None:
    page = page_of(make())
    assert re.findall(r'<li><a href="#([\w-]+)">', page) == sections(page)


def test_validation_is_shown_where_the_test_set_was_not_opened(make: Builder) -> None:
    folder = make()
    for ending in ("json", "safetensors"):
        path = folder / "evaluation" / f"test.{ending}"
        path.rename(path.with_name(f"validation.{ending}"))
    (folder / "looks.jsonl").unlink()
    page = page_of(folder)
    assert "The validation pictures that were read wrongly" in page
    assert "The test set of this run is still sealed" in page


def test_more_than_one_look_is_commented(make: Builder) -> None:
    folder = make()
    assert "Who chooses between networks" not in page_of(folder)
    append_json_line(
        folder / "looks.jsonl", {"time": "yesterday", "reason": "curious", "examples": 6}
    )
    page = page_of(folder)
    assert "It was opened 2 times." in page
    assert "<td>yesterday</td><td>curious</td>" in page


# --------------------------------------------------------------------------- what it says


def test_the_number_stands_large_and_its_interval_small(make: Builder) -> None:
    page = page_of(make()).replace("\u00a0", " ")
    assert '<span class="value">83.33 %</span> of 6 test pictures read correctly' in page
    assert '<span class="interval">95 % interval 40.00 % to 97.00 %</span>' in page
    assert "<li>Try <code>--epochs 6</code></li>" in page
    assert "<dd>1 min 15 s</dd>" in page


def test_a_mistake_is_told_in_words(make: Builder) -> None:
    page = page_of(make()).replace("\u00a0", " ")
    assert 'alt="a 0 read as 1, 90 %"' in page
    assert 'title="a 0 read as 1: 1× (50.00 % of the row)"' in page


def test_what_differs_from_the_usual_recipe_is_marked(make: Builder) -> None:
    page = page_of(make())
    row = r'<tr class="changed"><td>learning rate</td><td>0.0123 <span class="usual">usual: '
    assert re.search(row, page)
    assert not re.search(r'class="changed"><td>seed', page)


def test_baselines_and_the_damaged_picture_stand_beside_the_result(make: Builder) -> None:
    page = page_of(make("inpaint"))
    assert "this network: 19.50 dB; the mean picture: 12.50 dB; the damaged picture: 9.40" in page
    assert page.count("data:image/png") >= 3 * 4


def test_known_flaws_and_duplicates_are_told(make: Builder) -> None:
    page = page_of(make())
    assert "<li>the 3 is upside down</li>" in page
    assert "<li>one picture was skipped</li>" in page
    assert "<dt>In train and test</dt><dd>1 duplicate</dd>" in page


def test_every_section_begins_with_how_to_read_it(make: Builder) -> None:
    page = page_of(make())
    starts = re.findall(r'<section id="[\w-]+"[^>]*>\n<h2[^>]*>[^<]+</h2>\n<p class="how">', page)
    assert len(starts) == len(sections(page))


def test_many_classes_are_cut_and_it_is_told(make: Builder) -> None:
    names = [f"class {place}" for place in range(40)]
    folder = make(classes=names)
    record = read_json(folder / "evaluation" / "test.json")
    row = record["per_class"][0]
    record["per_class"] = [row] * 40
    record["confusion"] = [
        [int(a == b) + int((a, b) == (3, 5)) for b in range(40)] for a in range(40)
    ]
    write_json(folder / "evaluation" / "test.json", record)
    page = page_of(folder)
    assert "The 30 weakest of 40 classes." in page
    assert "<td>class 3</td><td>class 5</td>" in page
    assert 'class="confusion"' not in without_scripts(page)


# ----------------------------------------------------------------------------- it is sound


class Balance(HTMLParser):
    """Every element that opens is closed, in order; ids are given once."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids += [value for name, value in attrs if name == "id" and value]
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            value = given.get(name) or ""
            if value and not value.startswith(("data:", "#")):
                self.fetched.append(value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another element"


def balanced(page: str) -> Balance:
    parser = Balance()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    assert len(parser.ids) == len(set(parser.ids))
    return parser


@pytest.mark.parametrize("task", ["classify", "inpaint", "next-symbol"])
def test_the_html_is_balanced_and_fetches_nothing(make: Builder, task: str) -> None:
    page = page_of(make(task))
    assert balanced(page).fetched == []
    outside = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"url\((?!data:)|@import|https?://", outside)
    assert "sourceMappingURL" not in page


def test_an_unbalanced_page_is_found(make: Builder) -> None:
    page = page_of(make())
    with pytest.raises(AssertionError):
        balanced(page.replace("</figure>", "", 1))


@pytest.mark.parametrize("task", ["classify", "inpaint", "next-symbol"])
def test_what_a_user_wrote_is_harmless(make: Builder, task: str) -> None:
    folder = make(task, classes=[EVIL, '" onclick="x', "</script>"])
    record = read_json(folder / "recipe.json")
    write_json(folder / "recipe.json", {**record, "dataset": EVIL, "settings": {EVIL: EVIL}})
    data = read_json(folder / "data.json")
    data["card"]["title"] = data["notes"][0] = EVIL
    write_json(folder / "data.json", data)
    page = page_of(folder)
    balanced(page)
    assert "<script>alert" not in page
    assert "<b>otto" not in page
    assert not re.search(r'[^=]" onclick="x', page)


def test_every_chart_is_whole_json(make: Builder) -> None:
    folder = make(classes=["</script>", "a", "b"])
    found = re.findall(r'<script type="application/json">(.*?)</script>', page_of(folder))
    specs = [json.loads(record) for record in found]
    assert len(specs) == 2 + 1 + 2 + 2
    assert all(spec["width"] == "container" and spec["height"] > 0 for spec in specs)
    assert specs[2]["data"]["values"][0]["class"] == "</script>"


# --------------------------------------------------------------------- damage, and its own rules


@pytest.mark.parametrize(
    "name",
    ["recipe.json", "evaluation/test.json", "evaluation/test.safetensors",
     "inside/filters.safetensors", "metrics.jsonl"],
)  # fmt: skip
def test_a_damaged_file_is_named_and_the_earlier_page_stays(make: Builder, name: str) -> None:
    folder = make()
    before = page_of(folder)
    path = folder / name
    path.write_bytes(b"{" + path.read_bytes()[1:-9] + b"\n\n")
    with pytest.raises(BadData) as error:
        write(folder)
    assert str(path) in error.value.where
    assert (folder / "report.html").read_text(encoding="utf-8") == before


def test_a_changed_bit_in_an_array_is_found(make: Builder) -> None:
    folder = make()
    path = folder / "evaluation" / "test.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(BadData, match="does not match its own checksum"):
        write(folder)


def test_a_newer_record_is_refused(make: Builder) -> None:
    folder = make()
    write_json(folder / "result.json", {"schema": 99})
    with pytest.raises(BadData, match="newer Pellucid"):
        write(folder)


def test_the_same_records_give_the_same_page(make: Builder) -> None:
    folder = make()
    assert page_of(folder) == page_of(folder)


def test_nothing_but_the_page_is_written(make: Builder) -> None:
    folder = make()
    before = set(folder.rglob("*"))
    write(folder)
    assert set(folder.rglob("*")) - before == {folder / "report.html"}


def test_drawing_loads_no_torch(make: Builder) -> None:
    code = (
        "import sys; from pathlib import Path; from pellucid.report import write; "
        f"write(Path({str(make())!r})); print(sorted(set(sys.modules) & {{'torch', 'sklearn'}}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_chart_library_is_what_its_note_says() -> None:
    noted = read_json(ASSETS / "libraries.json")["libraries"]
    assert {library["file"] for library in noted} == {path.name for path in ASSETS.glob("*.min.js")}
    for library in noted:
        content = (ASSETS / library["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == library["sha256"]
        assert library["version"].encode() in content
        assert "Redistribution" in (ASSETS / library["licence_file"]).read_text()


def test_the_licence_of_the_library_stands_in_the_page(make: Builder) -> None:
    assert page_of(make()).count("Redistribution and use in source and binary forms") == 2
