"""What the instruments found, as one self-contained page in the style of a run's report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pellucid.base.records import write_text
from pellucid.base.version import VERSION
from pellucid.report.inside import (
    attention,
    code,
    conscience,
    depth,
    film,
    gates,
    kernels,
    landscape,
    maps,
    pooling,
    units,
    why,
)
from pellucid.report.inside.looked import Looked
from pellucid.report.markup import facts, text
from pellucid.report.page import frame
from pellucid.report.sections import distributions
from pellucid.report.wording import shape

SECTIONS: dict[str, Callable[[Looked], str]] = {
    "Why this answer": why.render,
    "Can it be trusted": conscience.render,
    "From edges to objects": depth.render,
    "What excites a unit": units.render,
    "Filters": kernels.render,
    "Layer by layer": maps.render,
    "What pooling keeps": pooling.render,
    "What the code says": code.render,
    "Gates through time": gates.render,
    "Where it attends": attention.render,
    "Through training": film.render,
    "The loss around": landscape.render,
    "Weights and activations": distributions.render,
}
"""In the order of the page: how it is called in the contents, and what draws it."""


def write(folder: Path) -> Path:
    """Write `look.html` into the folder in which `look_at` left its records; its path.

    Raises `BadData` that names the file if a record is damaged or from a newer Pellucid.
    """
    path = folder / "look.html"
    write_text(path, page(Looked(folder)))
    return path


def page(looked: Looked) -> str:
    """The whole page as text."""
    shown = [(title, made) for title, render in SECTIONS.items() if (made := render(looked))]
    return frame(f"Inside {looked.name}", looked.name, _top(looked), shown, VERSION)


def _top(looked: Looked) -> str:
    about = looked.about
    names = [entry["class"] for entry in about["pictures"]]
    which = f"{len(names)} pictures"
    if len(names) == 1:
        which = f"one picture, {names[0]}" if names[0] else "one example"
    pairs = [
        ("Network", about["net"]),
        ("Pictures", str(about["dataset"])),
        ("Shown", which),
        ("Size", shape(about["shape"])),
    ]
    if about["layers"]:
        pairs.append(("Layers", ", ".join(about["layers"])))
    told = (
        "What the network looks for, what excites its units, and why it answers as it does. "
        "Every number comes with its error or with what it does not cover, below each figure."
    )
    return (
        f'<div class="hero" id="verdict"><div><h1>Inside {text(looked.name)}</h1>'
        f'<p class="told">{text(told)}</p></div>{facts(pairs)}</div>'
    )
