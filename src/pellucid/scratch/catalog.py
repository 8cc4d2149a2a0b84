"""What operations there are: the families by folder, and every class in them."""

from __future__ import annotations

import inspect

from pellucid.base.catalog import Catalog
from pellucid.scratch.op import Op

OPS = Catalog("op family", "scratch.ops")


def every_op() -> list[type[Op]]:
    """Every operation of every family, by family and in the order of its file."""
    return [op for name in OPS.names() for op in ops_of(name)]


def ops_of(family: str) -> list[type[Op]]:
    """The operations of one family; classes that only hold what several share are left out.

    Raises `WrongUse` with the near misses if there is no such family.
    """
    module = OPS.load(family)
    return [
        member
        for member in vars(module).values()
        if inspect.isclass(member)
        and issubclass(member, Op)
        and member.__module__ == module.__name__
        and not inspect.isabstract(member)
    ]
