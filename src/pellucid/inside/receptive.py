"""Which part of the picture one cell of a layer can see, found by trying."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from pellucid.inside.listen import listening

ROWS_AT_ONCE = 16


def receptive_fields(
    network: nn.Module, names: list[str], example: Tensor
) -> dict[str, tuple[int, int]]:
    """For each layer the largest (rows, columns) of `example` (c, h, w) that one cell can see.

    One row of the picture at a time is made NaN, "not a number", and every sum that it enters
    becomes NaN too. So the span of rows that reach a cell is read off; columns alike. Exact for
    everything that adds, multiplies, pools or normalises, along branches too, since nothing is
    assumed about the layers. Too small where a layer drops NaN, e.g. by comparing.
    """
    _, height, width = example.shape
    with _plain_sums():
        rows = _spans(network, names, example, height, axis=1)
        columns = _spans(network, names, example, width, axis=2)
    return {name: (rows[name], columns[name]) for name in names if name in rows}


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
) -> dict[str, int]:
    """How many neighbouring lines along `axis` of the picture reach the cell that sees most."""
    parts: dict[str, list[Tensor]] = {}

    def keep(name: str, _module: nn.Module, answer: Tensor) -> None:
        parts.setdefault(name, []).append(answer.isnan().any(dim=1))

    for first in range(0, size, ROWS_AT_ONCE):
        lines = range(first, min(size, first + ROWS_AT_ONCE))
        blinded = example.repeat(len(lines), 1, 1, 1)
        for place, line in enumerate(lines):
            blinded[place].select(axis, line).fill_(torch.nan)
        with listening(network, names, keep):
            network(blinded)
    return {name: _longest(torch.cat(reached)) for name, reached in parts.items()}


def _longest(reached: Tensor) -> int:
    """(line, row, column), true where a line reaches a cell → the longest span of lines."""
    lines = torch.arange(1, len(reached) + 1).view(-1, 1, 1)
    last = torch.where(reached, lines, 0).amax(dim=0)
    first = torch.where(reached, lines, len(reached) + 1).amin(dim=0)
    return int((last - first + 1).clamp(min=0).max())
