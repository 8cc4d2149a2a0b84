"""Whether the maps can be trusted: one table, three charts, and a verdict a method."""

from __future__ import annotations

from pellucid.base.records import Record
from pellucid.report.inside import plots
from pellucid.report.inside.looked import Looked
from pellucid.report.markup import chart, figure, notes, section, table, text
from pellucid.report.material import Arrays
from pellucid.report.wording import percent


def render(looked: Looked) -> str:
    """The checks of every method, beside chance and edges."""
    found = looked.instrument("attribution-checks")
    if found is None or not found[0]["methods"]:
        return ""
    facts, arrays = found
    methods = sorted(facts["methods"], key=lambda one: -one["gain"])
    curves = "".join(_curve(way, methods, arrays) for way in ("insertion", "deletion"))
    return section(
        "checks",
        "Can these maps be trusted?",
        "Three checks. Pixels come into a black picture, or go from the picture, in each method's "
        "order: a good order raises the answer early and ruins it early. The network's weights "
        "are shuffled layer by layer from the top: a map that stays the same does not explain the "
        "network. And on pictures with a planted tag that alone decides, the map should lie on it.",
        figure("", _table(methods)),
        f'<div class="pair">{curves}</div>',
        _destroyed(methods, facts["stages"], arrays),
        notes([*facts["limits"], *facts["skipped"]]),
    )


def _table(methods: list[Record]) -> str:
    again = any(one["relabelled"] is not None for one in methods)
    heads = ["Method", "Insertion − deletion", "Alike when destroyed", "On the planted tag"]
    heads += ["Alike after shuffled labels"] if again else []
    rows = [_row(one, again) for one in methods]
    return table([*heads, "Verdict"], rows, kind="tight", right=range(1, len(heads)))


def _row(one: Record, again: bool) -> list[str]:
    planted = one["planted"]
    mass = "–"
    if planted:
        mass = f"{percent(planted['mass'], 1)} ± {100 * planted['error']:.1f}"
    fails = one["verdict"]["fails"]
    verdict = (
        "for comparison" if one["baseline"] else " ".join(fails).replace("(-", "(−") or "passes"
    )
    kind = "bad" if fails else ""
    return [
        text(one["name"].replace("-", " ")),
        text(f"{one['gain']:+.3f} ± {one['gain_error']:.3f}".replace("-", "−")),
        text(_alike(one["likeness"])),
        text(mass),
        *([text(_alike(one["relabelled"]))] if again else []),
        f'<span class="{kind}">{text(verdict)}</span>',
    ]


def _alike(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}".replace("-", "−")


def _curve(way: str, methods: list[Record], arrays: Arrays) -> str:
    rows = []
    for one in methods:
        values = arrays[f"{one['name']}.{way}"]
        last = max(1, len(values) - 1)
        rows += [
            {"name": one["name"], "share": place / last, "value": float(value)}
            for place, value in enumerate(values)
        ]
    titles = {
        "insertion": ("Insertion: strongest pixels first into black", "pixels that are there"),
        "deletion": ("Deletion: strongest pixels first to black", "pixels that are gone"),
    }
    title, axis = titles[way]
    names = [one["name"] for one in methods]
    share = {"axis": {"format": ".0%"}}
    spec = plots.lines(
        rows,
        ("share", axis),
        ("value", "probability of the class"),
        names,
        across=share,
        upwards=share,
    )
    label = "; ".join(f"{one['name']}: mean {one[way]:.3f}" for one in methods)
    return figure(title, plots.legend(names) + chart(spec, label, 240))


def _destroyed(methods: list[Record], stages: list[str], arrays: Arrays) -> str:
    rows = [
        {"name": one["name"], "stage": place + 1, "layer": stages[place], "value": float(value)}
        for one in methods
        for place, value in enumerate(arrays[f"{one['name']}.destroyed"])
    ]
    if not rows:
        return ""
    names = [one["name"] for one in methods]
    step = {"axis": {"tickMinStep": 1, "format": "d"}}
    spec = plots.lines(
        rows,
        ("stage", "stage of destruction"),
        ("value", "rank correlation with the map before"),
        names,
        across=step,
    )
    told = ", then ".join(f"{place}: down to {name}" for place, name in enumerate(stages, 1))
    label = "; ".join(f"{one['name']}: {one['likeness']}" for one in methods)
    title = "What is left of the map while the network is destroyed"
    body = plots.legend(names) + chart(spec, label, 240) + notes([f"Stages: {told}."])
    return figure(title, body)
