"""The names of the diagnoses by group. Nothing heavy is imported: they are read from the files."""

from __future__ import annotations

import re

from pellucid.base.catalog import Catalog

GROUPS = ("procedure", "data", "output", "optimisation", "after")
"""Causes come before their symptoms."""
_GROUP = re.compile(r"^    GROUP = ([A-Z]+)$", re.MULTILINE)


def by_group() -> dict[str, dict[str, str]]:
    """Group → name → what went wrong; the group is the constant's name in lower case."""
    catalog = Catalog("diagnosis", "doctor.diagnoses")
    found: dict[str, dict[str, str]] = {group: {} for group in GROUPS}
    for name, text in catalog.menu().items():
        written = _GROUP.search(catalog.files[name].read_text(encoding="utf-8"))
        assert written, f"{name} has no GROUP"
        found[written[1].lower()][name] = text
    return found
