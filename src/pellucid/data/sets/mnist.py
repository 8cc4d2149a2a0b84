"""70,000 handwritten digits, 28 × 28 pixels: the classic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.data.card import Card
from pellucid.data.source import Source, mirrored

if TYPE_CHECKING:
    from pellucid.data.dataset import Dataset

# yann.lecun.com refuses downloads since 2024; these two hold the originals
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist",
    "https://storage.googleapis.com/cvdf-datasets/mnist",
)

SOURCE = Source(
    folder="mnist",
    also=("MNIST/raw",),
    files=(
        mirrored(
            "train-images-idx3-ubyte.gz",
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            9_912_422,
            *MIRRORS,
        ),
        mirrored(
            "train-labels-idx1-ubyte.gz",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            28_881,
            *MIRRORS,
        ),
        mirrored(
            "t10k-images-idx3-ubyte.gz",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            1_648_877,
            *MIRRORS,
        ),
        mirrored(
            "t10k-labels-idx1-ubyte.gz",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            4_542,
            *MIRRORS,
        ),
    ),
)

CARD = Card(
    name="mnist",
    title="70,000 handwritten digits, 28 × 28 grey pixels, ten classes",
    source="LeCun, Cortes and Burges 1998, from NIST's Special Databases 1 and 3",
    licence="CC BY-SA 3.0",
    flaws=(
        "so easy that good networks differ by less than the test set can resolve: at 99.5 % "
        "accuracy the 95 % interval is 0.3 points wide",
        "some labels are wrong or cannot be decided by people either (Northcutt 2021 found 15 in "
        "the test set)",
        "used for model choice by everyone for decades: results on its test set are optimistic "
        "(Yadav and Bottou 2019)",
    ),
    hashes=SOURCE.hashes,
    bright_on_dark=True,
    centred="mass",
    content_share=20 / 28,
    stroke=2.5,
)


def load(*, split_seed: int = 0) -> Dataset:
    """The makers' 10,000 test digits; 5,000 of the other 60,000 are held out for validation."""
    from pellucid.data import idx_set

    return idx_set.load(CARD, SOURCE, [str(digit) for digit in range(10)], split_seed)
