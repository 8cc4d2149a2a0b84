"""242 characters of eight alphabets, 20 drawings each: few examples, many classes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pellucid.data.card import Card
from pellucid.data.source import Source, mirrored

if TYPE_CHECKING:
    from pellucid.data.dataset import Dataset
    from pellucid.data.decoded import Arrays

# the maker's repository under its two addresses; another public copy is not known
MIRRORS = (
    "https://raw.githubusercontent.com/brendenlake/omniglot/master/python",
    "https://github.com/brendenlake/omniglot/raw/master/python",
)

SOURCE = Source(
    folder="omniglot",
    also=("omniglot-py",),
    files=(
        mirrored(
            "images_background_small1.zip",
            "f38eb80f801274ac2b4dff5b24289016bfaba4a7d5bb50deebf27104ad6cb8a4",
            1_319_022,
            *MIRRORS,
        ),
        mirrored(
            "images_background_small2.zip",
            "3ccaa407515a8778e5d0861875af38b17e418f301ad5bb3b5a6b65d901a41c7f",
            1_580_917,
            *MIRRORS,
        ),
    ),
)

CARD = Card(
    name="omniglot",
    title="4,840 drawings of 242 characters of eight alphabets, 20 each",
    source="Lake, Salakhutdinov and Tenenbaum 2015, Science 350, 1332: the two small background "
    "sets",
    licence="MIT",
    flaws=(
        "the same 20 people drew all characters of an alphabet: every hand stands on both sides "
        "of a split",
        "drawn with a mouse or finger in a browser: smoother than ink",
    ),
    hashes=SOURCE.hashes,
    bright_on_dark=True,
)

SHARES = (0.6, 0.2, 0.2)
"""12, 4 and 4 of a character's 20 drawings."""


def load(*, split_seed: int = 0, size: int = 28) -> Dataset:
    """Bright strokes on dark, `size` × `size` of the original 105 × 105 pixels.

    12, 4 and 4 drawings of each character for train, validation and test.
    """
    import numpy as np

    from pellucid.data import decoded
    from pellucid.data.dataset import Split
    from pellucid.data.settings import at_least
    from pellucid.data.split import picture_dataset, stratified

    at_least(CARD.name, "size", size, 1)
    arrays = decoded.arrays(
        CARD.name, SOURCE, lambda paths: _decode(paths, size), variant=f"{size}"
    )
    classes = bytes(arrays["classes"]).decode().split("\n")
    everything = Split(arrays["images"], arrays["labels"].view("<i8").astype(np.int64))
    parts = stratified(everything.labels, SHARES, split_seed)
    train, validation, test = map(everything.take, parts)
    return picture_dataset(CARD, classes, train, validation, test)


def _decode(paths: dict[str, Path], size: int) -> Arrays:
    """Every drawing of both archives once (Greek and Latin lie in both), in the order of names."""
    import io
    import zipfile

    import numpy as np

    from pellucid.base.errors import BadData
    from pellucid.data import pictures

    drawings: dict[str, bytes] = {}
    for path in paths.values():
        try:
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    if name.endswith(".png"):
                        drawings["/".join(name.split("/")[-3:])] = archive.read(name)
        except zipfile.BadZipFile as error:
            raise BadData(
                str(path), f"a broken archive ({error})", "a whole zip", "get it again"
            ) from error
    names = sorted(drawings)
    classes = sorted({name.rsplit("/", 1)[0] for name in names})
    shrunk = [
        pictures.resize(255 - pictures.decode(io.BytesIO(drawings[name]), name), (size, size))
        for name in names
    ]
    places = {name: place for place, name in enumerate(classes)}
    labels = np.array([places[name.rsplit("/", 1)[0]] for name in names], dtype="<i8")
    return {
        "images": np.stack(shrunk).transpose(0, 3, 1, 2).copy(),
        "labels": labels.view(np.uint8),
        "classes": np.frombuffer("\n".join(classes).encode(), dtype=np.uint8),
    }
