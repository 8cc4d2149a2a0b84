"""A recorded call, ready to have one of its numbers written out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple, NoReturn

import numpy as np
import torch

from pellucid.explain.operand import Namer, Operand, Unreadable
from pellucid.scratch.arrays import Array, Index
from pellucid.scratch.explanation import Explanation, Place, Term, Terms
from pellucid.scratch.op import Op
from pellucid.watch.calls import Call
from pellucid.watch.kept import Kept

Describe = Callable[[int], tuple[str, tuple[Place, ...]]]
"""The label and the sources of the k-th term."""


REMEMBERED = 64
"""Intermediate results that are kept at a time; one may take some megabytes."""


class Scalar(NamedTuple):
    """A number on the way to a result: its value, how it is called, and where it comes from."""

    value: float
    text: str
    source: tuple[Place, ...] = ()


def number(value: float, text: str = "") -> Scalar:
    """A setting, or a number worked out from settings."""
    return Scalar(float(value), text or f"{value:.6g}")


class Reading:
    """One number of one result of one call, with the call's arguments by name."""

    def __init__(
        self, call: Call, output: int, index: Index, namer: Namer, memo: dict[Any, Any]
    ) -> None:
        self.call = call
        self.output = output
        self.index = index
        self._namer = namer
        self._memo = memo
        kept = call.outputs[output]
        assert kept is not None
        self.result = self.operand(kept)

    @cached_property
    def arguments(self) -> dict[str, Any]:
        return self.call.arguments()

    def operand(self, kept: Kept) -> Operand:
        return Operand(kept, self._namer)

    def setting(self, name: str, default: Any = None) -> Any:
        """An argument that is no tensor."""
        return self.arguments.get(name, default)

    def maybe(self, name: str) -> Operand | None:
        """A tensor argument that may be missing."""
        value = self.arguments.get(name)
        return self.operand(value) if isinstance(value, Kept) else None

    def tensor(self, name: str) -> Operand:
        """A tensor argument."""
        value = self.arguments[name]
        assert isinstance(value, Kept), name
        return self.operand(value)

    def other(self, output: int) -> Operand | None:
        """Another result of the same call."""
        kept = self.call.outputs[output]
        return None if kept is None else self.operand(kept)

    def scalar(self, name: str, index: Index | None = None) -> Scalar:
        """The number of the argument `name` that meets the result's number; a setting is itself."""
        value = self.arguments.get(name)
        if not isinstance(value, Kept):
            return number(0.0 if value is None else float(value))
        return self.at(self.operand(value), index)

    def at(self, operand: Operand, index: Index | None = None) -> Scalar:
        """A number of an operand; without `index` the one that broadcasting brings here."""
        at = operand.under(self.index) if index is None else index
        place = operand.place(at)
        return Scalar(operand.read(at), str(place), (place,))

    @cached_property
    def value(self) -> float:
        """What PyTorch computed."""
        return self.result.read(self.index)

    def once(self, what: Any, make: Callable[[], Any]) -> Any:
        """What is worked out once a call, however many of its numbers are asked for."""
        key, memo = (self.call.number, what), self._memo
        found = memo.pop(key) if key in memo else make()
        while len(memo) >= REMEMBERED:
            del memo[next(iter(memo))]
        memo[key] = found  # the last one used stands last
        return found

    def refuse(self, reason: str) -> NoReturn:
        """Say that this number cannot be written out, and why."""
        raise Unreadable(reason)

    def chained(self, op: str, values: Array, describe: Describe, error: float) -> Explanation:
        """The sum of `values`, which a chain of arithmetic led to.

        `error` is what rounding on the whole chain may do; that of the last sum is added.
        """
        bare = self.sum(op, Terms(values, describe))
        # The bound is roundings · unit · sizes, so the chain's error becomes a part of the sizes.
        extra = error / (bare.unit * bare.roundings * max(len(values), 1))
        return self.sum(op, Terms(values, describe, np.abs(values) + extra))

    @cached_property
    def unit(self) -> float:
        """The largest relative error of one rounding in the result's precision; 0 for integers."""
        return _unit(self.result.kept.dtype)

    def mixed(self) -> None:
        """Take the coarsest precision among what the call was given as that of its roundings."""
        given = [kept.dtype for kept in self.call.inputs()]
        self.unit = max(map(_unit, (self.result.kept.dtype, *given)))

    def sum(self, op: str, terms: Sequence[Term], roundings: int = 2) -> Explanation:
        """The number as the sum of `terms`."""
        dtype = self.result.kept.dtype
        limits = torch.finfo(dtype) if dtype.is_floating_point else None
        return Explanation(
            op=op,
            index=self.index,
            value=self.value,
            terms=terms,
            roundings=len(terms) + roundings,
            unit=self.unit,
            smallest=limits.tiny if limits else 0.0,
            largest=limits.max if limits else float("inf"),
        )

    def by(self, op: Op, *operands: Operand | Array, result: Array | None = None) -> Explanation:
        """The number as an operation of `scratch` explains it, whose inputs these are."""
        arrays = tuple(
            entry.array if isinstance(entry, Operand) else np.asarray(entry) for entry in operands
        )
        op.seen(arrays, self.result.array if result is None else result)
        told = op.terms(self.index)
        if not isinstance(told, Terms):
            sizes = [abs(term.value) if term.size is None else term.size for term in told]
            told = Terms(np.array([t.value for t in told]), _nth(told), np.array(sizes))
        terms = Terms(told.values, _renamed(op, operands, told), told.sizes)
        return self.sum(op.name(), terms, op.roundings())


def _unit(dtype: torch.dtype) -> float:
    return float(torch.finfo(dtype).eps) / 2 if dtype.is_floating_point else 0.0


def _nth(told: Sequence[Term]) -> Describe:
    return lambda place: (told[place].label, told[place].source)


def _renamed(
    op: Op, operands: tuple[Operand | Array, ...], told: Sequence[Term]
) -> Callable[[int], tuple[str, tuple[Place, ...]]]:
    """Labels and sources with the operands' own names in place of the formula's."""
    names = [op.place(place, ()).input for place in range(len(operands))]
    by_name = dict(zip(names, operands, strict=True))
    pattern = re.compile(rf"(?<![\w.])({'|'.join(map(re.escape, names))})\b(\[[\d, ]*\])?")

    def told_as(found: re.Match[str]) -> str:
        operand = by_name[found[1]]
        at = tuple(int(word) for word in re.findall(r"\d+", found[2] or ""))
        if not isinstance(operand, Operand) or len(at) != len(operand.shape):
            return found[0]
        return str(operand.place(at))

    def describe(place: int) -> tuple[str, tuple[Place, ...]]:
        term = told[place]
        sources = tuple(
            operand.place(source.at)
            for source in term.source
            if isinstance(operand := by_name[source.input], Operand)
        )
        return pattern.sub(told_as, term.label), sources

    return describe


def product(*factors: Scalar, size: float | None = None) -> Term:
    """The term that is the product of numbers; a factor of 1 is not written."""
    value = 1.0
    for factor in factors:
        value *= factor.value
    said = [factor.text for factor in factors if factor.value != 1 or factor.source] or ["1"]
    sources = tuple(place for factor in factors for place in factor.source)
    return Term(" · ".join(said), value, sources, size)


def single(text: str, value: float, *sources: Scalar, size: float | None = None) -> list[Term]:
    """One term, worked out from numbers that the text names."""
    return [Term(text, value, tuple(p for scalar in sources for p in scalar.source), size)]
