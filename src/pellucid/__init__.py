"""Pellucid opens the black box of a neural network.

`import pellucid` loads nothing heavy: what it offers is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pellucid.base.errors import PellucidError as PellucidError

__version__ = "0.1.0"

_OFFERED = {
    "PellucidError": "pellucid.base.errors",
}


def __getattr__(name: str) -> Any:
    if name in _OFFERED:
        return getattr(importlib.import_module(_OFFERED[name]), name)
    raise AttributeError(f"module 'pellucid' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_OFFERED])
