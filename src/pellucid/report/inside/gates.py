"""A recurrent network's gates through time, and how far back its gradient reaches."""

from __future__ import annotations

from pellucid.base.records import Record
from pellucid.report import pictures
from pellucid.report.inside import plots
from pellucid.report.inside.looked import Looked
from pellucid.report.markup import chart, figure, notes, section, text
from pellucid.report.material import Array, Arrays
from pellucid.report.wording import quantity

WHOLE = {"axis": {"tickMinStep": 1, "format": "d"}}


def render(looked: Looked) -> str:
    """A chart of the gates' means and one of the gradient, then every unit as a map."""
    found = looked.instrument("gates")
    if found is None or not found[0]["layers"]:
        return ""
    facts, arrays = found
    figures = [_layer(layer, facts, arrays) for layer in facts["layers"]]
    return section(
        "gates",
        "Gates through time",
        f"What the memory does as it reads one example, {facts['picture'] or 'step by step'}: a "
        "gate near 1 is open, near 0 shut. The gradient tells how much the answer still depends "
        "on each step.",
        _slopes(facts, arrays),
        *figures,
        notes([*facts["limits"], *facts["skipped"], f"Largest difference from PyTorch: "
               f"{quantity(facts['error'], 2)}."]),
    )  # fmt: skip


def _slopes(facts: Record, arrays: Arrays) -> str:
    rows = [
        {"name": name.removeprefix("slope."), "step": step, "value": float(value)}
        for name, values in arrays.items()
        if name.startswith("slope.")
        for step, value in enumerate(values)
    ]
    if not rows:
        return ""
    names = list(dict.fromkeys(str(row["name"]) for row in rows))
    spec = plots.lines(
        rows, ("step", _axis(facts)), ("value", "size of the gradient"), names, across=WHOLE
    )
    title = "How much the answer depends on each step"
    body = plots.legend(names) + chart(spec, "the gradient's size at each step", 240)
    return figure(title, body)


def _axis(facts: Record) -> str:
    times = facts["times"]
    return f"step ({' '.join(times)})" if all(len(one) == 1 for one in times) else "step"


def _layer(layer: Record, facts: Record, arrays: Arrays) -> str:
    rows = [
        {"name": gate, "step": step, "value": value}
        for gate in layer["gates"]
        for step, value in enumerate(layer["means"][gate])
    ]
    spec = plots.lines(
        rows,
        ("step", _axis(facts)),
        ("value", "mean over the units"),
        layer["gates"],
        across=WHOLE,
    )
    maps = [
        _map(values, gate, facts["times"])
        for gate, values in zip(layer["gates"], arrays[f"gates.{layer['name']}"], strict=True)
    ]
    maps.append(_map(arrays[f"state.{layer['name']}"], "memory", facts["times"]))
    title = f"{layer['name']} ({layer['kind']}): {layer['units']} units, {layer['times']} steps"
    label = f"means of the gates of {layer['name']}"
    drawn = plots.legend(layer["gates"]) + chart(spec, label, 240)
    return figure(title, drawn + f'<div class="gates">{"".join(maps)}</div>')


def _map(values: Array, name: str, times: list[str]) -> str:
    """(time, unit) as a picture: steps from left to right, a row a unit."""
    scale = pictures.largest(values)
    image = pictures.data_uri(pictures.signed(values.T, scale, 4))
    words = f"{name}: a row a unit, {len(times)} steps from left to right, to ±{quantity(scale, 2)}"
    hover = text(words)
    return f'<div><h4>{text(name)}</h4><img src="{image}" alt="{hover}" title="{hover}"></div>'
