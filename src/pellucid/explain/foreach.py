"""Calls on lists of tensors, `_foreach_…`, as the call on one of them that each of them is."""

from __future__ import annotations

from typing import Any

from pellucid.watch.calls import Call

PREFIX = "_foreach_"
NAMES = {"tensors1": "end", "weights": "weight", "scalars": "value", "scalar": "other"}
"""Argument of a `_foreach_` call → what the call on one tensor names it."""
FOR_PRODUCTS = {"addcmul", "addcdiv"}
"""Here the scalar is the factor `value`; in `add`, `mul` and their like it is the `other`."""


def arguments_of_one(call: Call, place: int, short: str) -> dict[str, Any]:
    """The arguments of the `place`-th of the calls that a call on lists stands for."""
    found: dict[str, Any] = {}
    for name, value in call.arguments().items():
        renamed = NAMES.get(name, name)
        if name in ("scalars", "scalar"):
            renamed = "value" if short in FOR_PRODUCTS else "other"
        if short == "pow" and name in ("scalar", "scalars", "other"):
            renamed = "exponent"
        found[renamed] = value[place] if isinstance(value, tuple) else value
    return found
