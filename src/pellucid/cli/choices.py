"""From what was typed to data and recipe: `--set` pairs find whoever knows their name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from pellucid.base.errors import WrongUse, unknown_name
from pellucid.data.dataset import Dataset
from pellucid.data.load import accepted_settings as data_settings
from pellucid.data.load import load as load_data
from pellucid.train.build import NETS
from pellucid.train.build import accepted_settings as net_settings
from pellucid.train.defaults import default_recipe
from pellucid.train.recipe import Recipe, Setting
from pellucid.train.task import TASKS
from pellucid.train.task import accepted_settings as task_settings

OWN = frozenset(("dataset", "net", "task", "settings"))
"""Fields of a recipe that have a place of their own on the command line."""


def choose(
    data: str,
    net: str | None,
    task: str | None,
    pairs: Sequence[str],
    options: dict[str, Any],
) -> tuple[Dataset, Recipe]:
    """Load the data and make the recipe: the known-good one, with what was asked for.

    `pairs` are `key=value` texts, `options` recipe fields of which None means not asked for.
    Raises `WrongUse` with near misses for a key that nobody knows.
    """
    settings = dict(parse_pair(pair) for pair in pairs)
    for_data = {key: value for key, value in settings.items() if key in data_settings(data)}
    if task is not None and task not in TASKS.names():
        raise unknown_name("task", task, TASKS.names())
    if net is not None:
        net_settings(net)
    dataset = load_data(data, **for_data)
    recipe = default_recipe(data, dataset.as_record(), net, task)
    own = {field.name for field in fields(Recipe)} - OWN
    known = own | {*data_settings(data), *net_settings(recipe.net), *task_settings(recipe.task)}
    for key in settings:
        if key not in known:
            raise _unknown_key(key, known, data)
    asked = {key: value for key, value in options.items() if value is not None}
    return dataset, _changed(recipe, _fields(settings, own), asked)


def _changed(recipe: Recipe, settings: dict[str, Any], asked: dict[str, Any]) -> Recipe:
    """The recipe with what was typed; what it refuses is called as it was typed."""
    try:
        return recipe.with_changes({**settings, **asked})
    except WrongUse as error:
        field = error.where.removeprefix("recipe, ")
        _, equals, usual = error.fix.partition(f"{field}=")
        if not equals:
            raise
        option, pair = f"--{field.replace('_', '-')}", f"--set {field}="
        where, written = (option, f"{option} ") if field in asked else (f"--set {field}", pair)
        fix = f"for example {written}{usual}"
        raise WrongUse(where, error.found, error.expected, fix) from error


def _unknown_key(key: str, known: set[str], data: str) -> WrongUse:
    """The error for a key that nobody asks for here, and who does ask for it."""
    if key == "skip_broken":
        return WrongUse("--skip-broken", f"data {data}", "a folder of pictures", "leave it out")
    error = unknown_name("--set", key, known)
    owners = [f"--task {name}" for name in TASKS.names() if key in task_settings(name)]
    owners += [f"--net {name}" for name in NETS.names() if key in net_settings(name)]
    if owners:
        error = WrongUse(
            error.where, error.found, error.expected, f"{key} belongs to {' or '.join(owners)}"
        )
    return error


def parse_pair(pair: str) -> tuple[str, Setting]:
    """`noise=0.5` → ("noise", 0.5)."""
    key, equals, text = pair.partition("=")
    if not equals or not key:
        raise WrongUse("--set", repr(pair), "key=value", "write for example --set noise=0.5")
    return key.replace("-", "_"), parse_value(text)


def parse_value(text: str) -> Setting:
    """A whole number, a number, true or false, else the text itself."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _fields(settings: dict[str, Setting], own: set[str]) -> dict[str, Any]:
    """Settings with the types that the recipe's own fields have."""
    made: dict[str, Any] = dict(settings)
    for key in own & settings.keys():
        value, usual = settings[key], getattr(Recipe, key)
        if key == "augment":
            made[key] = tuple(word for word in str(value).split(",") if word not in ("", "none"))
        elif isinstance(usual, float) and isinstance(value, int) and not isinstance(value, bool):
            made[key] = float(value)
        elif isinstance(usual, str):
            made[key] = str(value)
    return made
