"""1,797 handwritten digits, 8 × 8 pixels, bundled with scikit-learn: nothing to download."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.data.card import Card

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pellucid.data.dataset import Dataset

SOURCE = None  # bundled

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


def load(*, split_seed: int = 0) -> Dataset:
    """Split 63 : 17 : 20 within each class. Counts of 0…16 become levels 0…255."""
    import numpy as np

    from pellucid.data.dataset import Split
    from pellucid.data.split import picture_dataset, stratified

    table = _table()
    pictures = table[:, :64].reshape(-1, 1, 8, 8)
    inputs = np.round(pictures * (255 / 16)).astype(np.uint8)
    everything = Split(inputs, table[:, 64].astype(np.int64))
    train, validation, test = (
        everything.take(index)
        for index in stratified(everything.labels, (0.63, 0.17, 0.20), split_seed)
    )
    return picture_dataset(CARD, [str(digit) for digit in range(10)], train, validation, test)


def _table() -> NDArray[np.float64]:
    """Rows of 64 counts and the digit. Read from scikit-learn's file without importing
    scikit-learn, which takes 1.5 s; through its function if the file lies elsewhere one day.
    """
    import importlib.util
    from pathlib import Path

    import numpy as np

    found = importlib.util.find_spec("sklearn")
    if found is not None and found.origin is not None:
        path = Path(found.origin).parent / "datasets" / "data" / "digits.csv.gz"
        if path.is_file():
            return np.loadtxt(path, delimiter=",")
    from sklearn.datasets import load_digits

    bunch = load_digits()
    table: NDArray[np.float64] = np.column_stack([bunch.data, bunch.target])
    return table
