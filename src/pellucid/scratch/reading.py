"""Which files a training ran through, in the order in which they read best."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

from pellucid.scratch.layer import Layer
from pellucid.scratch.tensor import Tensor

HOME = Path(__file__).resolve().parent
"""Where all of these files lie."""


def files(network: Layer, net: ModuleType, loss: Tensor) -> dict[str, str]:
    """Every file below `HOME` that made `loss`, and the first line of what it says of itself.

    First tensor and operation, then the families of operations in the order in which the data
    met them, the layers, the file `net` that puts them together, and what makes it learn.
    """
    ops = [type(tensor.made_by).__module__ for tensor in history(loss) if tensor.made_by]
    layers = [type(layer).__module__ for layer in network.layers()]
    layers = [name for name in layers if name != net.__name__]  # it comes after what it is made of
    own = [f"pellucid.scratch.{name}" for name in ("tensor", "op")]
    learning = ("initialisers", "losses", "optimisers", "batches", "loop")
    last = [f"pellucid.scratch.{name}" for name in learning]
    order = dict.fromkeys([*own, *ops, "pellucid.scratch.layer", *layers, net.__name__, *last])
    return {_path(name): _first_line(name) for name in order}


def history(tensor: Tensor) -> list[Tensor]:
    """All that `tensor` was made of, makers before the made, itself last."""
    order: list[Tensor] = []
    known: set[int] = set()
    stack = [(tensor, False)]
    while stack:
        one, is_ready = stack.pop()
        if is_ready:
            order.append(one)
        elif id(one) not in known:
            known.add(id(one))
            stack.append((one, True))
            stack.extend((source, False) for source in reversed(one.made_from))
    return order


def _path(module: str) -> str:
    return "/".join(module.split(".")[2:]) + ".py"


def _first_line(module: str) -> str:
    text = sys.modules[module].__doc__ or ""
    return text.split("\n", 1)[0].rstrip(".")
