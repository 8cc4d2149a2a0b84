"""70,000 pieces of clothing, 28 × 28 pixels: MNIST's form, harder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.data.card import Card
from pellucid.data.source import Source, mirrored

if TYPE_CHECKING:
    from pellucid.data.dataset import Dataset

# the makers' own store, then their repository
MIRRORS = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
)

SOURCE = Source(
    folder="fashion-mnist",
    also=("fashion_mnist", "FashionMNIST/raw"),
    files=(
        mirrored(
            "train-images-idx3-ubyte.gz",
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            26_421_880,
            *MIRRORS,
        ),
        mirrored(
            "train-labels-idx1-ubyte.gz",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            29_515,
            *MIRRORS,
        ),
        mirrored(
            "t10k-images-idx3-ubyte.gz",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            4_422_102,
            *MIRRORS,
        ),
        mirrored(
            "t10k-labels-idx1-ubyte.gz",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            5_148,
            *MIRRORS,
        ),
    ),
)

CARD = Card(
    name="fashion-mnist",
    title="70,000 pieces of clothing, 28 × 28 grey pixels, ten classes",
    source="Xiao, Rasul and Vollgraf 2017, Zalando Research, arXiv 1708.07747",
    licence="MIT",
    flaws=(
        "shirt, T-shirt, pullover and coat overlap: people read about 83.5 % rightly (the makers' "
        "own trial)",
        "one shop's studio pictures, made grey and inverted: nothing like a photograph of clothes",
    ),
    hashes=SOURCE.hashes,
    bright_on_dark=True,
    centred="box",
    content_share=1.0,
)

CLASSES = (
    "T-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)


def load(*, split_seed: int = 0) -> Dataset:
    """The makers' 10,000 test pictures; 5,000 of the other 60,000 are held out for validation."""
    from pellucid.data import idx_set

    return idx_set.load(CARD, SOURCE, CLASSES, split_seed)
