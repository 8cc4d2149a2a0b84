"""The page of `pellucid look`: what appears when, that it is sound, harmless, and narrow enough."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

from pellucid.inside.looking import INSTRUMENTS, look_at
from pellucid.inside.subject import Frame, Gallery, Subject
from pellucid.nets import autoencoder_conv, recurrent, transformer
from pellucid.report.inside.page import SECTIONS, write
from pellucid.report.page import sections

EVIL = '<script>alert("x")</script>'
BROWSER = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), "")


def subject(network: nn.Module) -> Subject:
    chance = torch.Generator().manual_seed(0)
    pictures = torch.rand(48, 1, 12, 12, generator=chance)
    labels = torch.arange(48) % 3
    stored = (255 * pictures).to(torch.uint8)
    names = ("one", EVIL, "three")
    entries = [{"class": names[at], "index": at, "correct": True} for at in range(3)]
    return Subject(
        network.eval(), pictures, (1, 12, 12), pictures[:3], stored[:3], labels[:3], entries,
        classes=names, gallery=Gallery(pictures, stored, labels, labels),
        loss=functional.cross_entropy,
    )  # fmt: skip


def convolutional() -> Subject:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.MaxPool2d(2), nn.BatchNorm2d(4), nn.ReLU(),
        nn.Flatten(), nn.Linear(100, 3),
    )  # fmt: skip
    own = {name: value.clone() for name, value in network.state_dict().items()}
    half = {name: value / 2 if value.is_floating_point() else value for name, value in own.items()}
    return replace(subject(network), film=(Frame(1, half), Frame(2, own)))


ABOUT = {"target": f"run {EVIL}", "dataset": "bars", "net": "convnet", "task": "classify"}


def page_of(folder: Path, given: Subject, names: list[str]) -> str:
    look_at(given, names, folder, ABOUT)
    return write(folder).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("look")
    page_of(folder, convolutional(), INSTRUMENTS.names())
    return folder


def test_a_convolutional_network_has_its_sections(everything: Path) -> None:
    page = (everything / "look.html").read_text(encoding="utf-8")
    assert sections(page) == [
        "why", "checks", "depth", "units", "filters", "maps", "pooling", "film", "landscape",
        "distributions",
    ]  # fmt: skip


def test_other_kinds_of_networks_have_theirs(tmp_path: Path) -> None:
    torch.manual_seed(0)
    made = {
        "attention": transformer.build((1, 12, 12), 3, width=8, heads=2),
        "gates": recurrent.build((1, 12, 12), 3, hidden=6),
        "codes": autoencoder_conv.build((1, 12, 12), 3, bottleneck=5, width=4),
    }
    for name, network in made.items():
        page = page_of(tmp_path / name, subject(network), ["attention", "gates", "codes"])
        assert sections(page) == [name]


def test_what_was_not_looked_at_is_not_on_the_page(tmp_path: Path) -> None:
    assert sections(page_of(tmp_path, convolutional(), ["filters"])) == ["filters"]
    assert sections(page_of(tmp_path, convolutional(), ["gratings"])) == ["depth"]


class Balance(HTMLParser):
    """Every element that opens closes, in its order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in {"meta", "link", "img", "br", "input", "hr"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)


def test_the_page_is_sound_and_fetches_nothing(everything: Path) -> None:
    page = (everything / "look.html").read_text(encoding="utf-8")
    parser = Balance()
    parser.feed(page)
    assert (parser.faults, parser.open) == ([], [])
    plain = re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL)
    assert not re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', plain)
    names = re.findall(r' id="([^"]+)"', plain)
    assert len(names) == len(set(names))


def test_names_of_a_users_own_do_no_harm(everything: Path) -> None:
    page = (everything / "look.html").read_text(encoding="utf-8")
    assert EVIL not in page
    assert page.count("&lt;script&gt;alert") > 2


def test_a_failing_method_says_so_on_its_map(everything: Path) -> None:
    page = (everything / "look.html").read_text(encoding="utf-8")
    checks = json.loads((everything / "attribution-checks.json").read_text())
    failing = [one for one in checks["methods"] if one["verdict"]["fails"]]
    why = page[page.index('<section id="why"') : page.index('<section id="checks"')]
    cards = why.count('<p class="badge bad"')
    assert failing
    assert cards == 3 * len(failing)  # three pictures
    assert failing[0]["verdict"]["fails"][0][:30] in unescape(why)


def test_every_section_of_the_page_is_drawn_somewhere() -> None:
    assert len(SECTIONS) == 13


MEASURE = """<script>addEventListener("load", () => setTimeout(() => parent.postMessage(
  [document.documentElement.scrollWidth, document.documentElement.clientWidth], "*"), 2000));
</script>"""
FRAME = """<pre id="told"></pre><script>addEventListener("message", (event) => {{
  document.getElementById("told").textContent = JSON.stringify(event.data);
}});</script><iframe src="{page}" style="border: 0; width: {width}px; height: 2000px"></iframe>"""
OPTIONS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--virtual-time-budget=20000", "--enable-logging=stderr",
    "--allow-file-access-from-files", "--window-size=900,2000", "--dump-dom",
]  # fmt: skip


@pytest.mark.skipif(not BROWSER, reason="no Chromium here to open the page with")
@pytest.mark.parametrize("width", [320, 400])
def test_a_narrow_page_does_not_scroll_sideways(
    everything: Path, tmp_path: Path, width: int
) -> None:
    text = (everything / "look.html").read_text(encoding="utf-8")
    page = tmp_path / "page.html"
    page.write_text(text.replace("</body>", f"{MEASURE}</body>"), encoding="utf-8")
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.format(page=page.as_uri(), width=width), encoding="utf-8")
    command = [BROWSER, *OPTIONS, f"--user-data-dir={tmp_path / 'profile'}", frame.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True)
    found = re.search(r'<pre id="told">\[(\d+),(\d+)\]</pre>', done.stdout)
    assert found is not None
    assert int(found[1]) == int(found[2]) <= width
    assert "CONSOLE" not in done.stderr
