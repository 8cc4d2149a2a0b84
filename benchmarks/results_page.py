"""Writes a measured table into `docs/results.md`, between the marks of its own name."""

from __future__ import annotations

import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "results.md"


def machine() -> str:
    """The date and the machine, as they stand above every table."""
    from pellucid.train.environment import processor

    today = datetime.now(UTC).date().isoformat()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"Measured on {today}: {processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, no GPU, "
        f"{platform.system()}, Python {platform.python_version()}, PyTorch {_version('torch')}."
    )


def _version(package: str) -> str:
    from importlib.metadata import version

    return version(package)


def write(name: str, text: str) -> None:
    """Replace what stands between `<!-- name -->` and `<!-- end name -->`."""
    page = PAGE.read_text(encoding="utf-8")
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
    if not pattern.search(page):
        raise SystemExit(f"{PAGE}: no marks <!-- {name} --> … <!-- end {name} -->")
    PAGE.write_text(pattern.sub(rf"\g<1>\n{text.strip()}\n\n\g<2>", page), encoding="utf-8")


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines)
