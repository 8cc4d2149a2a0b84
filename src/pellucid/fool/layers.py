"""What the proof can see through, layer by layer: sums over inputs, and steps from cell to cell.

Every layer knows two things. `base`: its answer in float64 to the unchanged picture, with a bound
on the error of that answer. `move`: how a change of a small window of its input, enclosed between
two lines, encloses the change of its answer. Maps are (row, column, channel); a row of features is
a map of 1 × 1. Layers that are not linear stand in `curves`.

Formula:  z = W·x + b: change' = W·change, spread' = |W|·spread
Source:   Rump 2010, Verification methods: rigorous results using floating-point arithmetic
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import copy
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.fool.window import LEAST, SLACK, TERMS, Lines, Map, Window, inside, known, slack_of

State = Window | Lines


class Layer(ABC):
    """One step of a network."""

    @abstractmethod
    def base(self, *given: Map) -> Map:
        """The answer to the unchanged picture."""

    @abstractmethod
    def move(self, given: tuple[State, ...], before: tuple[Map, ...], after: Map) -> State:
        """What a change of the inputs does to the answer."""

    def single(self) -> Layer:
        """The same layer with its numbers in float32; `slack_of` has room for that."""
        made = copy(self)
        made.__dict__.pop("tables", None)
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                setattr(made, name, value.float())
        return made


def as_window(state: State, base: Map) -> Window:
    """The change on the map, where lines or a window beyond the edge are given."""
    return state.window(base) if isinstance(state, Lines) else state.within(base.shape)


def as_lines(state: State, base: Map) -> Lines:
    """The lines, where a change is given."""
    return state.within(base.shape).lines(base) if isinstance(state, Window) else state


class Convolution(Layer):
    """Convolution with step 1; `weight` (row, column, in, out), `bias` (out,)."""

    def __init__(
        self, weight: Tensor, bias: Tensor, padding: tuple[int, int], dilation: int
    ) -> None:
        self.weight, self.bias, self.padding, self.dilation = weight, bias, padding, dilation
        self.kernel = (weight.shape[0], weight.shape[1])
        self.terms = weight[..., 0].numel()

    @cached_property
    def tables(self) -> tuple[Tensor, Tensor]:
        """Weights and their sizes as (row, column, in, out)."""
        return self.weight, self.weight.abs()

    def base(self, *given: Map) -> Map:
        (x,) = given
        values = self._full(x.values, self.weight) + self.bias
        room = x.error + 2 * slack_of(self.terms) * (x.values.abs() + x.error)
        error = self._full(room, self.weight.abs())
        return known(values, error + SLACK * self.bias.abs())

    def _full(self, values: Tensor, weight: Tensor) -> Tensor:
        answer = functional.conv2d(
            values.permute(2, 0, 1)[None],
            weight.permute(3, 2, 0, 1),
            padding=self.padding,
            dilation=self.dilation,
        )
        return answer[0].permute(1, 2, 0).contiguous()

    def move(self, given: tuple[State, ...], before: tuple[Map, ...], after: Map) -> Window:
        x = as_window(given[0], before[0])
        reach = torch.tensor([(side - 1) * self.dilation for side in self.kernel])
        start = x.start + torch.tensor(self.padding) - reach
        change = self._handed_on(x.change, self.tables[0])
        spread = self._spread(x)
        return Window(x.form, start, change, spread)

    def _spread(self, x: Window) -> Tensor:
        """|W|·spread; in float32 where all its terms are positive.

        Then the rounding of a sum is a small share of the sum itself (n·2⁻²⁴, below 2⁻¹⁰ for up to
        8,192 terms), and a little more of it is a bound again, at half of the cost.
        """
        room = x.roomy(self.terms)
        if room.dtype == torch.float32 or not x.form.is_positive or self.terms > TERMS:
            return self._handed_on(room, self.tables[1])
        sizes = self._handed_on(room.float(), self.tables[1].float())
        return sizes.double().mul_(1 + 2.0**-10).add_(LEAST)

    def _handed_on(self, values: Tensor, table: Tensor) -> Tensor:
        """Every cell's share in the cells that it reaches, added up there."""
        pieces, terms, rows, columns, channels = values.shape
        (high, wide), step = self.kernel, self.dilation
        size = rows + (high - 1) * step, columns + (wide - 1) * step
        flat = values.reshape(-1, channels)
        if rows == columns == 1:  # nothing is added up, so all places of the kernel are one product
            places = table.flip(0, 1).permute(2, 0, 1, 3).reshape(channels, -1)
            answer = values.new_zeros(pieces, terms, *size, table.shape[-1])
            shares = (flat @ places).view(pieces, terms, high, wide, -1)
            answer[:, :, ::step, ::step] = shares
            return answer
        answer = values.new_zeros(pieces * terms, *size, table.shape[-1])
        for i in range(high):
            for j in range(wide):
                # one product for each place of the kernel, which stays in the cache
                share = (flat @ table[i, j]).view(pieces * terms, rows, columns, -1)
                # the last row of the kernel meets the cell first
                top, left = (high - 1 - i) * step, (wide - 1 - j) * step
                answer[:, top : top + rows, left : left + columns] += share
        return answer.view(pieces, terms, *answer.shape[1:])


