"""A small filter slides over a signal or a picture.

`convolution_by_loops` is the definition; the operations below compute the same as matrix products.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from pellucid.base.errors import WrongUse
from pellucid.scratch.arrays import Array, Index, nth_place, window
from pellucid.scratch.explanation import Place, Terms
from pellucid.scratch.op import Op

Grid = Sequence[Sequence[int]]
"""By axis, some places; together all their combinations."""


def convolution_by_loops(
    x: Array, weight: Array, stride: int = 1, padding: int = 0, dilation: int = 1, groups: int = 1
) -> Array:
    """The definition for pictures, in plain loops: slow, and nothing hidden.

    x (pictures, channels, height, width), weight (filters, channels / groups, rows, columns)
    → (pictures, filters, height', width').
    """
    pictures, _, height, width = x.shape
    filters, channels, rows, columns = weight.shape
    out_height = (height + 2 * padding - dilation * (rows - 1) - 1) // stride + 1
    out_width = (width + 2 * padding - dilation * (columns - 1) - 1) // stride + 1
    out = np.zeros((pictures, filters, out_height, out_width), x.dtype)
    for picture, out_channel, i, j in np.ndindex(out.shape):
        group = out_channel // (filters // groups)
        for channel in range(channels):
            for row in range(rows):
                for column in range(columns):
                    y = i * stride - padding + row * dilation
                    z = j * stride - padding + column * dilation
                    if 0 <= y < height and 0 <= z < width:
                        seen = x[picture, group * channels + channel, y, z]
                        out[picture, out_channel, i, j] += (
                            seen * weight[out_channel, channel, row, column]
                        )
    return out


class Sliding(Op):
    """What the convolutions share: how a filter of any number of axes slides.

    Each of `stride`, `padding` and `dilation` is one number for all axes, or one for each.
    """

    def __init__(
        self,
        stride: int | Index = 1,
        padding: int | Index = 0,
        dilation: int | Index = 1,
        groups: int = 1,
    ) -> None:
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.groups = groups

    def steps(self) -> Iterator[tuple[int, int, int]]:
        """Stride, padding and dilation of each axis that the filter slides along."""
        return zip(
            *(self._each(s) for s in (self.stride, self.padding, self.dilation)), strict=True
        )

    def _each(self, setting: int | Index) -> Index:
        dimensions = self.arrays[1].ndim - 2
        return setting if isinstance(setting, tuple) else (setting,) * dimensions

    def meet(self, x: Array, weight: Array, channels: int, told: str) -> None:
        """Refuse a filter that does not fit the picture."""
        if x.ndim != weight.ndim or x.shape[1] != channels:
            count = "1 input channel" if channels == 1 else f"{channels} input channels"
            raise WrongUse(
                self.name(),
                f"weight {weight.shape}, so {count}",
                f"{x.shape[1] if x.ndim > 1 else 'no'}, as in x {x.shape}",
                told,
            )

    def offsets(self, kernel: Index, reach: Index) -> Iterator[tuple[Index, tuple[slice, ...]]]:
        """Each place in the filter, with what it meets of the padded picture as it slides.

        `reach`: at how many positions the filter stops, by axis.
        """
        for place in np.ndindex(*kernel):
            yield (
                place,
                tuple(
                    slice(k * dilation, k * dilation + stride * (count - 1) + 1, stride)
                    for k, count, (stride, _, dilation) in zip(
                        place, reach, self.steps(), strict=True
                    )
                ),
            )

    def unfold(self, x: Array, kernel: Index, reach: Index) -> Array:
        """What each filter position sees, as columns.

        x (n, c, …) → (n, groups, c/groups · kernel numbers, positions).
        """
        n, channels = x.shape[:2]
        widths = [(padding, padding) for _, padding, _ in self.steps()]
        padded = np.pad(x, [(0, 0), (0, 0), *widths]) if any(map(any, widths)) else x
        columns = np.empty((n, channels, *kernel, *reach), x.dtype)
        for place, ranges in self.offsets(kernel, reach):
            columns[window(slice(None), slice(None), *place)] = padded[window(..., *ranges)]
        seen = channels // self.groups * int(np.prod(kernel))
        return columns.reshape(n, self.groups, seen, int(np.prod(reach)))

    def fold(self, columns: Array, shape: Index, kernel: Index, reach: Index) -> Array:
        """The way back: every column is added to where it was seen. → `shape` (n, c, …)."""
        n, channels, *sizes = shape
        columns = columns.reshape(n, channels, *kernel, *reach)
        wide = [
            size + 2 * padding for size, (_, padding, _) in zip(sizes, self.steps(), strict=True)
        ]
        padded = np.zeros((n, channels, *wide), columns.dtype)
        for place, ranges in self.offsets(kernel, reach):
            padded[window(..., *ranges)] += columns[window(slice(None), slice(None), *place)]
        inner = (
            slice(padding, padding + size)
            for size, (_, padding, _) in zip(sizes, self.steps(), strict=True)
        )
        return padded[window(..., *inner)]

    def grouped(self, array: Array, channels: int) -> Array:
        """(n, channels, …) → (n, groups, channels/groups, positions)."""
        positions = int(np.prod(array.shape[2:]))
        return array.reshape(len(array), self.groups, channels // self.groups, positions)

    def products(self, seen: Grid, filters: Grid, f: int) -> Terms:
        """Number by number, what is seen times what the filter holds; then the bias of filter f.

        `seen` and `filters` give, by axis, the places in x and in the weight that meet.
        """
        values = self.arrays[0][np.ix_(*seen)].astype(np.float64).ravel()
        values = values * self.arrays[1][np.ix_(*filters)].ravel()
        count = len(values)
        if len(self.arrays) > 2:
            values = np.append(values, self.read(2, (f,)))

        def describe(number: int) -> tuple[str, tuple[Place, ...]]:
            if number == count:
                bias = self.place(2, (f,))
                return str(bias), (bias,)
            first = self.place(0, _nth(seen, number))
            second = self.place(1, _nth(filters, number))
            return f"{first} · {second}", (first, second)

        return Terms(values, describe)


def _nth(grid: Grid, number: int) -> Index:
    """The `number`-th place of a grid, counted along the last axis first."""
    places = nth_place(number, [len(axis) for axis in grid])
    return tuple(axis[place] for axis, place in zip(grid, places, strict=True))


def _parted(meetings: Sequence[Sequence[tuple[int, int]]]) -> tuple[Grid, Grid]:
    """Pairs by axis, (place in x, place in the filter), as two grids."""
    return [[x for x, _ in axis] for axis in meetings], [[k for _, k in axis] for axis in meetings]


def _on_channels(bias: Array, dimensions: int) -> Array:
    return bias.reshape(-1, *(1,) * dimensions)


def _sum_by_channel(gradient: Array) -> Array:
    return np.asarray(gradient.sum(axis=(0, *range(2, gradient.ndim))))


class Convolution(Sliding):
    """A filter slides over the picture; at each stop, what it covers is multiplied and summed.

    Formula:   out[n, f, i, j] = bias[f] + Σ_c Σ_r Σ_s weight[f, c, r, s] ·
               x[n, c, stride·i − padding + dilation·r, stride·j − padding + dilation·s],
               where x is 0 outside; with `groups`, a filter sees the channels of its own group
    Shapes:    x (n, c, h, w), weight (f, c/groups, r, s), bias (f,) or none → out (n, f, h', w'),
               h' = ⌊(h + 2·padding − dilation·(r−1) − 1) / stride⌋ + 1; or with one such axis
    Backward:  dx = every gradient laid back, through the filter, on what it covered;
               dweight = Σ grad · what was covered; dbias = Σ grad by filter
    Source:    Dumoulin and Visin 2016, A guide to convolution arithmetic for deep learning
    """

    def forward(self, x: Array, weight: Array, bias: Array | None = None) -> Array:
        channels = weight.shape[1] * self.groups
        told = "move the channels to the second axis of x, or give each filter as many as x has"
        self.meet(x, weight, channels, told)
        kernel = weight.shape[2:]
        self.reach = tuple(
            (size + 2 * padding - dilation * (width - 1) - 1) // stride + 1
            for size, width, (stride, padding, dilation) in zip(
                x.shape[2:], kernel, self.steps(), strict=True
            )
        )
        if min(self.reach) < 1:
            raise WrongUse(
                self.name(),
                f"a filter of {kernel} on a picture of {x.shape[2:]}",
                "a filter that fits inside the padded picture",
                "make the filter smaller, or the padding larger",
            )
        self.columns = self.unfold(x, kernel, self.reach)
        out = self._filters(weight) @ self.columns
        out = out.reshape(len(x), weight.shape[0], *self.reach)
        return out if bias is None else out + _on_channels(bias, len(kernel))

    def _filters(self, weight: Array) -> Array:
        """Every filter as one row: (groups, f/groups, c/groups · kernel numbers)."""
        return weight.reshape(self.groups, weight.shape[0] // self.groups, -1)

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        x, weight = self.arrays[:2]
        flat = self.grouped(gradient, weight.shape[0])
        dx = dweight = None
        if self.wanted[0]:
            seen = self._filters(weight).swapaxes(1, 2) @ flat
            dx = self.fold(seen, x.shape, weight.shape[2:], self.reach)
        if self.wanted[1]:
            by_picture = flat @ self.columns.swapaxes(2, 3)
            dweight = by_picture.sum(axis=0).reshape(weight.shape)
        return (dx, dweight, _sum_by_channel(gradient))[: len(self.arrays)]

    def terms(self, index: Index) -> Terms:
        x, weight = self.arrays[:2]
        n, f, *stops = index
        filters, width, *kernel = weight.shape
        first = f // (filters // self.groups) * width
        axes = zip(stops, kernel, x.shape[2:], self.steps(), strict=True)
        meetings = [
            [
                (stride * stop - padding + dilation * k, k)
                for k in range(reach)
                if 0 <= stride * stop - padding + dilation * k < size
            ]
            for stop, reach, size, (stride, padding, dilation) in axes
        ]
        seen, held = _parted(meetings)
        channels = range(first, first + width)
        return self.products([[n], channels, *seen], [[f], range(width), *held], f)


class TransposedConvolution(Sliding):
    """Every number of a small picture paints its copy of the filter into a larger one.

    Formula:   out[n, f, y, z] = bias[f] + Σ weight[c, f, r, s] · x[n, c, i, j] over all c, r, s, i
               and j with y = stride·i − padding + dilation·r, z = stride·j − padding + dilation·s
    Shapes:    x (n, c, h, w), weight (c, f/groups, r, s), bias (f,) or none → out (n, f, h', w'),
               h' = stride·(h−1) − 2·padding + dilation·(r−1) + 1 + `extra`; or with one such axis
    Backward:  dx = the convolution of grad with weight; dweight = Σ x · what it painted on;
               dbias = Σ grad by filter
    Source:    Dumoulin and Visin 2016, A guide to convolution arithmetic, section 4
    """

    def __init__(
        self,
        stride: int | Index = 1,
        padding: int | Index = 0,
        dilation: int | Index = 1,
        groups: int = 1,
        extra: int | Index = 0,
    ) -> None:
        super().__init__(stride, padding, dilation, groups)
        self.extra = extra

    def forward(self, x: Array, weight: Array, bias: Array | None = None) -> Array:
        self.meet(x, weight, weight.shape[0], f"make the weight's first axis {x.shape[1:2]}")
        kernel = weight.shape[2:]
        sizes = tuple(
            stride * (size - 1) - 2 * padding + dilation * (width - 1) + 1 + more
            for size, width, (stride, padding, dilation), more in zip(
                x.shape[2:], kernel, self.steps(), self._each(self.extra), strict=True
            )
        )
        shape = (len(x), weight.shape[1] * self.groups, *sizes)
        painted = self._brushes(weight).swapaxes(1, 2) @ self.grouped(x, x.shape[1])
        out = self.fold(painted, shape, kernel, x.shape[2:])
        return out if bias is None else out + _on_channels(bias, len(kernel))

    def _brushes(self, weight: Array) -> Array:
        """What each input number paints: (groups, c/groups, f/groups · kernel numbers)."""
        return weight.reshape(self.groups, weight.shape[0] // self.groups, -1)

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        x, weight = self.arrays[:2]
        columns = self.unfold(gradient, weight.shape[2:], x.shape[2:])
        dx = (self._brushes(weight) @ columns).reshape(x.shape)
        flat = self.grouped(x, x.shape[1])
        dweight = (flat @ columns.swapaxes(2, 3)).sum(axis=0).reshape(weight.shape)
        return (dx, dweight, _sum_by_channel(gradient))[: len(self.arrays)]

    def terms(self, index: Index) -> Terms:
        x, weight = self.arrays[:2]
        n, f, *at = index
        group, brush = divmod(f, weight.shape[1])
        width = weight.shape[0] // self.groups
        axes = zip(at, weight.shape[2:], x.shape[2:], self.steps(), strict=True)
        meetings = [
            [
                (stop, k)
                for k in range(reach)
                for stop, left in [divmod(place + padding - dilation * k, stride)]
                if left == 0 and 0 <= stop < size
            ]
            for place, reach, size, (stride, padding, dilation) in axes
        ]
        seen, held = _parted(meetings)
        channels = range(group * width, (group + 1) * width)
        return self.products([[n], channels, *seen], [channels, [brush], *held], f)
