"""What a change of one pixel does to a layer: two lines around every number of a small window.

What a number of a layer becomes is enclosed between two linear functions of the pixel's values s:

    base + change(s) − spread(s)  ≤  number  ≤  base + change(s) + spread(s)

where `base` is the number without any change of the picture. Outside of the window it stays `base`.

Rounding: a base is known with an error, which is added wherever the base is. The spread is given
room for its own rounding before every sum over inputs. A layer makes of a change no more than
|weights| · |change|, so the room that its inputs got is room for its answers too, up to the next
sum.

Shapes:  change, spread, upper, lower (piece, term, row, column, channel), see `lines`
         start (piece, 2): the row and column of the layer's map at which a piece's window begins
Source:  linear relaxations carried forward: Singh et al. 2019, An abstract domain for certifying
         neural networks (DeepPoly); here with the pixel's own values as the only variables
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from pellucid.fool.lines import Form

SLACK = 2.0**-40
"""Relative room for rounding in float64 for each sum of up to 4,096 terms.

The standard bound for a sum of n products in any order is n·u/(1 − n·u) of the sum of their sizes
with u = 2⁻⁵³ (Higham 2002, section 3.1): 2⁻⁴¹ for 4,096 terms. The other half is for the few
roundings around the sum. Longer sums get the same share for each term.
"""
TERMS = 4096
SINGLE = 2.0**-24
"""The largest relative rounding of a number to float32."""
AROUND = 64
"""In float32 the roundings around a sum that are allowed for, besides one for each term."""
LEAST = 1e-30
"""More than what numbers too small for float32 can add up to."""


def slack_of(terms: int, dtype: torch.dtype = torch.float64) -> float:
    """The relative room for a sum of `terms` products; in float32 twice the standard bound."""
    if dtype == torch.float32:
        return 2 * SINGLE * (terms + AROUND)
    return SLACK * max(1.0, terms / TERMS)


@dataclass(frozen=True)
class Map:
    """A layer's answer to the unchanged picture (row, column, channel), and a bound on its error.

    The error always has room for some roundings of the values themselves: see `known`.
    """

    values: Tensor
    error: Tensor

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.values.shape[0], self.values.shape[1]

    @cached_property
    def ends(self) -> Tensor:
        """The most and the least that each number can be: (row, column, 2 · channel)."""
        return torch.cat([self.values + self.error, self.values - self.error], dim=-1)

    def single(self) -> Map:
        """The same in float32, with room for that in the error."""
        return known(self.values.float(), self.error.float())


def known(values: Tensor, error: Tensor) -> Map:
    """A map whose error has room for what is done with its values."""
    return Map(values, error + 2 * slack_of(1, values.dtype) * (values.abs() + error))


@dataclass(frozen=True)
class Window:
    """The change of a layer's numbers, for many pieces at once.

    A window may reach beyond its map's edge; `within` drops what is there and means nothing.
    """

    form: Form
    start: Tensor
    change: Tensor
    spread: Tensor

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of every piece's window."""
        return self.change.shape[2], self.change.shape[3]

    def at(self, start: Tensor) -> Window:
        """The same window at another place."""
        return Window(self.form, start, self.change, self.spread)

    def moved(self, start: Tensor, size: tuple[int, int]) -> Window:
        """The same change seen through another window; what was not covered did not change."""
        offset = start - self.start
        if size == self.size and not bool(offset.any()):
            return self.at(start)
        if bool((offset == offset[0]).all()):
            row, column = (int(one) for one in offset[0])
            change, spread = (_slid(one, row, column, size) for one in (self.change, self.spread))
        else:
            places = _places(offset, size, self.size)
            change, spread = (_gathered(one, places, size) for one in (self.change, self.spread))
        return Window(self.form, start, change, spread)

    def within(self, shape: tuple[int, int]) -> Window:
        """The part on a map of this shape: rows and columns beyond its edge are dropped."""
        size = min(self.size[0], shape[0]), min(self.size[1], shape[1])
        return self.moved(inside(self.start, size, shape), size)

    def roomy(self, terms: int) -> Tensor:
        """The spread with room for the rounding of a sum, and of what follows up to the next."""
        sizes = self.form.sizes(self.change) + self.form.sizes(self.spread)
        room = sizes.mul_(4 * slack_of(terms, sizes.dtype)).add_(LEAST)
        return self.form.raised(self.spread.clone(), room)

    def lines(self, base: Map) -> Lines:
        """The two lines around each number."""
        high, low = cut(base.ends, self.start, self.size).chunk(2, dim=-1)
        upper = self.form.raised(self.change + self.spread, high)
        lower = self.form.raised(self.change - self.spread, low)
        return Lines(self.form, self.start, upper, lower)


