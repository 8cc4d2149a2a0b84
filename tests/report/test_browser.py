"""The page in a browser: every chart is drawn, without an error on the console."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest

from pellucid.report import write

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
OPTIONS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--virtual-time-budget=20000", "--enable-logging=stderr", "--v=0",
]  # fmt: skip

pytestmark = pytest.mark.skipif(not BROWSER, reason="no Chromium here to open the page with")


def opened(page: Path, profile: Path, *more: str) -> tuple[str, list[str]]:
    """The page's elements after its scripts ran, and what the console says."""
    command = [BROWSER, *OPTIONS, f"--user-data-dir={profile}", *more, "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.parametrize("task", ["classify", "inpaint"])
def test_every_chart_is_drawn(make: Callable[..., Path], tmp_path: Path, task: str) -> None:
    folder = make(task)
    page = write(folder)
    boxes = page.read_text(encoding="utf-8").count('<div class="chart"')
    elements, console = opened(page, tmp_path / "profile")
    assert console == []
    assert 'data-drawn="yes"' in elements
    assert boxes > 5
    assert len(re.findall(r"<svg[^>]*class=\"marks\"", elements)) == boxes


def test_an_error_on_the_console_is_seen(make: Callable[..., Path], tmp_path: Path) -> None:
    page = write(make())
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace('"layer": [', '"layer": 7, "x": [', 1), encoding="utf-8")
    _, console = opened(page, tmp_path / "profile")
    assert console


MEASURE = """<script>addEventListener("load", () => setTimeout(() => {
  const width = document.documentElement.clientWidth;
  const cut = [...document.querySelectorAll(".chart text")]
    .filter((one) => one.getBoundingClientRect().right > width + 1).map((one) => one.textContent);
  parent.postMessage({ width, page: document.documentElement.scrollWidth, cut }, "*");
}, 2000));</script>"""
"""Run inside the page: how wide it is shown, how wide it is, and which words of charts are cut."""

FRAME = """<pre id="told"></pre><script>addEventListener("message", (event) => {{
  document.getElementById("told").textContent = JSON.stringify(event.data);
}});</script><iframe src="{page}" style="border: 0; width: {width}px; height: 2000px"></iframe>"""
"""A browser's window has a least width: a narrow screen is a frame."""


@pytest.mark.parametrize("task", ["classify", "inpaint", "next-symbol"])
@pytest.mark.parametrize("width", [320, 400])
def test_a_narrow_page_does_not_scroll_sideways(
    make: Callable[..., Path], tmp_path: Path, task: str, width: int
) -> None:
    page = write(make(task))
    page.write_text(page.read_text(encoding="utf-8").replace("</body>", f"{MEASURE}</body>"))
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.format(page=page.as_uri(), width=width), encoding="utf-8")
    allowed = "--allow-file-access-from-files"
    elements, _ = opened(frame, tmp_path / "profile", "--window-size=800,2000", allowed)
    found = re.search(r'<pre id="told">({.*?})</pre>', elements)
    assert found is not None
    told = json.loads(unescape(found[1]))
    assert told["page"] == told["width"] <= width
    assert told["cut"] == []
