"""The page in a browser: every chart is drawn, without an error on the console."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pellucid.base.records import write_json
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
    points = [{"rate": 10.0**power, "loss": 3.0 + power} for power in range(-3, 1)]
    write_json(folder / "rate.json", {"points": points, "suggestion": 0.01})
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
