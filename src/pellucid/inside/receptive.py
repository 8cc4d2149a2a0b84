"""Which part of the picture one cell of a layer can see, found by trying."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pellucid.inside.listen import as_maps, listening

ROWS_AT_ONCE = 16


@dataclass(frozen=True)
class Windows:
    """For each cell (row, column) of a layer the first and last line of the picture that it sees.

    Where nothing reaches a cell, its last line lies before its first.
    """

    top: Tensor
    bottom: Tensor
    left: Tensor
    right: Tensor

    @property
    def largest(self) -> tuple[int, int]:
        """Rows and columns of the cell that sees most."""
        rows, columns = self.bottom - self.top + 1, self.right - self.left + 1
        return int(rows.clamp(min=0).max()), int(columns.clamp(min=0).max())

    def box(self, row: int, column: int) -> list[int]:
        """`[top, bottom, left, right]` of one cell, all of them inside the window."""
        return [int(edge[row, column]) for edge in (self.top, self.bottom, self.left, self.right)]


def receptive_fields(
    network: nn.Module, names: list[str], example: Tensor
) -> dict[str, tuple[int, int]]:
    """For each layer the largest (rows, columns) of `example` (c, h, w) that one cell can see."""
    return {name: one.largest for name, one in windows(network, names, example).items()}


def windows(network: nn.Module, names: list[str], example: Tensor) -> dict[str, Windows]:
    """What each cell of each layer can see of `example` (c, h, w); of flat layers each cell all.

    One row of the picture at a time is made NaN, "not a number", and every sum that it enters
    becomes NaN too. So the span of rows that reach a cell is read off; columns alike. Exact for
    everything that adds, multiplies, pools or normalises, along branches too, since nothing is
    assumed about the layers. Too small where a layer drops NaN, e.g. by comparing.
    """
    _, height, width = example.shape
    with _plain_sums():
        rows = _spans(network, names, example, height, axis=1)
        columns = _spans(network, names, example, width, axis=2)
    return {name: Windows(*rows[name], *columns[name]) for name in names if name in rows}


@contextmanager
def _plain_sums() -> Iterator[None]:
    """Every cell is summed by itself: libraries that transform tiles let NaN leak inside a tile."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # switching oneDNN off warns about an unrelated setting
        with (
            torch.backends.mkldnn.flags(enabled=False),
            torch.backends.nnpack.flags(enabled=False),
        ):
            yield


def _spans(
    network: nn.Module, names: list[str], example: Tensor, size: int, axis: int
) -> dict[str, tuple[Tensor, Tensor]]:
    """The first and last line along `axis` of the picture that reach each cell."""
    parts: dict[str, list[Tensor]] = {}

    def keep(name: str, _module: nn.Module, answer: Tensor) -> None:
        parts.setdefault(name, []).append(as_maps(answer).isnan().any(dim=1))

    for first in range(0, size, ROWS_AT_ONCE):
        lines = range(first, min(size, first + ROWS_AT_ONCE))
        blinded = example.repeat(len(lines), 1, 1, 1)
        for place, line in enumerate(lines):
            blinded[place].select(axis, line).fill_(torch.nan)
        with listening(network, names, keep):
            network(blinded)
    return {name: _ends(torch.cat(reached)) for name, reached in parts.items()}


def _ends(reached: Tensor) -> tuple[Tensor, Tensor]:
    """(line, row, column), true where a line reaches the cell → its first and last line."""
    lines = torch.arange(len(reached)).view(-1, 1, 1)
    first = torch.where(reached, lines, len(reached)).amin(dim=0)
    last = torch.where(reached, lines, -1).amax(dim=0)
    return first, last
