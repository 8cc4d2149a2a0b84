"""Which rule explains which call."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache

from pellucid.explain import rules
from pellucid.explain.reading import Reading
from pellucid.scratch.explanation import Explanation

Rule = Callable[[Reading], Explanation]


@cache
def book() -> dict[str, Rule]:
    """Every rule of every family, by the call's name."""
    found: dict[str, Rule] = {}
    for entry in pkgutil.iter_modules(rules.__path__):
        module = importlib.import_module(f"{rules.__name__}.{entry.name}")
        for name, rule in getattr(module, "RULES", {}).items():
            assert name not in found, f"two rules for {name}"
            found[name] = rule
    return found


def rule_for(call: str) -> Rule | None:
    """The rule for a call such as `aten.add_.Tensor`."""
    return book().get(short_name(call))


def short_name(call: str) -> str:
    """`aten.add_.Tensor` → `add`: a call in place computes the same."""
    namespace, name, *_ = call.split(".")
    if namespace != "aten":
        return call
    return name.rstrip("_") if not name.endswith("__") else name
