"""The settings of a data set: which there are, and words from the command line made values."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from pellucid.base.errors import WrongUse, near_misses

TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def names_of(loader: Callable[..., Any]) -> list[str]:
    """The keyword-only parameters of a loader: its settings."""
    return list(_parameters(loader))


def checked(name: str, loader: Callable[..., Any], settings: dict[str, Any]) -> dict[str, Any]:
    """`settings` for the data set `name`, words made values by the loader's annotations.

    Raises `WrongUse` for a setting that the loader does not know or that cannot be made a value.
    """
    known = _parameters(loader)
    for key in settings:
        if key not in known:
            close = near_misses(key, known)
            raise WrongUse(
                f"data set {name}",
                f"setting {key!r}",
                "one of " + ", ".join(known),
                f"did you mean {close[0]!r}?" if close else "choose one of them, or leave it out",
            )
    return {key: _value(name, key, value, known[key]) for key, value in settings.items()}


def _parameters(loader: Callable[..., Any]) -> dict[str, str]:
    """Setting → its annotation as written (modules here postpone annotations, so it is text)."""
    parameters = inspect.signature(loader).parameters.values()
    return {one.name: str(one.annotation) for one in parameters if one.kind is one.KEYWORD_ONLY}


def _value(name: str, key: str, value: Any, annotation: str) -> Any:
    made = _made(value, annotation)
    if made is None:
        raise WrongUse(
            f"data set {name}, setting {key}",
            f"{value!r}",
            {"int": "a whole number", "bool": "true or false"}.get(annotation, f"a {annotation}"),
            f"for example --set {key}={'true' if annotation == 'bool' else '64'}",
        )
    return made


def _made(value: Any, annotation: str) -> Any:
    """`value` as the annotated kind, or None if it cannot be made one without loss."""
    text = str(value).strip().lower()
    if annotation == "bool":
        return True if text in TRUE else False if text in FALSE else None
    if annotation == "int":
        if isinstance(value, bool):
            return None
        try:
            return (
                int(text) if isinstance(value, str) else int(value) if value == int(value) else None
            )
        except (ValueError, OverflowError, TypeError):
            return None
    return str(value) if annotation == "str" else value


def at_least(name: str, key: str, value: int, smallest: int) -> int:
    """`value`, or `WrongUse` if it is below `smallest`."""
    if value < smallest:
        raise WrongUse(
            f"data set {name}, setting {key}",
            str(value),
            f"a whole number from {smallest}",
            f"--set {key}={smallest}, or more",
        )
    return value
