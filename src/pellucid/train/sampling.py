"""Draw new texts from a network that says the next symbol."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from pellucid.base.errors import WrongUse, near_misses
from pellucid.base.records import Record
from pellucid.data.symbols import RARE
from pellucid.train.runs import Run

FIRST = ("\n", " ")
"""What a text without a start goes on from: a new line, else a space."""


def sample(
    source: Run | nn.Module,
    data: Record | None = None,
    *,
    count: int = 10,
    start: str = "",
    length: int = 200,
    temperature: float = 0.8,
    seed: int = 0,
) -> list[str]:
    """`count` texts that begin with `start`, drawn symbol by symbol.

    `source` is a run, or a network together with the record of its data. Scores are divided by
    `temperature`: 1 draws as the network believes, less keeps to what is likely, 0 always takes
    the likeliest symbol. A text ends at its boundary, if the data have one (names), else after
    `length` symbols beyond `start`. The network and torch's own chance are left as they were.

    Raises `WrongUse` for data without symbols, a start with unknown symbols, and impossible
    numbers.
    """
    network, data = _source(source, data)
    _check_numbers(count, length, temperature)
    vocabulary: list[str] = data["classes"]
    rows, context = has_boundary(data), int(data["shape"][0])
    begun = ([0] if rows else []) + _start_marks(start, vocabulary, rows)
    begun = begun or [_first_mark(vocabulary)]
    if rows:
        length = min(length, _room(context, start))
    chance = torch.Generator().manual_seed(seed)
    was_training = network.training
    try:
        network.eval()
        marks = _draw(network, begun, count, length, context, rows, temperature, chance)
    finally:
        network.train(was_training)
    return [start + _text(row, vocabulary, rows) for row in marks[:, len(begun) :].tolist()]


def _source(source: Run | nn.Module, data: Record | None) -> tuple[nn.Module, Record]:
    if isinstance(source, Run):
        data = source.data
    if data is None or data["kind"] != "symbols":
        raise WrongUse(
            "sample",
            "data of pictures" if data else "a network without the record of its data",
            "a network that was trained on symbols",
            "for pictures use: pellucid predict RUN FILE" if data else "sample(network, data)",
        )
    return (source.network if isinstance(source, Run) else source), data


def _room(context: int, start: str) -> int:
    """How many symbols can follow in a row: the network never saw one longer than its context."""
    if len(start) >= context:
        raise WrongUse(
            "--start",
            f"{len(start)} symbols",
            f"fewer than {context}, the longest row that was learned from",
            f"--start {start[: context - 1]!r}",
        )
    return context - len(start)


def has_boundary(data: Record) -> bool:
    """Do the data hold rows with a boundary (symbol 0) around each, not one running text?

    In a running text symbol 0 is `RARE`, which stands for every unknown symbol.
    """
    return bool(data["classes"][0] != RARE)


@torch.no_grad()
def _draw(
    network: nn.Module,
    begun: list[int],
    count: int,
    length: int,
    context: int,
    rows: bool,
    temperature: float,
    chance: torch.Generator,
) -> Tensor:
    """(count, begun + drawn) symbols; after a row's boundary come only boundaries."""
    device = next((weight.device for weight in network.parameters()), torch.device("cpu"))
    marks = torch.tensor([begun] * count)
    ended = torch.zeros(count, dtype=torch.bool)
    for _ in range(length):
        scores = network(marks[:, -context:].to(device))[:, -1].float().cpu()
        if not rows:
            scores[:, 0] = -math.inf  # stands for unknown symbols: nothing to write down
        drawn = _choose(scores, temperature, chance).masked_fill(ended, 0)
        marks = torch.cat([marks, drawn[:, None]], dim=1)
        ended |= (drawn == 0) & rows
        if bool(ended.all()):
            break
    return marks


def _choose(scores: Tensor, temperature: float, chance: torch.Generator) -> Tensor:
    """One symbol (n,) for each row of scores (n, symbols)."""
    if temperature == 0:
        return scores.argmax(dim=1)
    likely = torch.softmax(scores.double() / temperature, dim=1)
    return torch.multinomial(likely, 1, generator=chance)[:, 0]


def _text(marks: list[int], vocabulary: list[str], rows: bool) -> str:
    if rows and 0 in marks:
        marks = marks[: marks.index(0)]
    return "".join(vocabulary[mark] for mark in marks)


def _start_marks(start: str, vocabulary: list[str], rows: bool) -> list[int]:
    places = {symbol: place for place, symbol in enumerate(vocabulary)}
    for symbol in start:
        if symbol not in places or places[symbol] == 0:
            what = "which marks a boundary" if symbol in places and rows else "which is not known"
            other = [symbol.lower(), symbol.upper(), *near_misses(symbol, vocabulary[1:])]
            known = next((one for one in other if places.get(one, 0)), None)
            raise WrongUse(
                "--start",
                f"{symbol!r}, {what}",
                f"symbols of the training data: {_listed(vocabulary[1:])}",
                f"write {known!r} instead" if known else "leave it out",
            )
    return [places[symbol] for symbol in start]


def _listed(symbols: list[str]) -> str:
    shown = "".join(symbol for symbol in symbols if symbol.isprintable() and symbol != " ")
    return shown if len(shown) <= 60 else shown[:57] + "…"


def _first_mark(vocabulary: list[str]) -> int:
    return next((vocabulary.index(symbol) for symbol in FIRST if symbol in vocabulary), 1)


def _check_numbers(count: int, length: int, temperature: float) -> None:
    for name, value in (("--count", count), ("--length", length)):
        if value < 1:
            raise WrongUse(name, str(value), "1 or more", f"{name} 1")
    if not (math.isfinite(temperature) and temperature >= 0):
        raise WrongUse(
            "--temperature",
            f"{temperature:g}",
            "a number above 0, or 0 for the likeliest symbol each time",
            "--temperature 0.8",
        )
