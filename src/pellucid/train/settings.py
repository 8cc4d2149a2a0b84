"""Settings of a network or a task: words and numbers in the type of the argument they are for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from pellucid.base.errors import WrongUse
from pellucid.train.recipe import Setting

KINDS = {bool: "true or false", int: "a whole number", float: "a number"}


def parameters(maker: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The arguments of a function or class by name; none where Python cannot tell them."""
    try:
        return dict(inspect.signature(maker).parameters)
    except (TypeError, ValueError):
        return {}


def typed(maker: Callable[..., Any], chosen: Mapping[str, Setting]) -> dict[str, Setting]:
    """`chosen` for the arguments of `maker`, each in the type of the argument's default value.

    Raises `WrongUse` for a value that cannot be made one without loss. An argument without a
    default value, or with None, takes whatever it is given.
    """
    known = parameters(maker)
    made = {}
    for name, value in chosen.items():
        default = known[name].default
        kind = type(default)
        if kind not in (bool, int, float, str):
            made[name] = value
            continue
        fitting = _fitting(kind, value)
        if fitting is None:
            usual = str(default).lower()
            raise WrongUse(
                f"setting {name}",
                repr(value),
                f"{KINDS[kind]}, such as the usual {usual}",
                f"for example --set {name}={usual}",
            )
        made[name] = fitting
    return made


def _fitting(kind: type, value: Setting) -> Setting | None:
    """`value` as one of `kind`, or None if it cannot be one without loss."""
    if kind is str:
        return str(value)
    if isinstance(value, str):
        return _read(kind, value)
    if kind is not bool and isinstance(value, bool):
        return None
    if kind is float:
        return float(value)
    if kind is bool:
        return bool(value) if value in (0, 1) else None
    return int(value) if value == value and abs(value) < 2**63 and value == int(value) else None


def _read(kind: type, text: str) -> Setting | None:
    """A word as one of `kind`, or None."""
    if kind is bool:
        return {"true": True, "false": False}.get(text.lower())
    try:
        return _fitting(kind, float(text))
    except ValueError:
        return None
