"""The catalog: a folder is the registry, listed without importing it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pellucid.base import catalog
from pellucid.base.catalog import Catalog
from pellucid.base.errors import WrongUse


@pytest.fixture
def pets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """A catalog of a folder with two entries, of which none may be imported."""
    folder = tmp_path / "zoo" / "pets"
    folder.mkdir(parents=True)
    bomb = "raise RuntimeError('imported')\n"
    (folder / "__init__.py").write_text(bomb)
    (folder / "_private.py").write_text(bomb)
    (folder / "notes.txt").write_text("no entry")
    (folder / "old_dog.py").write_text(f'"""Learns no tricks.\n\nMore.\n"""\n{bomb}')
    (folder / "cat.py").write_text(bomb)
    monkeypatch.setattr(catalog, "_ROOT", tmp_path)
    return Catalog("pet", "zoo.pets")


def test_names_are_the_files_with_dashes_in_order_without_the_private_ones(pets: Catalog) -> None:
    assert pets.names() == ["cat", "old-dog"]


def test_the_menu_is_the_first_docstring_line_without_its_dot(pets: Catalog) -> None:
    assert pets.menu() == {"cat": "", "old-dog": "Learns no tricks"}


def test_an_unknown_entry_is_asked_back_with_the_near_miss(pets: Catalog) -> None:
    with pytest.raises(WrongUse, match="did you mean 'old-dog'") as caught:
        pets.load("old_dok")
    assert caught.value.where == "pet"


@pytest.mark.parametrize("name", ["", "_private", "__init__", "../cat", "old_dog", "cat.py"])
def test_only_an_exact_name_is_loaded(pets: Catalog, name: str) -> None:
    with pytest.raises(WrongUse):
        pets.load(name)


def test_an_empty_folder_has_an_empty_menu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "_ROOT", tmp_path)
    assert Catalog("pet", "nowhere").menu() == {}


def test_listing_imports_nothing_and_loading_imports_the_one_entry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "pellucid.base.seeds", raising=False)
    base = Catalog("module", "base")
    assert "seeds" in base.menu()
    assert "pellucid.base.seeds" not in sys.modules
    assert base.load("seeds").named_seed(0, "a") >= 0
    assert "pellucid.base.seeds" in sys.modules
