"""One self-contained page from a run folder: it opens from the disk and fetches nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pellucid.base.records import read_json, to_json, write_text
from pellucid.report.markup import text
from pellucid.report.material import Material
from pellucid.report.sections import (
    activation_maps,
    calibration,
    classes,
    confusion,
    curves,
    data,
    distributions,
    doctor,
    explanations,
    filters,
    looks,
    mistakes,
    recipe,
    restored,
    samples,
    verdict,
)
from pellucid.report.style import CONFIG

ASSETS = Path(__file__).parent / "assets"

SECTIONS: dict[str, Callable[[Material], str]] = {
    "How it learned": curves.render,
    "What the doctor found": doctor.render,
    "Class by class": classes.render,
    "What was taken for what": confusion.render,
    "Sure and right": calibration.render,
    "The surest mistakes": mistakes.render,
    "Damaged, restored, true": restored.render,
    "What it writes": samples.render,
    "The first layer": filters.render,
    "Layer by layer": activation_maps.render,
    "Where a number comes from": explanations.render,
    "Weights and activations": distributions.render,
    "The recipe": recipe.render,
    "Looks at the test set": looks.render,
    "The data": data.render,
}
"""In the order of the page: how it is called in the contents, and what draws it."""


def write(run_folder: Path) -> Path:
    """Write `report.html` into the run folder, whole or not at all, and return its path.

    A section whose records are missing is left out. Raises `BadData` that names the file if a
    record is damaged or from a newer Pellucid; an earlier page then stays as it was.
    """
    path = run_folder / "report.html"
    write_text(path, page(Material(run_folder)))
    return path


def page(material: Material) -> str:
    """The whole page as text."""
    shown = [(title, made) for title, render in SECTIONS.items() if (made := render(material))]
    version = (material.environment or {}).get("pellucid", "")
    return frame(
        f"{material.recipe['dataset']} · {material.recipe['net']}",
        material.name,
        verdict.render(material),
        shown,
        version,
    )


def frame(title: str, run: str, top: str, shown: list[tuple[str, str]], version: str) -> str:
    """A page around its top and its sections, each with its name in the contents."""
    contents = "".join(
        f'<li><a href="#{_anchor(made)}">{text(name)}</a></li>' for name, made in shown
    )
    return _PAGE.format(
        title=text(title),
        run=text(run),
        version=text(version),
        theme=_asset("theme.js"),
        style=_asset("page.css"),
        verdict=top,
        contents=contents,
        sections="\n".join(made for _, made in shown),
        config=to_json(CONFIG, indent=None).replace("<", "\\u003c"),
        libraries=_libraries(),
        script=_asset("page.js"),
    )


def sections(page_text: str) -> list[str]:
    """The names of the sections of a page, in order."""
    return [_anchor("<section" + part) for part in page_text.split("<section")[1:]]


def _anchor(made: str) -> str:
    return made.partition('id="')[2].partition('"')[0]


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _libraries() -> str:
    """The chart library's files, each under its licence, without pointers to other files."""
    parts = []
    for library in read_json(ASSETS / "libraries.json")["libraries"]:
        licence = _asset(library["licence_file"]).replace("*/", "* /")
        code = _asset(library["file"]).split("\n//# sourceMappingURL=")[0]
        words = f"/* {library['name']} {library['version']}\n{licence}*/"
        parts.append(f"<script>\n{words}\n{code}\n</script>")
    return "\n".join(parts)


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="Pellucid {version}">
<title>{title} – Pellucid</title>
<link rel="icon" href="data:,">
<script>
{theme}</script>
<style>
{style}</style>
</head>
<body>
<a class="skip" href="#content">To the content</a>
<div class="frame">
<header class="top"><span class="brand">Pellucid</span><span class="run">{run}</span>
<button class="theme" type="button" hidden title="Light or dark">Dark</button></header>
{verdict}
<nav aria-label="Contents"><ol>{contents}</ol></nav>
<main id="content">
<noscript><p class="note">The charts need JavaScript; pictures and tables do not.</p></noscript>
{sections}
</main>
<footer>Made by Pellucid {version} from the run {run}. This page is one file and fetches nothing.
</footer>
</div>
<script type="application/json" id="chart-config">{config}</script>
{libraries}
<script>
{script}</script>
</body>
</html>
"""
