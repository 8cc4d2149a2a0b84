"""Every choice of the training, and the machine it ran on."""

from __future__ import annotations

import shlex
from typing import Any

from pellucid.base.errors import PellucidError
from pellucid.base.records import Record
from pellucid.report.markup import figure, section, table, text
from pellucid.report.material import Material
from pellucid.report.wording import moment, quantity
from pellucid.train.defaults import default_recipe
from pellucid.train.recipe import Recipe

UNUSUAL = ("dataset", "net", "task", "seed")
"""Choices that have no usual value to differ from."""


def render(material: Material) -> str:
    """The table, what differs from the usual recipe in bold, and the environment."""
    return section(
        "recipe",
        "The recipe",
        "Every choice of this training by name. Bold ones with a mark differ from the usual recipe "
        "for this data and network, whose value stands beside them.",
        _beside(_choices(material), material.environment),
    )


def _beside(choices: str, environment: Record | None) -> str:
    if not environment:
        return figure("", choices)
    machine = figure("The machine", _machine(environment))
    return f'<div class="pair">{figure("The choices", choices)}{machine}</div>'


def _choices(material: Material) -> str:
    recipe = _flat(material.recipe)
    usual = _usual(material)
    rows = []
    for name, value in recipe.items():
        changed = name not in UNUSUAL and name in usual and usual[name] != value
        own = name not in usual and name not in UNUSUAL
        beside = f' <span class="usual">usual: {_value(usual[name])}</span>' if changed else ""
        cells = [text(name.replace("_", " ")), _value(value) + beside]
        rows.append((changed or own, cells))
    made = table(["Choice", "Value"], [cells for _, cells in rows], "choices")
    head, *lines = made.split("<tr><td>")
    marked = [
        ('<tr class="changed"><td>' if changed else "<tr><td>") + line
        for (changed, _), line in zip(rows, lines, strict=True)
    ]
    return head + "".join(marked)


def _usual(material: Material) -> Record:
    """The known-good recipe for the same data, network and task."""
    recipe, data = material.recipe, material.data
    try:
        if data is None:
            raise KeyError("data")
        usual = default_recipe(recipe["dataset"], data, net=recipe["net"], task=recipe["task"])
    except (PellucidError, LookupError, TypeError):  # a network or data set of the user's own
        usual = Recipe()
    return _flat(usual.as_record())


def _flat(record: Record) -> Record:
    hidden = ("schema", "settings")
    plain = {name: value for name, value in record.items() if name not in hidden}
    return {**plain, **record.get("settings", {})}


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return text(", ".join(map(str, value)) or "none")
    return text(quantity(value, 6)) if value != "" else "–"


def _machine(environment: Record) -> str:
    rows = []
    for name, value in environment.items():
        if name in ("schema", "look_at_test") or value in ("", None):
            continue
        if name == "command":
            value = shlex.join(map(str, value))
        shown = moment(value) if name == "started" else str(value)
        rows.append([text(name.replace("_", " ")), text(shown)])
    return table(["What", "Value"], rows)