class Average(Layer):
    """The mean of each square of `kernel` cells, with step 1 (`Every` takes larger steps)."""

    def __init__(self, kernel: tuple[int, int]) -> None:
        self.kernel = kernel
        self.terms = kernel[0] * kernel[1]

    def base(self, *given: Map) -> Map:
        (x,) = given
        room = x.error + 2 * slack_of(self.terms) * (x.values.abs() + x.error)
        return known(self._full(x.values), self._full(room))

    def _full(self, values: Tensor) -> Tensor:
        pooled = functional.avg_pool2d(values.permute(2, 0, 1)[None], self.kernel, stride=1)
        return pooled[0].permute(1, 2, 0).contiguous()

    def move(self, given: tuple[State, ...], before: tuple[Map, ...], after: Map) -> Window:
        x = as_window(given[0], before[0])
        start = x.start - torch.tensor(self.kernel) + 1
        change, spread = self._handed_on(x.change), self._handed_on(x.roomy(self.terms))
        return Window(x.form, start, change, spread)

    def _handed_on(self, values: Tensor) -> Tensor:
        pieces, terms, rows, columns, channels = values.shape
        high, wide = self.kernel
        answer = values.new_zeros(pieces, terms, rows + high - 1, columns + wide - 1, channels)
        shares = values / (high * wide)
        for i in range(high):
            for j in range(wide):
                answer[:, :, i : i + rows, j : j + columns] += shares
        return answer


