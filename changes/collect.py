"""Collect the fragments of `changes/` into a new section of `CHANGELOG.md`; see `README.md` here.

Use:  python changes/collect.py VERSION DATE
"""

from __future__ import annotations

import sys
from pathlib import Path

KINDS = ("added", "changed", "fixed", "removed")
MARK = "<!-- releases -->\n"
"""The line of the changelog under which a new section goes."""


def fragments(folder: Path) -> dict[str, list[Path]]:
    """The fragments of each kind, by name; a file whose name fits no kind ends the program."""
    found: dict[str, list[Path]] = {kind: [] for kind in KINDS}
    for path in sorted(folder.glob("*.md")):
        if path.name == "README.md":
            continue
        kind = path.stem.rpartition(".")[2]
        if kind not in found:
            sys.exit(f"{path}: found kind {kind!r}, expected SUBJECT.KIND.md, KIND in {KINDS}")
        found[kind].append(path)
    return found


def section(version: str, date: str, found: dict[str, list[Path]]) -> str:
    """The Markdown of one release: a list of changes for each kind that has any."""
    parts = [f"## {version}, {date}\n"]
    for kind, paths in found.items():
        if paths:
            entries = "\n".join(_entry(path.read_text(encoding="utf-8")) for path in paths)
            parts.append(f"### {kind.capitalize()}\n\n{entries}\n")
    return "\n".join(parts)


def _entry(text: str) -> str:
    return "- " + "\n  ".join(text.strip().splitlines())


def collect(root: Path, version: str, date: str) -> None:
    """Put the new section into the changelog, then delete the fragments."""
    changelog = root / "CHANGELOG.md"
    head, mark, rest = changelog.read_text(encoding="utf-8").partition(MARK)
    if not mark:
        sys.exit(f"{changelog}: found no line {MARK.strip()!r}, expected one above the releases")
    found = fragments(root / "changes")
    changelog.write_text(f"{head}{mark}\n{section(version, date, found)}{rest}", encoding="utf-8")
    for paths in found.values():
        for path in paths:
            path.unlink()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    collect(Path(__file__).resolve().parent.parent, sys.argv[1], sys.argv[2])
