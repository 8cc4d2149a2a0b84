"""A folder is the registry: one file an entry, listed without importing it."""

from __future__ import annotations

import ast
import importlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType

from pellucid.base.errors import unknown_name

_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Catalog:
    """The entries of one kind: the files of one folder of the package.

    An entry's name is its file's name with dashes (`resnet_small.py` is `resnet-small`), its menu
    text is the first line of the file's docstring. Files that begin with `_` are not entries.
    """

    kind: str
    """What an entry is called in messages, e.g. `net`."""
    package: str
    """The dotted folder below `pellucid`, e.g. `data.sets`."""

    @cached_property
    def files(self) -> dict[str, Path]:
        """Every entry's file by name, in alphabetical order; nothing is imported."""
        folder = _ROOT.joinpath(*self.package.split("."))
        paths = sorted(path for path in folder.glob("*.py") if not path.name.startswith("_"))
        return {path.stem.replace("_", "-"): path for path in paths}

    def names(self) -> list[str]:
        """The names of all entries."""
        return list(self.files)

    def menu(self) -> dict[str, str]:
        """Every entry's name and one-line description."""
        return {name: _first_line(path) for name, path in self.files.items()}

    def load(self, name: str) -> ModuleType:
        """Import the entry `name`.

        Raises `WrongUse` with the near misses if there is no such entry.
        """
        if name not in self.files:
            raise unknown_name(self.kind, name, self.files)
        return importlib.import_module(f"pellucid.{self.package}.{self.files[name].stem}")


def _first_line(path: Path) -> str:
    """The first line of a Python file's docstring, read without running the file."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.split("\n", 1)[0].rstrip(".")
