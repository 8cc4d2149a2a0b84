"""A user's file of functions, `FILE.py:forward,backward`, and the inputs to compare at."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from pellucid.base.errors import BadData, WrongUse, near_misses
from pellucid.base.modules import import_users_module
from pellucid.scratch.check.subject import Function
from pellucid.scratch.check.trouble import guarded

USUAL = "forward,backward"


def read_functions(target: str) -> tuple[ModuleType, Function, Function]:
    """The module and the two functions that `FILE.py:forward,backward` names.

    Without names they are called `forward` and `backward`. A name may lead into an object, as
    `layer.forward` does. Raises `WrongUse` if there is no such function.
    """
    file, _, names = target.partition(":")
    pair = [name.strip() for name in (names or USUAL).split(",")]
    if len(pair) != 2 or not all(pair):
        raise WrongUse(
            target,
            f"{len([name for name in pair if name])} names of functions",
            "two: the forward pass, then the backward pass",
            f"write {file}:{pair[0] or 'forward'},backward",
        )
    module = import_users_module(file, target)
    return module, _function(module, pair[0], target), _function(module, pair[1], target)


def _function(module: ModuleType, dotted: str, target: str) -> Function:
    found: Any = module
    for name in dotted.split("."):
        if not hasattr(found, name):
            close = near_misses(name, (own for own in dir(found) if not own.startswith("_")))
            raise WrongUse(
                target,
                f"no {name} in {getattr(found, '__name__', type(found).__name__)}",
                "the name of a function",
                f"did you mean {close[0]}?" if close else f"define {name}",
            )
        found = getattr(found, name)
    if not callable(found):
        raise WrongUse(
            target,
            f"{dotted} of type {type(found).__name__}, which cannot be called",
            "a function",
            f"write def {dotted}(…): …",
        )
    checked: Function = found
    return checked


def read_inputs(
    module: ModuleType, forward: Function, target: str, path: str | None, seed: int
) -> list[Any]:
    """The inputs of `forward`: from the file `path`, else from `inputs` in the module."""
    if path is not None:
        return _in_order(_from_file(Path(path)), forward, path)
    wanted = ", ".join(_required(forward)) or "x"
    given = getattr(module, "inputs", None)
    if given is None:
        raise WrongUse(
            target,
            f"no inputs in {module.__name__}",
            f"a variable or a function `inputs` that gives {wanted}",
            f"add to the file: inputs = ({wanted}), or give --inputs FILE.npz",
        )
    if callable(given):
        takes_seed = bool(inspect.signature(given).parameters)
        given = guarded(given, "inputs", [seed] if takes_seed else [], ["seed"])
    return _in_order(given, forward, f"inputs in {module.__name__}")


def _from_file(path: Path) -> Any:
    """The arrays of an `.npz` by name, or the one of an `.npy`; never a pickle."""
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return (loaded,)
        with loaded:
            return {name: loaded[name] for name in loaded.files}
    except (OSError, ValueError, EOFError) as error:
        found = "no such file" if not path.exists() else "a file that NumPy cannot read"
        raise BadData(
            str(path), found, "arrays in a file of np.savez", "write it with np.savez(path, x=x, …)"
        ) from error


def _in_order(given: Any, forward: Function, where: str) -> list[Any]:
    """One entry for each input of `forward`, from a mapping by name, a tuple, or one value."""
    names = _required(forward)
    if isinstance(given, Mapping):
        return _by_name(given, forward, where)
    if isinstance(given, tuple):
        return list(given)
    holds_arrays = isinstance(given, list) and any(isinstance(one, np.ndarray) for one in given)
    if isinstance(given, list) and (len(names) > 1 or holds_arrays):
        return given
    return [given]


def _by_name(given: Mapping[str, Any], forward: Function, where: str) -> list[Any]:
    names = _required(forward)
    if all(key == f"arr_{place}" for place, key in enumerate(given)):  # np.savez without names
        return list(given.values())
    missing = [name for name in names if name not in given]
    if missing:
        raise WrongUse(
            where,
            f"arrays {', '.join(given) or '(none)'}",
            f"one called {missing[0]}, as forward takes {', '.join(names)}",
            "name the arrays as forward names its inputs",
        )
    optional = list(inspect.signature(forward).parameters)[len(names) :]
    more = [name for name in optional if name in given]
    return [given[name] for name in [*names, *more]]


def _required(forward: Function) -> list[str]:
    """The names of the inputs that `forward` cannot do without."""
    try:
        parameters = inspect.signature(forward).parameters.values()
    except (TypeError, ValueError):
        return []
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [entry for entry in parameters if entry.default is entry.empty]
    return [entry.name for entry in needed if entry.kind not in several]