class Every(Layer):
    """Every `step`-th row and column: what makes a layer with step 1 one with larger steps."""

    def __init__(self, step: tuple[int, int]) -> None:
        self.step = step

    def base(self, *given: Map) -> Map:
        (x,) = given
        rows, columns = self.step
        values, error = (one[::rows, ::columns].contiguous() for one in (x.values, x.error))
        return Map(values, error)

    def move(self, given: tuple[State, ...], before: tuple[Map, ...], after: Map) -> Window:
        x = given[0].window(before[0]) if isinstance(given[0], Lines) else given[0]
        step = torch.tensor(self.step)
        most = [(side - 1) // by + 1 for side, by in zip(x.size, self.step, strict=True)]
        size = min(most[0], after.shape[0]), min(most[1], after.shape[1])
        start = inside(ceiling(x.start, step), size, after.shape)
        rows, columns = self.step
        seen = x.moved(start * step, ((size[0] - 1) * rows + 1, (size[1] - 1) * columns + 1))
        change, spread = (one[:, :, ::rows, ::columns] for one in (seen.change, seen.spread))
        return Window(x.form, start, change, spread)


def ceiling(values: Tensor, step: Tensor) -> Tensor:
    """Whole numbers divided by `step`, rounded up."""
    return -torch.div(-values, step, rounding_mode="floor")


class Frame(Layer):
    """Zeros around the map: `left`, `right`, `top`, `bottom` cells."""

    def __init__(self, left: int, right: int, top: int, bottom: int) -> None:
        self.sides = (left, right, top, bottom)

    def base(self, *given: Map) -> Map:
        (x,) = given
        sides = (0, 0, *self.sides)
        return Map(functional.pad(x.values, sides), functional.pad(x.error, sides))

    def move(self, given: tuple[State, ...], before: tuple[Map, ...], after: Map) -> Window:
        x = as_window(given[0], before[0])
        left, _, top, _ = self.sides
        return x.at(x.start + torch.tensor([top, left]))


class Scale(Layer):
    """factor · x + shift, for each channel: batch norm in eval mode, arithmetic with constants.

    `factor` (channel,) or one number; `shift` broadcasts over (row, column, channel).
    """

    def __init__(self, factor: Tensor, shift: Tensor) -> None:
        self.factor, self.shift = factor.reshape(-1), shift

    def base(self, *given: Map) -> Map:
        (x,) = given
        room = x.error * self.factor.abs() + SLACK * self.shift.abs()
        room = room + SLACK * (x.values * self.factor).abs()
        return known(x.values * self.factor + self.shift, room)

    def move(self, given: tuple[State, ...], before: tuple[Map, ...], after: Map) -> State:
        (x,) = given
        if isinstance(x, Lines) and self.shift.shape[:2] == (1, 1):
            return self._of_lines(x)
        x = x.window(before[0]) if isinstance(x, Lines) else x
        return Window(x.form, x.start, x.change * self.factor, x.spread * self.factor.abs())

    def _of_lines(self, x: Lines) -> Lines:
        """Without the way over the change and back."""
        upper, lower = x.upper * self.factor, x.lower * self.factor
        if bool((self.factor < 0).any()):
            upper, lower = (
                torch.where(self.factor < 0, *pair) for pair in ((lower, upper), (upper, lower))
            )
        room = slack_of(1, self.shift.dtype) * self.shift.abs()
        upper = x.form.raised(upper, (self.shift + room)[0])
        return Lines(x.form, x.start, upper, x.form.raised(lower, (self.shift - room)[0]))


class Dense(Layer):
    """A fully connected layer; `weight` (row, column, in, out) covers the whole map."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self.weight, self.bias = weight, bias
        self.terms = weight[..., 0].numel()

    @cached_property
    def tables(self) -> tuple[Tensor, Tensor]:
        """Weights and their sizes as (row · column, in, out)."""
        table = self.weight.flatten(0, 1).contiguous()
        return table, table.abs()

    def base(self, *given: Map) -> Map:
        (x,) = given
        flat = self.weight.flatten(0, 2)
        values = x.values.reshape(1, -1) @ flat + self.bias
        room = x.error + 2 * slack_of(self.terms) * (x.values.abs() + x.error)
        error = room.reshape(1, -1) @ flat.abs() + SLACK * self.bias.abs()
        return known(values.view(1, 1, -1), error.view(1, 1, -1))

    def move(self, given: tuple[State, ...], before: tuple[Map, ...], after: Map) -> Window:
        x = as_window(given[0], before[0])
        change = self._times(x, x.change, self.tables[0], before[0])
        spread = self._times(x, x.roomy(self.terms), self.tables[1], before[0])
        start = torch.zeros_like(x.start)
        return Window(x.form, start, change[:, :, None, None], spread[:, :, None, None])

    def ahead(self, given: State, before: Map, after: Map, classes: Tensor) -> Tensor:
        """By how much at least the score of each piece's class (piece,) is above every other one.

        (piece, out), the least over the box; infinite for the class itself. The difference of two
        scores is bounded as one sum, which is sharper than two bounds on two scores.
        """
        x = as_window(given, before)
        x = Window(x.form, x.start, x.change, x.roomy(self.terms))
        base, error = after.values.double().flatten(), after.error.double().flatten()
        least = base.new_empty(len(classes), len(base))
        for one in sorted(set(classes.tolist())):
            at = (classes == one).nonzero().flatten()
            own = Window(x.form, x.start[at], x.change[at], x.spread[at])
            table = self.tables[0][..., one : one + 1] - self.tables[0]
            change = self._times(own, own.change, table, before).double()
            lines = change - self._times(own, own.spread, table.abs(), before).double()
            doubt = error + error[one] + SLACK * (base.abs() + x.form.sizes(lines))
            found = x.form.smallest(lines) + (base[one] - base) - doubt
            found[:, one] = torch.inf
            least[at] = found
        return least

    def _times(self, x: Window, values: Tensor, table: Tensor, before: Map) -> Tensor:
        """(piece, term, out)."""
        (height, width), (rows, columns) = before.shape, x.size
        pieces, terms = values.shape[:2]
        if (rows, columns) == (height, width):
            return values.flatten(2) @ table.flatten(0, 1)
        if 4 * rows * columns > height * width:
            start = torch.zeros_like(x.start)
            whole = Window(x.form, x.start, values, values).moved(start, (height, width))
            return whole.change.flatten(2) @ table.flatten(0, 1)
        row = x.start[:, 0, None] + torch.arange(rows)
        column = x.start[:, 1, None] + torch.arange(columns)
        place = (row[:, :, None] * width + column[:, None]).flatten()
        own = table.index_select(0, place).view(pieces, -1, table.shape[-1])
        return torch.bmm(values.reshape(pieces, terms, -1), own)


class Sum(Layer):
    """Two maps of one shape added, as in a residual block; the sign −1 subtracts the second."""

    def __init__(self, sign: float = 1.0) -> None:
        self.sign = sign

    def base(self, *given: Map) -> Map:
        a, b = given
        error = a.error + b.error + SLACK * (a.values.abs() + b.values.abs())
        return known(a.values + self.sign * b.values, error)

    def move(self, given: tuple[State, ...], before: tuple[Map, ...], after: Map) -> Window:
        a, b = (as_window(one, base) for one, base in zip(given, before, strict=True))
        start = torch.minimum(a.start, b.start)
        ends = [one.start + torch.tensor(one.size) for one in (a, b)]
        reach = (torch.maximum(*ends) - start).amax(dim=0)
        size = min(int(reach[0]), after.shape[0]), min(int(reach[1]), after.shape[1])
        start = inside(start, size, after.shape)
        a, b = a.moved(start, size), b.moved(start, size)
        spread = a.roomy(1) + b.roomy(1)
        return Window(a.form, start, a.change + self.sign * b.change, spread)
