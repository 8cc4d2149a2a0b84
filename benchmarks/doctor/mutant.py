"""A planted fault: which name it should get, where it sits, and the exact change."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from doctor.material import Files, files_of

FOLDER = Path(__file__).resolve().parent
Change = Callable[[Files], None]


class DoesNotApply(Exception):
    """A replacement's old text is not in the program, or a setting is not in its file."""


@dataclass(frozen=True)
class Mutant:
    """One change of one program, and the names that are right for it."""

    name: str
    """The planted fault, from the list of diagnoses."""
    label: str
    """What distinguishes it from other mutants of the same name and program."""
    place: str
    """`source`, `data`, `weights` or `config`."""
    severity: int
    """1 (light) to 3 (heavy); 0 where the notion makes no sense."""
    edits: tuple[tuple[str, str], ...] = ()
    """Old text, which must stand exactly once in the program, and the new one."""
    change: Change | None = None
    also: frozenset[str] = frozenset()
    """Other names that are right as well."""
    by_definition: str = ""
    """Why it is a fault even where the printed metric is not worse."""
    program: str = field(default="", compare=False)

    @property
    def key(self) -> str:
        return f"{self.program}/{self.name}/{self.place}-{self.label}"

    @property
    def right(self) -> frozenset[str]:
        return self.also | {self.name}

    def text(self, whole: str) -> str:
        """The program with the change; raises `DoesNotApply`."""
        for old, new in self.edits:
            if whole.count(old) != 1:
                raise DoesNotApply(f"{self.key}: {whole.count(old)} times in the program: {old!r}")
            whole = whole.replace(old, new)
        return whole

    def files(self) -> Files:
        """The program's files with the change; raises `DoesNotApply`."""
        files = files_of(self.program)
        if self.change is not None:
            try:
                self.change(files)
            except KeyError as error:
                raise DoesNotApply(f"{self.key}: no {error}") from error
        return files


def source(name: str, label: str, *edits: tuple[str, str], severity: int = 0, also: str = "",
           by_definition: str = "") -> Mutant:  # fmt: skip
    """A change of the program's text."""
    return Mutant(name, label, "source", severity, edits, None, _names(also), by_definition)


def config(name: str, label: str, file: str, severity: int = 0, also: str = "",
           by_definition: str = "", **values: Any) -> Mutant:  # fmt: skip
    """Settings that are in the file already get other values; the source is unchanged."""

    def change(files: Files) -> None:
        for key, value in values.items():
            if key not in files[file]:
                raise KeyError(key)
            files[file][key] = value

    return Mutant(name, label, "config", severity, (), change, _names(also), by_definition)


def data(name: str, label: str, change: Change, severity: int = 0, also: str = "",
         by_definition: str = "") -> Mutant:  # fmt: skip
    """The data files are changed; the source is unchanged."""
    return Mutant(name, label, "data", severity, (), change, _names(also), by_definition)


def weights(name: str, label: str, change: Change, severity: int = 0, also: str = "") -> Mutant:
    """The weights that are loaded are changed; the source is unchanged."""
    return Mutant(name, label, "weights", severity, (), change, _names(also))


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


def programs() -> list[str]:
    return sorted(path.stem for path in (FOLDER / "programs").glob("*.py"))


def traps() -> list[str]:
    return sorted(path.stem for path in (FOLDER / "traps").glob("*.py"))


@functools.cache
def program_text(program: str) -> str:
    for folder in ("programs", "traps"):
        path = FOLDER / folder / f"{program}.py"
        if path.exists():
            return path.read_text(encoding="utf-8")
    raise FileNotFoundError(program)


@functools.cache
def mutants_of(program: str) -> tuple[Mutant, ...]:
    """The planted faults of one program, each with a key of its own."""
    module = importlib.import_module(f"doctor.mutants.{program}")
    found: list[Mutant] = module.MUTANTS
    for mutant in found:
        object.__setattr__(mutant, "program", program)
    keys = [mutant.key for mutant in found]
    if len(set(keys)) < len(keys):
        raise ValueError(f"{program}: two mutants of one key")
    return tuple(found)


# ------------------------------------------------------------------------------ changes of arrays


def array(file: str, key: str, function: Callable[[np.ndarray], np.ndarray]) -> Change:
    """One array of a `.npz` or `.pt` file through a function."""

    def change(files: Files) -> None:
        files[file][key] = function(files[file][key])

    return change


def column(file: str, name: str, function: Callable[[np.ndarray], np.ndarray]) -> Change:
    """One column of a `.csv` file through a function."""

    def change(files: Files) -> None:
        table = files[file]
        if name not in table["names"]:
            raise KeyError(name)
        place = table["names"].index(name)
        table["rows"][:, place] = function(table["rows"][:, place])

    return change


def several(*changes: Change) -> Change:
    def change(files: Files) -> None:
        for one in changes:
            one(files)

    return change


def wrong_labels(share: float, classes: int) -> Callable[[np.ndarray], np.ndarray]:
    """A share of the labels becomes another class."""

    def function(labels: np.ndarray) -> np.ndarray:
        draw = np.random.default_rng(2)
        hit = draw.random(len(labels)) < share
        return np.where(hit, (labels + draw.integers(1, classes, len(labels))) % classes, labels)

    return function


def shuffled(values: np.ndarray) -> np.ndarray:
    """Rows in another order: they no longer belong to the rows beside them."""
    return values[np.random.default_rng(3).permutation(len(values))]


HONEST = "the printed number is no longer what it says"


def graded(name: str, file: str, key: str, values: tuple[float, ...], also: str = "",
           **others: Any) -> list[Mutant]:  # fmt: skip
    """One setting at three severities, light to heavy; the source is unchanged."""
    return [
        config(name, f"{key} {value:g}", file, level, also, **{key: value}, **others)
        for level, value in enumerate(values, start=4 - len(values))
    ]
