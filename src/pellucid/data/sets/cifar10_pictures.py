"""CIFAR-10-JPEG: the 60,000 photographs of CIFAR-10 as JPEG files in one archive."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from pellucid.data.card import Card
from pellucid.data.source import RemoteFile, Source

if TYPE_CHECKING:
    from pellucid.data.dataset import Dataset
    from pellucid.data.decoded import Arrays

ARCHIVE = "cifar10-pictures.tar"

SOURCE = Source(
    folder="cifar10-pictures",
    files=(
        # No public copy of exactly this archive is known (those of others hold PNG files), so it
        # is only ever found on the disk.
        RemoteFile(
            ARCHIVE, "875cc6bc63f7167e7b28db518b730e35dd04322b5e73a98c6b58437a9536227e", 92_692_480
        ),
    ),
)

CARD = Card(
    name="cifar10-pictures",
    title="CIFAR-10-JPEG: 60,000 colour photographs, 32 × 32 pixels, ten classes",
    source="Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images; saved as JPEG",
    licence="for research (the makers name none)",
    flaws=(
        "JPEG of quality 75: results differ a little from those on lossless CIFAR-10, so call it "
        "CIFAR-10-JPEG",
        "near duplicates: 3.3 % of CIFAR-10's test pictures have one in train (Barz and Denzler "
        "2020)",
        "about 0.5 % of the test labels are wrong (Northcutt 2021)",
        "there is no public download: put the archive, {train,test}/<class>/<nnnn>.jpg in a tar, "
        "into PELLUCID_DATA/cifar10-pictures",
    ),
    hashes=SOURCE.hashes,
)


def load(*, split_seed: int = 0) -> Dataset:
    """The makers' 10,000 test pictures; 5,000 of the other 50,000 are held out for validation."""
    from pellucid.data import official
    from pellucid.data.sets.cifar10 import CLASSES, VALIDATION_SHARE

    return official.load(CARD, SOURCE, CLASSES, _decode, VALIDATION_SHARE, split_seed)


def _decode(paths: dict[str, Path]) -> Arrays:
    """Every JPEG of the archive, read where it lies: about 10 s once, then kept as arrays."""
    import numpy as np

    from pellucid.data import fetch, pictures
    from pellucid.data.sets.cifar10 import CLASSES

    images: dict[str, list[pictures.Pixels]] = {"train": [], "test": []}
    labels: dict[str, list[int]] = {"train": [], "test": []}
    members = _members(paths[ARCHIVE])
    for done, (name, content) in enumerate(sorted(members.items()), 1):
        part, kind = name.split("/")[-3:-1]
        if part in images and kind in CLASSES:
            picture = pictures.decode(io.BytesIO(content), f"{paths[ARCHIVE]}/{name}")
            images[part].append(pictures.channels(picture, 3).transpose(2, 0, 1))
            labels[part].append(CLASSES.index(kind))
        if done % 500 == 0 or done == len(members):
            fetch.listener.counted("decoding JPEG pictures, once", done, len(members))
    return {f"{part}-images": np.stack(images[part]) for part in images} | {
        f"{part}-labels": np.array(labels[part], dtype=np.uint8) for part in labels
    }


def _members(path: Path) -> dict[str, memoryview]:
    """Name → content of every JPEG. One read of 93 MB instead of millions of small ones."""
    import tarfile

    from pellucid.base.errors import BadData

    content = memoryview(path.read_bytes())
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            return {
                one.name: content[one.offset_data : one.offset_data + one.size]
                for one in archive
                if one.name.endswith(".jpg")
            }
    except tarfile.TarError as error:
        raise BadData(
            str(path), f"an archive that cannot be read ({error})", "a whole tar", "get it again"
        ) from error