@dataclass(frozen=True)
class Lines:
    """The two lines around each number of a window."""

    form: Form
    start: Tensor
    upper: Tensor
    lower: Tensor

    def window(self, base: Map) -> Window:
        """As the change of a map; the map's error has room for the subtraction."""
        size = self.upper.shape[2], self.upper.shape[3]
        change = (self.upper + self.lower).div_(2)
        spread = (self.upper - self.lower).div_(2)
        change = self.form.raised(change, -cut(base.values, self.start, size))
        return Window(self.form, self.start, change, spread)


def _slid(values: Tensor, row: int, column: int, size: tuple[int, int]) -> Tensor:
    """The part from (row, column) on, which may reach beyond all sides."""
    pieces, terms, rows, columns, channels = values.shape
    new = values.new_zeros(pieces, terms, *size, channels)
    top, left = max(row, 0), max(column, 0)
    bottom, right = min(row + size[0], rows), min(column + size[1], columns)
    if top < bottom and left < right:
        at_row, at_column = slice(top - row, bottom - row), slice(left - column, right - column)
        new[:, :, at_row, at_column] = values[:, :, top:bottom, left:right]
    return new


def _places(offset: Tensor, size: tuple[int, int], old: tuple[int, int]) -> Tensor:
    """For each cell of the new windows its place in the old ones, row after row; −1 is outside."""
    row = offset[:, 0, None] + torch.arange(size[0])
    column = offset[:, 1, None] + torch.arange(size[1])
    covered = ((row >= 0) & (row < old[0]))[:, :, None] & ((column >= 0) & (column < old[1]))[
        :, None
    ]
    place = row[:, :, None] * old[1] + column[:, None]
    return torch.where(covered, place, -1).flatten(1)


def _gathered(values: Tensor, places: Tensor, size: tuple[int, int]) -> Tensor:
    pieces, terms, rows, columns, channels = values.shape
    first = torch.arange(pieces * terms).view(pieces, terms, 1) * (rows * columns)
    place = first + places.clamp(min=0)[:, None]
    outside = (places < 0)[:, None].expand_as(place).flatten().nonzero().flatten()
    taken = values.reshape(-1, channels).index_select(0, place.flatten())
    return taken.index_fill_(0, outside, 0).view(pieces, terms, *size, channels)


def inside(start: Tensor, size: tuple[int, int], shape: tuple[int, int]) -> Tensor:
    """`start` moved so that a window of `size` lies on a map of `shape`."""
    most = torch.tensor([shape[0] - size[0], shape[1] - size[1]])
    return torch.minimum(start.clamp(min=0), most)


def cut(values: Tensor, start: Tensor, size: tuple[int, int]) -> Tensor:
    """A map (row, column, channel) seen through windows: (piece, row, column, channel)."""
    _, width, channels = values.shape
    row = start[:, 0, None] + torch.arange(size[0])
    column = start[:, 1, None] + torch.arange(size[1])
    place = row[:, :, None] * width + column[:, None]
    taken = values.reshape(-1, channels).index_select(0, place.flatten())
    return taken.view(len(start), *size, channels)
