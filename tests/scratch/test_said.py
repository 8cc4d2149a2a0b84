"""Losses, optimisers and initialisers say what they are, and docs/scratch.md names all of them."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pellucid.scratch import initialisers, losses, optimisers
from pellucid.scratch.catalog import every_layer

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "scratch.md").read_text(encoding="utf-8")


def members(module: ModuleType) -> dict[str, Any]:
    """The module's own public functions and whole classes."""
    return {
        name: one
        for name, one in vars(module).items()
        if not name.startswith("_")
        and getattr(one, "__module__", "") == module.__name__
        and not inspect.isabstract(one)
    }


PARTS = {losses: {"Formula", "Shapes", "Like"}, optimisers: {"Formula", "Like", "Source"}}
ALL = [(entry, parts) for module, parts in PARTS.items() for entry in members(module).values()]
ALL += [(entry, {"Reason"}) for name, entry in members(initialisers).items() if name != "fans"]


def faults(entry: Any, parts: set[str]) -> list[str]:
    """What a docstring lacks."""
    text = inspect.getdoc(entry) or ""
    found = set(re.findall(r"^(\w+): +\S", text, flags=re.MULTILINE))
    missing = [f"no {part}" for part in sorted(parts - found)]
    return missing + ([] if text.split("\n")[0].endswith(".") else ["no first sentence"])


@pytest.mark.parametrize(("entry", "parts"), ALL, ids=lambda one: getattr(one, "__name__", ""))
def test_everything_says_what_it_is(entry: Any, parts: set[str]) -> None:
    assert faults(entry, parts) == []


def test_a_docstring_without_its_parts_is_found() -> None:
    def nothing() -> None:
        """Formula:  none."""

    assert faults(nothing, {"Formula", "Like"}) == ["no Like"]
    assert faults(test_a_docstring_without_its_parts_is_found, set()) == ["no first sentence"]


def test_the_page_names_everything() -> None:
    names = {entry.__name__ for entry, _ in ALL} | {layer.__name__ for layer in every_layer()}
    assert len(names) > 45
    assert sorted(name for name in names if f"`{name}`" not in PAGE) == []
