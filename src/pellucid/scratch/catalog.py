"""What there is: operations, layers and networks by folder, and every class in them."""

from __future__ import annotations

import inspect

from pellucid.base.catalog import Catalog
from pellucid.scratch.layer import Layer
from pellucid.scratch.op import Op

OPS = Catalog("op family", "scratch.ops")
LAYERS = Catalog("layer family", "scratch.layers")
NETS = Catalog("scratch net", "scratch.nets")


def every_op() -> list[type[Op]]:
    """Every operation of every family, by family and in the order of its file."""
    return [op for name in OPS.names() for op in ops_of(name)]


def ops_of(family: str) -> list[type[Op]]:
    """The operations of one family; classes that only hold what several share are left out.

    Raises `WrongUse` with the near misses if there is no such family.
    """
    return [entry for entry in _classes(OPS, family) if issubclass(entry, Op)]


def every_layer() -> list[type[Layer]]:
    """Every layer of every family, by family and in the order of its file."""
    return [layer for name in LAYERS.names() for layer in layers_of(name)]


def layers_of(family: str) -> list[type[Layer]]:
    """The layers of one family; classes that only hold what several share are left out.

    Raises `WrongUse` with the near misses if there is no such family.
    """
    return [entry for entry in _classes(LAYERS, family) if issubclass(entry, Layer)]


def _classes(catalog: Catalog, family: str) -> list[type[object]]:
    """The classes that the family's own file makes and that are whole."""
    module = catalog.load(family)
    return [
        member
        for member in vars(module).values()
        if inspect.isclass(member)
        and member.__module__ == module.__name__
        and not inspect.isabstract(member)
    ]
