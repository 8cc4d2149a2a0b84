"""Questions whose answer is yes (1) or no (0), and arithmetic of whole numbers and bits."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

import numpy as np

from pellucid.explain.reading import Reading, single
from pellucid.explain.rules.reductions import line_of
from pellucid.scratch.explanation import Explanation

Rule = Callable[[Reading], Explanation]


def compared(sign: str, holds: Callable[[float, float], bool]) -> Rule:
    def rule(r: Reading) -> Explanation:
        a, b = r.scalar("self"), r.scalar("other")
        answer = holds(a.value, b.value)
        text = f"{int(answer)}: is {a.text} ({a.value:.6g}) {sign} {b.text} ({b.value:.6g})?"
        return r.sum("Comparison", single(text, float(answer), a, b))

    return rule


def asked(question: str, holds: Callable[[float], bool]) -> Rule:
    def rule(r: Reading) -> Explanation:
        x = r.scalar("self")
        answer = holds(x.value)
        text = f"{int(answer)}: is {x.text} ({x.value:.6g}) {question}?"
        return r.sum("Comparison", single(text, float(answer), x))

    return rule


def combined(word: str, combine: Callable[[int, int], int]) -> Rule:
    """Bit by bit; true and false are single bits."""

    def rule(r: Reading) -> Explanation:
        a, b = r.scalar("self"), r.scalar("other")
        value = combine(int(a.value), int(b.value))
        return r.sum("Bits", single(f"{a.text} {word} {b.text}", float(value), a, b))

    return rule


def logical(word: str, combine: Callable[[bool, bool], bool]) -> Rule:
    def rule(r: Reading) -> Explanation:
        a, b = r.scalar("self"), r.scalar("other")
        value = combine(a.value != 0, b.value != 0)
        return r.sum("Logic", single(f"{a.text} {word} {b.text}", float(value), a, b))

    return rule


def negated(r: Reading) -> Explanation:
    x = r.scalar("self")
    is_truth = "logical" in r.call.name or r.result.array.dtype == bool
    value = float(x.value == 0) if is_truth else float(~int(x.value))
    return r.sum("Logic", single(f"not {x.text}", value, x))


def gathered(word: str, combine: Callable[[np.ndarray], bool]) -> Rule:
    """`any` and `all`."""

    def rule(r: Reading) -> Explanation:
        line = line_of(r)
        value = float(combine(line.wide != 0))
        text = f"{int(value)}: {word} of {len(line.wide)} numbers true?"
        return r.sum("Logic", single(text, value))

    return rule


def left_over(name: str, words: str, rest: Callable[[float, float], float]) -> Rule:
    def rule(r: Reading) -> Explanation:
        a, b = r.scalar("self"), r.scalar("other")
        value = rest(a.value, b.value) if b.value and math.isfinite(a.value) else math.nan
        text = words.format(a.text, b.text)
        return r.sum(name, single(text, value, a, b, size=abs(a.value) + abs(b.value)), 4)

    return rule


RULES: dict[str, Rule] = {
    "eq": compared("=", operator.eq),
    "ne": compared("≠", operator.ne),
    "lt": compared("<", operator.lt),
    "le": compared("≤", operator.le),
    "gt": compared(">", operator.gt),
    "ge": compared("≥", operator.ge),
    "isnan": asked("not a number", math.isnan),
    "isinf": asked("infinite", math.isinf),
    "isposinf": asked("+∞", lambda x: x == math.inf),
    "isneginf": asked("−∞", lambda x: x == -math.inf),
    "signbit": asked("negative", lambda x: math.copysign(1, x) < 0),
    "bitwise_and": combined("and", operator.and_),
    "bitwise_or": combined("or", operator.or_),
    "bitwise_xor": combined("or else", operator.xor),
    "logical_and": logical("and", lambda a, b: a and b),
    "logical_or": logical("or", lambda a, b: a or b),
    "logical_xor": logical("or else", operator.ne),
    "logical_not": negated,
    "bitwise_not": negated,
    "any": gathered("any", lambda truths: bool(truths.any())),
    "all": gathered("all", lambda truths: bool(truths.all())),
    "remainder": left_over("Remainder", "{0} − ⌊{0} / {1}⌋ · {1}", operator.mod),
    "fmod": left_over("Remainder", "what {0} leaves when divided by {1}", math.fmod),
    "floor_divide": left_over("Divide", "⌊{0} / {1}⌋", operator.floordiv),
}
