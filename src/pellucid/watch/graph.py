"""The autograd graph behind a tensor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

RESHAPES = (
    "View", "Reshape", "UnsafeView", "Squeeze", "Unsqueeze", "Transpose", "Permute", "T", "Expand",
    "Alias", "Clone", "ToCopy", "Select", "Slice", "Contiguous", "ReshapeAlias", "Index",
)  # fmt: skip
"""Nodes that only move numbers."""


def makers(tensor: Tensor, most: int = 3) -> tuple[str, ...]:
    """The names of the nodes that made a tensor, the last first; pure moves are passed over."""
    found: list[str] = []
    node: Any = tensor.grad_fn
    for _ in range(40):
        if node is None or len(found) == most:
            break
        name = type(node).__name__.partition("Backward")[0]
        if name not in RESHAPES:
            found.append(name)
        following = [entry for entry, _ in node.next_functions if entry is not None]
        node = following[0] if following else None
    return tuple(found)


def learnt(loss: Tensor, of: type[Tensor] = nn.Parameter) -> Iterator[Tensor]:
    """Every parameter, or every leaf of another kind, that a loss depends on."""
    stack: list[Any] = [loss.grad_fn]
    known: set[Any] = set()
    while stack:
        node = stack.pop()
        if node is None or node in known:
            continue
        known.add(node)
        variable = getattr(node, "variable", None)
        if isinstance(variable, of):
            yield variable
        stack.extend(entry for entry, _ in node.next_functions)
