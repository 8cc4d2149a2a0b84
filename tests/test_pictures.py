"""The drawn pictures of the documentation are what their script draws today."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"


def stale(folder: Path) -> list[str]:
    """The pictures in `folder` that its script would draw otherwise."""
    pictures = runpy.run_path(str(folder / "draw_chapters.py"))["PICTURES"]
    return [
        name
        for name, draw in pictures.items()
        if (folder / name).read_text(encoding="utf-8") != draw()
    ]


def test_the_pictures_of_the_chapters_are_what_their_script_draws() -> None:
    assert stale(FOLDER) == []


def test_a_picture_that_was_not_drawn_again_is_found(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(FOLDER, tmp_path / "pictures"))
    picture = folder / "ravine.svg"
    picture.write_text(picture.read_text(encoding="utf-8").replace("rate 0.07", "rate 0.04"))
    assert stale(folder) == ["ravine.svg"]
