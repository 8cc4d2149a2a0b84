"""From a box of values for one pixel to what the network must answer: many pieces at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pellucid.fool.graph import Graph
from pellucid.fool.layers import Dense, State, as_window
from pellucid.fool.lines import form_of
from pellucid.fool.window import SINGLE, SLACK, Map, Window, known, slack_of

WIDE = 2.0**-4
"""Wider boxes are judged in float32, in half the time: bends decide there, not the rounding."""


@dataclass(frozen=True)
class Scaling:
    """How a picture's values 0…1 become a network's input: offset + gain · value, by channel."""

    offset: Tensor
    gain: Tensor


@dataclass(frozen=True)
class Pieces:
    """Pixels with a box of values in 0…1 each: pixel (n, 2) is row and column; low, high (n, d)."""

    pixel: Tensor
    low: Tensor
    high: Tensor

    def __len__(self) -> int:
        return len(self.pixel)

    def at(self, places: Tensor | slice) -> Pieces:
        """Some of them."""
        return Pieces(self.pixel[places], self.low[places], self.high[places])

    def joined(self, other: Pieces) -> Pieces:
        """These and others behind them."""
        return Pieces(
            torch.cat([self.pixel, other.pixel]),
            torch.cat([self.low, other.low]),
            torch.cat([self.high, other.high]),
        )


@dataclass(frozen=True)
class Verdicts:
    """What is known of pieces: the likeliest class (n,), and by how much at least it is ahead of
    all others over the whole box (n,)."""

    classes: Tensor
    ahead: Tensor


class Bounds:
    """A network at one picture: `given` (1, channel, row, column) is what the network is given."""

    def __init__(self, graph: Graph, given: Tensor, scaling: Scaling) -> None:
        self.graph, self.scaling = graph, scaling
        self.channels = given.shape[1]
        self.form = form_of(self.channels)
        values = given[0].permute(1, 2, 0).double().contiguous()
        self.maps = [known(values, torch.zeros_like(values))]
        for node in graph.nodes:
            self.maps.append(node.layer.base(*(self.maps[place] for place in node.inputs)))
        self.single = [one.single() for one in self.maps]
        self.scores = self.maps[graph.answer].values.flatten()
        self.last = graph.last_readers()

    @torch.no_grad()
    def judge(self, pieces: Pieces) -> Verdicts:
        """What the network must answer for every value of each box."""
        if bool(((pieces.high - pieces.low).amax(dim=1) > WIDE).all()):
            changed = self._changed(pieces, torch.float32)
            return self._judged(self.graph.single, self.single, changed)
        return self._judged(self.graph, self.maps, self._changed(pieces, torch.float64))

    def _judged(self, graph: Graph, maps: list[Map], changed: Window) -> Verdicts:
        states: dict[int, State] = {0: changed}
        for number in range(graph.answer):
            node = graph.nodes[number]
            given = tuple(states[place] for place in node.inputs)
            before = tuple(maps[place] for place in node.inputs)
            states[number + 1] = node.layer.move(given, before, maps[number + 1])
            if number + 1 < graph.answer:
                for place in node.inputs:
                    if self.last[place] == number:
                        states.pop(place, None)
        return self._verdicts(graph, maps, states)

    def _verdicts(self, graph: Graph, maps: list[Map], states: dict[int, State]) -> Verdicts:
        node, after = graph.nodes[graph.answer - 1], maps[graph.answer]
        scores = as_window(states[graph.answer], after)
        change = scores.change[:, :, 0, 0].double()
        classes = (self.form.middle(change) + self.scores).argmax(dim=1)
        if isinstance(node.layer, Dense):
            (place,) = node.inputs
            ahead = node.layer.ahead(states[place], maps[place], after, classes)
        else:
            ahead = _ahead(scores, after, classes)
        rows, worst = torch.arange(len(classes)), ahead.argmin(dim=1)
        return Verdicts(classes, ahead[rows, worst])

    def _changed(self, pieces: Pieces, dtype: torch.dtype) -> Window:
        """The picture with the pixel's values as variables."""
        low = self.scaling.offset + self.scaling.gain * pieces.low
        high = self.scaling.offset + self.scaling.gain * pieces.high
        row, column = pieces.pixel.unbind(dim=1)
        own = self.maps[0].values[row, column]
        change = self.form.raised(self.form.over(low, high), -own)
        sizes = torch.maximum(low.abs(), high.abs()) + own.abs()
        # the network is given the values in float32
        room = (SINGLE + 4 * slack_of(1, dtype)) * sizes
        spread = self.form.raised(torch.zeros_like(change), room)
        change, spread = change.to(dtype), spread.to(dtype)
        return Window(self.form, pieces.pixel, change[:, :, None, None], spread[:, :, None, None])


def _ahead(scores: Window, after: Map, classes: Tensor) -> Tensor:
    """As `Dense.ahead`, from bounds on the scores themselves."""
    form, rows = scores.form, torch.arange(len(classes))
    change, spread = scores.change[:, :, 0, 0].double(), scores.roomy(1)[:, :, 0, 0].double()
    base, error = after.values.double().flatten(), after.error.double().flatten()
    low, high = change - spread, change + spread
    lines = low[rows, :, classes][..., None] - high
    doubt = error[classes][:, None] + error + SLACK * (base.abs() + form.sizes(lines))
    least = form.smallest(lines) + (base[classes][:, None] - base) - doubt
    least[rows, classes] = torch.inf
    return least
