"""1,797 handwritten digits, 8 × 8 pixels, bundled with scikit-learn: nothing to download."""

from __future__ import annotations

import numpy as np

from pellucid.data.dataset import Card, Dataset, Split
from pellucid.data.split import picture_dataset, stratified

CARD = Card(
    name="digits",
    title="1,797 handwritten digits, 8 × 8 pixels, ten classes",
    source="Alpaydin and Kaynak 1998, Optical Recognition of Handwritten Digits, UCI; "
    "the part that scikit-learn bundles",
    licence="CC BY 4.0",
    flaws=(
        "43 writers, and which of them wrote a digit is not told: the same hand can stand on "
        "both sides of a split",
        "each pixel is a count of 0 to 16 ink dots in a 4 × 4 block of a 32 × 32 scan",
    ),
    bright_on_dark=True,
    centred="box",
)


def load(split_seed: int = 0) -> Dataset:
    """Split 63 : 17 : 20 within each class. Counts of 0…16 become levels 0…255."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    inputs = np.round(bunch.images * (255 / 16)).astype(np.uint8)[:, None]
    everything = Split(inputs, bunch.target.astype(np.int64))
    train, validation, test = (
        everything.take(index)
        for index in stratified(everything.labels, (0.63, 0.17, 0.20), split_seed)
    )
    return picture_dataset(CARD, [str(digit) for digit in range(10)], train, validation, test)
