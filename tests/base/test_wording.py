"""Names get the article that they are spoken with."""

from __future__ import annotations

import pytest

from pellucid.base.wording import a


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("cat", "a cat"), ("airplane", "an airplane"), ("Ankle boot", "an Ankle boot"),
        ("uniform", "a uniform"), ("umbrella", "an umbrella"), ("user", "a user"), (4, "a 4"),
        (8, "an 8"), ("80", "an 80"), (11, "an 11"), (18, "an 18"), (12, "a 12"), (118, "a 118"),
        ("", "a "),
        ("one", "a one"), ("onion", "an onion"), ("ewe", "a ewe"), ("eel", "an eel"),
        ("ukulele", "a ukulele"), ("unlit", "an unlit"),
    ],
)  # fmt: skip
def test_the_article_fits(name: object, told: str) -> None:
    assert a(name) == told
