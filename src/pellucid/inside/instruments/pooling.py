"""What max pooling keeps of a picture: which cell of each window won.

Cells of a window are counted from 0 at its upper left, row by row.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from pellucid.base.records import Record
from pellucid.inside.listen import title
from pellucid.inside.subject import Reading, Subject

MAPS = 32


def measure(subject: Subject) -> Reading:
    """`winners.<layer>` (picture, map, row, column), and each cell's share of the wins."""
    pools = {
        name: module
        for name, module in subject.network.named_modules()
        if isinstance(module, nn.MaxPool2d)
    }
    listeners = {name: _Input(module) for name, module in pools.items()}
    try:
        subject.network(subject.shown)
    finally:
        given = {name: one.release() for name, one in listeners.items()}
    layers: list[Record] = []
    tensors: dict[str, Tensor] = {}
    for name, module in pools.items():
        if (values := given[name]) is not None and values.ndim == 4:
            won, size = _winners(module, values)
            tensors[f"winners.{title(name)}"] = won[:, :MAPS].contiguous()
            layers.append(_facts(name, won, size))
    skipped = [] if layers else ["The network has no max pooling as a module of its own."]
    limits = ["Of equal cells the first one counts as the winner.", f"At most {MAPS} maps a layer."]
    return Reading({"layers": layers, "error": 0.0, "limits": limits, "skipped": skipped}, tensors)


class _Input:
    """Keeps a copy of what a module is first given."""

    def __init__(self, module: nn.Module) -> None:
        self.kept: Tensor | None = None
        self.hook = module.register_forward_pre_hook(self._hear)

    def _hear(self, _module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if self.kept is None:
            self.kept = inputs[0].detach().clone()

    def release(self) -> Tensor | None:
        """What was kept; the hook is gone."""
        self.hook.remove()
        return self.kept


def _winners(module: nn.MaxPool2d, values: Tensor) -> tuple[Tensor, tuple[int, int]]:
    """(picture, map, row, column): the place of the winner in its window; and the window's size."""
    kernel, stride, padding = (_pair(getattr(module, name)) for name in _NAMES)
    _, places = functional.max_pool2d(
        values, kernel, stride, padding, module.dilation, module.ceil_mode, return_indices=True
    )
    dilation = _pair(module.dilation)
    rows, columns = places // values.shape[3], places % values.shape[3]
    top = torch.arange(places.shape[2]).view(-1, 1) * stride[0] - padding[0]
    left = torch.arange(places.shape[3]) * stride[1] - padding[1]
    row, column = (rows - top) // dilation[0], (columns - left) // dilation[1]
    return (row * kernel[1] + column).to(torch.int16), kernel


_NAMES = ("kernel_size", "stride", "padding")


def _pair(size: int | tuple[int, ...]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def _facts(name: str, won: Tensor, size: tuple[int, int]) -> Record:
    counts = torch.bincount(won.flatten().long(), minlength=size[0] * size[1])
    shares = (counts.double() / counts.sum()).tolist()
    return {"name": title(name), "window": list(size), "shares": shares, "maps": won.shape[1]}
