"""60,000 colour photographs, 32 × 32 pixels, of ten kinds of things."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pellucid.data.card import Card
from pellucid.data.source import Source, mirrored

if TYPE_CHECKING:
    from pellucid.data.dataset import Dataset
    from pellucid.data.decoded import Arrays

ARCHIVE = "cifar-10-binary.tar.gz"

SOURCE = Source(
    folder="cifar10",
    also=("cifar-10", "cifar"),
    files=(
        mirrored(
            ARCHIVE,
            # of the packed archive, as TensorFlow Datasets and others publish it, together with
            # the MD5 that the makers' page gives, c32a1d4ab5d03f1284b67883e8d87530
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            170_052_171,
            "https://www.cs.toronto.edu/~kriz",
            "https://cave.cs.toronto.edu/kriz",
            "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10",
        ),
    ),
)

CARD = Card(
    name="cifar10",
    title="60,000 colour photographs, 32 × 32 pixels, ten classes",
    source="Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images",
    licence="for research (the makers name none)",
    flaws=(
        "near duplicates: 3.3 % of the test pictures have one in train (Barz and Denzler 2020)",
        "about 0.5 % of the test labels are wrong (Northcutt 2021)",
    ),
    hashes=SOURCE.hashes,
)

CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)

TRAIN = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST = ("test_batch.bin",)
RECORD = 1 + 3 * 32 * 32
"""Bytes an example: the label, then red, green and blue row by row."""

VALIDATION_SHARE = 1 / 10
"""5,000 of 50,000."""


def load(*, split_seed: int = 0) -> Dataset:
    """The makers' 10,000 test pictures; 5,000 of the other 50,000 are held out for validation."""
    from pellucid.data import official

    return official.load(CARD, SOURCE, CLASSES, _decode, VALIDATION_SHARE, split_seed)


def _decode(paths: dict[str, Path]) -> Arrays:
    """The records of the archive's .bin files; nothing is unpacked to the disk."""
    import tarfile

    import numpy as np

    from pellucid.base.errors import BadData

    content: dict[str, bytes] = {}
    try:
        with tarfile.open(paths[ARCHIVE]) as archive:
            for member in archive:
                file = archive.extractfile(member)
                if file is not None and member.name.endswith(".bin"):
                    content[Path(member.name).name] = file.read()
        made = {}
        for part, names in (("train", TRAIN), ("test", TEST)):
            joined = b"".join(content[name] for name in names)
            records = np.frombuffer(joined, dtype=np.uint8).reshape(-1, RECORD)
            made[f"{part}-labels"] = records[:, 0].copy()
            made[f"{part}-images"] = records[:, 1:].reshape(-1, 3, 32, 32).copy()
    except (tarfile.TarError, EOFError, KeyError, ValueError) as error:
        raise BadData(
            str(paths[ARCHIVE]),
            f"an archive that cannot be read ({error})",
            f"{len(TRAIN) + len(TEST)} .bin files of whole records of {RECORD:,} bytes",
            "delete it and run: pellucid data get cifar10",
        ) from error
    return made
