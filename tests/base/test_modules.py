"""Modules of the user's own, by name or by file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pellucid.base.errors import WrongUse
from pellucid.base.modules import import_users_module


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder; what is imported from it is forgotten after."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.mark.parametrize("written", ["own/sums.py", "own.sums", "own/../own/sums.py"])
def test_a_module_is_found_by_file_and_by_name(here: Path, written: str) -> None:
    (here / "own").mkdir()
    (here / "own" / "sums.py").write_text("total = 7\n")
    assert import_users_module(written, "sums").total == 7


def test_a_file_elsewhere_is_found(here: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("elsewhere") / "far_sums.py"
    path.write_text("total = 8\n")
    assert import_users_module(str(path), "sums").total == 8


def test_a_file_that_hides_behind_a_module_of_pythons_own_is_told(here: Path) -> None:
    (here / "json.py").write_text("total = 7\n")
    with pytest.raises(WrongUse, match="another module that is called json too") as told:
        import_users_module("json.py", "json.py:total")
    assert told.value.fix == "give the file another name"


def test_a_missing_file_is_not_taken_from_python(here: Path) -> None:
    with pytest.raises(WrongUse, match="found no file"):
        import_users_module("json.py", "json.py:total")
