"""Pellucid opens the black box of a neural network.

`import pellucid` loads nothing heavy: what it offers is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pellucid.base import version as _version

if TYPE_CHECKING:
    from pellucid.base.errors import PellucidError as PellucidError
    from pellucid.data.dataset import Dataset as Dataset
    from pellucid.data.load import load as load_data
    from pellucid.doctor.watching import watching as watching
    from pellucid.explain.explained import NotCovered as NotCovered
    from pellucid.explain.record import record as record
    from pellucid.train.fit import fit as fit
    from pellucid.train.recipe import Recipe as Recipe
    from pellucid.train.runs import Run as Run
    from pellucid.train.runs import load as load

__version__ = _version.VERSION

_OFFERED = {
    "Dataset": "pellucid.data.dataset:Dataset",
    "NotCovered": "pellucid.explain.explained:NotCovered",
    "PellucidError": "pellucid.base.errors:PellucidError",
    "Recipe": "pellucid.train.recipe:Recipe",
    "Run": "pellucid.train.runs:Run",
    "fit": "pellucid.train.fit:fit",
    "load": "pellucid.train.runs:load",
    "load_data": "pellucid.data.load:load",
    "record": "pellucid.explain.record:record",
    "watching": "pellucid.doctor.watching:watching",
}
"""Public name → module and name of what it stands for."""

__all__ = [
    "Dataset",
    "NotCovered",
    "PellucidError",
    "Recipe",
    "Run",
    "fit",
    "load",
    "load_data",
    "record",
    "watching",
]


def __getattr__(name: str) -> Any:
    if name not in _OFFERED:
        raise AttributeError(f"module 'pellucid' has no attribute {name!r}")
    module, _, attribute = _OFFERED[name].partition(":")
    found = getattr(importlib.import_module(module), attribute)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_OFFERED})
