"""What the tests of data share: a folder and a cache of their own, and no network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from made import Draw


@pytest.fixture(autouse=True)
def own_places(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty cache, no data folder of the user's, and the network forbidden."""
    if request.node.get_closest_marker("real"):
        return
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PELLUCID_DATA", raising=False)
    monkeypatch.setenv("PELLUCID_OFFLINE", "1")


@pytest.fixture
def draw() -> Draw:
    """Writes a picture of noise: `draw(path, seed, mode, size)`."""

    def write(
        path: Path, seed: int = 0, mode: str = "RGB", size: tuple[int, int] = (40, 30)
    ) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        columns, rows = size
        shape = (rows, columns, len(mode)) if len(mode) > 1 else (rows, columns)
        pixels = np.random.RandomState(seed).randint(0, 256, shape).astype(np.uint8)
        Image.fromarray(pixels).save(path)
        return path

    return write


@pytest.fixture
def pets(tmp_path: Path, draw: Draw) -> Path:
    """A folder with twenty pictures of cats and twenty of dogs, of two sizes."""
    for place, name in enumerate(("cats", "dogs")):
        for number in range(20):
            size = (40, 30) if number % 2 else (30, 50)
            draw(tmp_path / "pets" / name / f"{number:02}.png", 100 * place + number, size=size)
    return tmp_path / "pets"
