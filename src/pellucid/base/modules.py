"""Modules of the user's own: `mine.py`, `nets.mine` or `../mine.py` imported as Python would."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType

from pellucid.base.errors import WrongUse


def import_users_module(written: str, where: str) -> ModuleType:
    """The module that `written` names, found from the current folder; a path may lead elsewhere.

    `where` opens the errors, e.g. `network mine.py:build`. Raises `WrongUse` if there is no such
    module, or if it raises while it is imported.
    """
    folder, name = _place(written)
    here = str(folder)
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name.split(".")[0] and error.name != name:
            raise WrongUse(
                where,
                f"{name} needs {error.name}, which is not installed",
                "a module that can be imported",
                f"pip install {error.name}",
            ) from error
        raise WrongUse(
            where,
            f"no module {name}",
            f"a Python file {name.replace('.', '/')}.py in {here}, or an installed module",
            "check the spelling, or change to its folder",
        ) from error
    except Exception as error:
        raise WrongUse(
            where,
            f"{name} raised {type(error).__name__} while it was imported: {error}",
            "a module that can be imported",
            f"try: python -c 'import {name}'",
        ) from error
    if written.endswith(".py"):
        _check_is_file(module, folder / f"{name.replace('.', '/')}.py", where)
    return module


def _check_is_file(module: ModuleType, path: Path, where: str) -> None:
    """A file called `code.py` must not be mistaken for Python's own module of that name."""
    if Path(getattr(module, "__file__", None) or "").resolve() != path.resolve():
        raise WrongUse(
            where,
            f"another module that is called {module.__name__} too" if path.exists() else "no file",
            f"the module in {path}",
            "give the file another name" if path.exists() else "check the spelling",
        )


def _place(written: str) -> tuple[Path, str]:
    """The folder to import from, and the module's dotted name."""
    path = Path(os.path.normpath(written.removesuffix(".py")))
    if path.is_absolute() or path.parts[0] == "..":
        return path.parent.resolve(), path.name
    return Path.cwd(), ".".join(path.parts)
