"""32,033 first names as sequences of letters: text to learn the next letter of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.data.card import Card
from pellucid.data.source import Source, mirrored

if TYPE_CHECKING:
    from pellucid.data.dataset import Dataset

SOURCE = Source(
    folder="names",
    files=(
        mirrored(
            "names.txt",
            "0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d",
            228_145,
            "https://raw.githubusercontent.com/karpathy/makemore/master",
            "https://cdn.jsdelivr.net/gh/karpathy/makemore@master",
        ),
    ),
)

CARD = Card(
    name="names",
    title="32,033 first names, 26 letters and a boundary",
    source="Karpathy, makemore, from the US Social Security Administration's lists",
    licence="MIT",
    flaws=(
        "names given in the United States in one year: others are spelt with the 26 letters or "
        "missing",
        "2,539 names stand there twice (girls and boys); a name lies in one split only",
    ),
    hashes=SOURCE.hashes,
)

BOUNDARY = "."
SHARES = (0.8, 0.1, 0.1)


def load(*, split_seed: int = 0) -> Dataset:
    """One row a name: boundary + name → name + boundary. Split 80 : 10 : 10 by distinct names."""
    import numpy as np

    from pellucid.data import find
    from pellucid.data.split import generator, symbol_dataset
    from pellucid.data.symbols import read_text, words_as_split

    names = read_text(find.get(CARD.name, SOURCE)["names.txt"]).split()
    distinct = sorted(set(names))
    order = generator(split_seed, "split").permutation(len(distinct))
    cuts = np.round(np.cumsum(SHARES)[:-1] * len(distinct)).astype(np.int64)
    part_of = {
        distinct[place]: part
        for part, places in enumerate(np.split(order, cuts))
        for place in places
    }
    vocabulary = [BOUNDARY, *sorted(set("".join(names)))]
    length = max(map(len, names)) + 1
    train, validation, test = (
        words_as_split([name for name in names if part_of[name] == part], vocabulary, length)
        for part in range(len(SHARES))
    )
    return symbol_dataset(CARD, vocabulary, (train, validation, test), ())
