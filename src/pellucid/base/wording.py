"""Small words around the user's own names."""

from __future__ import annotations

import re

SOUNDS_OPEN = re.compile(
    r"[ai]|e(?!u|we)|o(?!ne\b|nce)|u(?!ni|s[ae]|k|t[ei])|8|1[18](?!\d)", re.IGNORECASE
)
"""How a name begins before which "a" becomes "an": a vowel as in "unlit", not as in "uniform" or
"one"; the numbers eight, eleven and eighteen."""


def a(name: object) -> str:
    """The name with its article: a 4, an 8, an airplane."""
    return f"an {name}" if SOUNDS_OPEN.match(str(name)) else f"a {name}"
