"""What holds an operation of `scratch` against an entry of PyTorch's operator test suite, `op_db`.

`@counterpart("name in op_db", n)` marks a function from a sample's arguments to the operation and
its inputs. It raises `OutOfScope` with the rule for what `scratch` does not do; at least n samples
must be left, which is how many there were with PyTorch 2.13.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from pellucid.scratch.op import Op

Call = tuple[Op, tuple[Any, ...]]
"""An operation that has not run, and its inputs as PyTorch has them; `None` for one left out."""


class OutOfScope(Exception):
    """The sample asks for what the operation does not do, by the rule in the message."""


class Counterpart(NamedTuple):
    """One entry of op_db, and how its samples are called here."""

    name: str
    variant: str
    least: int
    call: Callable[..., Call]
    tolerance: float = 1e-8
    """Relative, of the gradients."""


COUNTERPARTS: list[Counterpart] = []


def counterpart(
    name: str, least: int, variant: str = "", tolerance: float = 1e-8
) -> Callable[[Callable[..., Call]], Callable[..., Call]]:
    def keep(call: Callable[..., Call]) -> Callable[..., Call]:
        COUNTERPARTS.append(Counterpart(name, variant, least, call, tolerance))
        return call

    return keep


def within(condition: Any, rule: str) -> None:
    """Leave the sample out unless it keeps to the rule."""
    if not condition:
        raise OutOfScope(rule)


def each(setting: Any) -> Any:
    """PyTorch's list of settings as our tuple."""
    return tuple(setting) if isinstance(setting, list | tuple) else setting
