"""An autoencoder's code: what each number does, and a walk from one picture to another."""

from __future__ import annotations

from pellucid.report import pictures
from pellucid.report.inside.looked import Looked
from pellucid.report.markup import figure, notes, section, text
from pellucid.report.material import Array
from pellucid.report.wording import quantity, signed


def render(looked: Looked) -> str:
    """A row of pictures for each number of the code, and the walk."""
    found = looked.instrument("codes")
    if found is None or not found[0]["dimensions"]:
        return ""
    facts, arrays = found
    lines = []
    for place, one in enumerate(facts["dimensions"]):
        names = [f"number {one['number']} at {signed(step)} spreads" for step in facts["steps"]]
        lines.append(
            f"<li><h4>number {one['number']} <small>spread {quantity(one['spread'], 2)}, moves a "
            f"pixel by {quantity(one['effect'], 2)} a spread</small></h4>"
            f"<div>{_row(arrays['along'][place], names)}</div></li>"
        )
    walk = ""
    if "walk" in arrays:
        names = [f"{place + 1} of {len(arrays['walk'])}" for place in range(len(arrays["walk"]))]
        body = f'<ul class="film"><li><div>{_row(arrays["walk"], names)}</div></li></ul>'
        ends = [looked.about["pictures"][at]["class"] for at in (0, -1)]
        walk = figure(f"A straight walk through the code, from {ends[0]} to {ends[1]}", body)
    return section(
        "codes",
        "What the code says",
        f"All that the network keeps of a picture are {facts['size']} numbers, the answer of "
        f"{facts['layer']}. Each row moves one of them from two spreads below to two above and "
        "leaves the others as they are.",
        figure("What each number does", f'<ul class="film wide">{"".join(lines)}</ul>'),
        walk,
        notes([*facts["limits"], *facts["skipped"]]),
    )


def _row(values: Array, names: list[str]) -> str:
    return "".join(
        f'<img src="{pictures.data_uri(pictures.unit(one))}" alt="{text(name)}" '
        f'title="{text(name)}">'
        for one, name in zip(values, names, strict=True)
    )
