"""Symbols become rows of numbers."""

from __future__ import annotations

import numpy as np

from pellucid.base.errors import WrongUse
from pellucid.scratch.arrays import Array, Index
from pellucid.scratch.explanation import Term
from pellucid.scratch.op import Op


class Embedding(Op):
    """Every symbol has a row of its own in a table; the row stands for the symbol.

    Formula:   out[…, k] = table[symbols[…], k]
    Shapes:    table (vocabulary, width), symbols (…) whole numbers → out (…, width)
    Backward:  dtable[v] = Σ grad over the places where symbol v stood
    Source:    Bengio et al. 2003, A neural probabilistic language model, section 2
    """

    ROUNDINGS = 0

    def forward(self, table: Array, symbols: Array) -> Array:
        low, high = (int(symbols.min()), int(symbols.max())) if symbols.size else (0, 0)
        if low < 0 or high >= len(table):
            raise WrongUse(
                self.name(),
                f"symbols from {low} to {high}",
                f"0 to {len(table) - 1}, the rows of the table",
                "give the table a row for every symbol",
            )
        return np.asarray(table[symbols])

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        table, symbols = self.arrays
        whole = np.zeros(table.shape, gradient.dtype)
        np.add.at(whole, symbols, gradient)
        return whole, None

    def terms(self, index: Index) -> list[Term]:
        symbol = int(self.arrays[1][index[:-1]])
        place = self.place(0, (symbol, index[-1]))
        label = f"{place}, the row of {self.place(1, index[:-1])}"
        return [Term(label, self.read(0, place.at), (place,))]
