"""A window slides over a signal or a picture and keeps one number of what it covers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from pellucid.base.errors import WrongUse
from pellucid.scratch.arrays import Array, Index, window
from pellucid.scratch.explanation import Term
from pellucid.scratch.op import Op


class Window(Op):
    """What the poolings share: where a window stops, and what it covers there.

    `kernel` has one size for each axis that the window slides along: the last ones. With `ceil`
    a last window may stick out at the far end, if it begins inside the padded picture.
    """

    def __init__(
        self,
        kernel: Index,
        stride: int | Index | None = None,
        padding: int | Index = 0,
        ceil: bool = False,
    ) -> None:
        self.kernel = kernel
        self.stride = self._each(kernel if stride is None else stride)
        self.padding = self._each(padding)
        self.dilation = self._each(1)
        self.ceil = ceil

    def _each(self, setting: int | Index) -> Index:
        return setting if isinstance(setting, tuple) else (setting,) * len(self.kernel)

    def lead(self, x: Array) -> Index:
        """The axes along which the window does not slide."""
        return x.shape[: x.ndim - len(self.kernel)]

    def steps(self, x: Array) -> Iterator[tuple[int, int, int, int, int]]:
        """Size, window, stride, padding and dilation of each axis that the window slides along."""
        sizes = x.shape[x.ndim - len(self.kernel) :]
        return zip(sizes, self.kernel, self.stride, self.padding, self.dilation, strict=True)

    def reach(self, x: Array) -> Index:
        """At how many places the window stops, by axis."""
        reach = []
        for size, width, stride, padding, dilation in self.steps(x):
            room = size + 2 * padding - dilation * (width - 1) - 1
            count = (-(-room // stride) if self.ceil else room // stride) + 1
            sticks_out = self.ceil and (count - 1) * stride >= size + padding
            reach.append(count - 1 if sticks_out else count)
        if min(reach) < 1:
            raise WrongUse(
                self.name(),
                f"a window of {self.kernel} on a picture of {x.shape[-len(self.kernel) :]}",
                "a window that fits inside the padded picture",
                "make the window smaller, or the padding larger",
            )
        return tuple(reach)

    def padded(self, x: Array, value: float) -> Array:
        """`x` with a border of `value` wherever a window sticks out."""
        widths = [(0, 0)] * len(self.lead(x))
        for count, (size, width, stride, padding, dilation) in zip(
            self.reach(x), self.steps(x), strict=True
        ):
            needed = (count - 1) * stride + dilation * (width - 1) + 1
            widths.append((padding, max(padding, needed - size - padding)))
        is_bare = not any(map(any, widths))
        return x if is_bare else np.pad(x, widths, constant_values=value)

    def cropped(self, padded: Array, x: Array) -> Array:
        """Without the border."""
        inner = (slice(padding, padding + size) for size, _, _, padding, _ in self.steps(x))
        return padded[window(..., *inner)]

    def offsets(self, x: Array) -> Iterator[tuple[slice, ...]]:
        """For each place in the window, what it meets of the padded picture as it slides."""
        reach = self.reach(x)
        for place in np.ndindex(*self.kernel):
            yield tuple(
                slice(k * dilation, k * dilation + stride * (count - 1) + 1, stride)
                for k, stride, dilation, count in zip(
                    place, self.stride, self.dilation, reach, strict=True
                )
            )

    def covered(self, index: Index) -> list[Index]:
        """Which numbers of the picture the window covers when it makes the number at `index`."""
        (x,) = self.arrays
        lead = len(self.lead(x))
        ranges = []
        for stop, (size, width, stride, padding, dilation) in zip(
            index[lead:], self.steps(x), strict=True
        ):
            start = stop * stride - padding
            places = range(start, start + dilation * (width - 1) + 1, dilation)
            ranges.append([place for place in places if 0 <= place < size])
        return [(*index[:lead], *places) for places in product(*ranges)]


class MaxPool(Window):
    """The largest number under each window.

    Formula:   out[…, i, j] = max over r, s of x[…, stride·i − padding + dilation·r,
               stride·j − padding + dilation·s], taken inside x
    Shapes:    x (…, h, w), `kernel` (r, s) → out (…, h', w'),
               h' = ⌊(h + 2·padding − dilation·(r−1) − 1) / stride⌋ + 1, or ⌈…⌉ with `ceil`; or
               with any other number of such axes
    Backward:  dx = grad at the largest number of its window (the first, if equal), 0 elsewhere
    Source:    Boureau et al. 2010, A theoretical analysis of feature pooling, section 1
    """

    ROUNDINGS = 0

    def __init__(
        self,
        kernel: Index,
        stride: int | Index | None = None,
        padding: int | Index = 0,
        dilation: int | Index = 1,
        ceil: bool = False,
    ) -> None:
        super().__init__(kernel, stride, padding, ceil)
        self.dilation = self._each(dilation)

    def forward(self, x: Array) -> Array:
        padded = self.padded(x, -np.inf)
        best: Array | None = None
        for number, ranges in enumerate(self.offsets(x)):
            seen = padded[window(..., *ranges)]
            if best is None:
                best = seen.copy()
                self.winner = np.zeros(seen.shape, np.int32)
            else:
                larger = seen > best
                np.copyto(best, seen, where=larger)
                np.copyto(self.winner, number, where=larger)
        return np.asarray(best)

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        (x,) = self.arrays
        whole = np.zeros(self.padded(x, 0).shape, gradient.dtype)
        for number, ranges in enumerate(self.offsets(x)):
            whole[window(..., *ranges)] += gradient * (self.winner == number)
        return (self.cropped(whole, x),)

    def terms(self, index: Index) -> list[Term]:
        covered = self.covered(index)
        place = self.place(0, max(covered, key=lambda at: self.read(0, at)))
        return [Term(f"{place}, the largest of {len(covered)}", self.read(0, place.at), (place,))]


class AveragePool(Window):
    """The mean of the numbers under each window.

    Formula:   out[…, i, j] = Σ_r Σ_s x[…, stride·i − padding + r, stride·j − padding + s] / count,
               where x is 0 outside and count = r·s, less what sticks out beyond the padding;
               without `count_padding` only numbers of x count; with `divisor` that is the count
    Shapes:    x (…, h, w), `kernel` (r, s) → out (…, h', w'),
               h' = ⌊(h + 2·padding − r) / stride⌋ + 1, or ⌈…⌉ with `ceil`; or with any other
               number of such axes
    Backward:  dx = Σ grad / count over the windows that cover the number
    Source:    LeCun et al. 1998, Gradient-based learning applied to document recognition, II.B
    """

    def __init__(
        self,
        kernel: Index,
        stride: int | Index | None = None,
        padding: int | Index = 0,
        ceil: bool = False,
        count_padding: bool = True,
        divisor: int | None = None,
    ) -> None:
        super().__init__(kernel, stride, padding, ceil)
        self.count_padding = count_padding
        self.divisor = divisor

    def forward(self, x: Array) -> Array:
        padded = self.padded(x, 0)
        total = sum(padded[window(..., *ranges)] for ranges in self.offsets(x))
        return np.asarray(total / self.counts(x), x.dtype)

    def counts(self, x: Array) -> Array:
        """By how much the sum is divided, at each place where the window stops."""
        reach = self.reach(x)
        if self.divisor is not None:
            return np.full(reach, self.divisor, x.dtype)
        counts = np.ones(reach, x.dtype)
        for axis, (size, width, stride, padding, _) in enumerate(self.steps(x)):
            starts = np.arange(reach[axis]) * stride - padding
            ends = np.minimum(starts + width, size + padding)
            if not self.count_padding:
                starts, ends = np.maximum(starts, 0), np.minimum(ends, size)
            along = [1] * len(reach)
            along[axis] = -1
            counts *= (ends - starts).astype(x.dtype).reshape(along)
        return counts

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        (x,) = self.arrays
        whole = np.zeros(self.padded(x, 0).shape, gradient.dtype)
        share = gradient / self.counts(x).astype(gradient.dtype)
        for ranges in self.offsets(x):
            whole[window(..., *ranges)] += share
        return (self.cropped(whole, x),)

    def terms(self, index: Index) -> list[Term]:
        (x,) = self.arrays
        count = int(self.counts(x)[index[len(self.lead(x)) :]])
        return [_share(self, at, count) for at in self.covered(index)]


class AdaptiveAveragePool(Op):
    """The picture cut into as many pieces as wanted; the mean of each.

    Formula:   out[…, i, j] = mean of x[…, y, z] for ⌊i·h/h'⌋ ≤ y < ⌈(i+1)·h/h'⌉, z alike
    Shapes:    x (…, h, w), `size` (h', w') → out (…, h', w'); or with one such axis
    Backward:  dx = Σ grad / count over the pieces that hold the number
    Source:    He et al. 2014, Spatial pyramid pooling in deep convolutional networks, section 2
    """

    def __init__(self, size: Index) -> None:
        self.size = size

    def _pieces(self, x: Array) -> Iterator[tuple[Index, tuple[slice, ...]]]:
        """Each place of the result with the piece of x that it is the mean of."""
        for place in np.ndindex(*self.size):
            yield place, self._piece(x, place)

    def _piece(self, x: Array, place: Index) -> tuple[slice, ...]:
        wide = x.shape[x.ndim - len(self.size) :]
        return tuple(
            slice(i * size // count, -(-(i + 1) * size // count))
            for i, size, count in zip(place, wide, self.size, strict=True)
        )

    def forward(self, x: Array) -> Array:
        out = np.empty((*x.shape[: x.ndim - len(self.size)], *self.size), x.dtype)
        axes = tuple(range(-len(self.size), 0))
        for place, piece in self._pieces(x):
            out[window(..., *place)] = x[window(..., *piece)].mean(axis=axes)
        return out

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        (x,) = self.arrays
        whole = np.zeros(x.shape, gradient.dtype)
        for place, piece in self._pieces(x):
            count = int(np.prod([cut.stop - cut.start for cut in piece]))
            share = gradient[window(..., *place)] / count
            whole[window(..., *piece)] += share[window(..., *(None,) * len(piece))]
        return (whole,)

    def terms(self, index: Index) -> list[Term]:
        (x,) = self.arrays
        lead = index[: x.ndim - len(self.size)]
        piece = self._piece(x, index[len(lead) :])
        places = list(product(*(range(cut.start, cut.stop) for cut in piece)))
        return [_share(self, (*lead, *at), len(places)) for at in places]


def _share(op: Op, at: Index, count: int) -> Term:
    """One number of a mean of `count`."""
    place = op.place(0, at)
    return Term(f"{place} / {count}", op.read(0, at) / count, (place,))
