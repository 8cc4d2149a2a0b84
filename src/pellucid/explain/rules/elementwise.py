"""Calls that work out each number from the numbers at the same place."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from pellucid.explain.reading import Reading, Scalar, number, product, single
from pellucid.scratch.explanation import Explanation
from pellucid.scratch.op import Op
from pellucid.scratch.ops import elementwise as curves

Rule = Callable[[Reading], Explanation]
LIBRARY = 8
"""Roundings of a library's exp, sin or tanh: up to 4 units in the last place."""


def add(r: Reading) -> Explanation:
    alpha = number(r.setting("alpha", 1))
    return r.sum("Add", [product(r.scalar("self")), product(alpha, r.scalar("other"))])


def subtract(r: Reading) -> Explanation:
    alpha = number(-r.setting("alpha", 1))
    return r.sum("Subtract", [product(r.scalar("self")), product(alpha, r.scalar("other"))])


def subtract_from(r: Reading) -> Explanation:
    alpha = number(-r.setting("alpha", 1))
    return r.sum("Subtract", [product(r.scalar("other")), product(alpha, r.scalar("self"))])


def multiply(r: Reading) -> Explanation:
    return r.sum("Multiply", [product(r.scalar("self"), r.scalar("other"))])


def divide(r: Reading) -> Explanation:
    a, b = r.scalar("self"), r.scalar("other")
    mode = r.setting("rounding_mode")
    value = _quotient(a.value, b.value)
    if mode is not None and math.isfinite(value):
        value = math.floor(value) if mode == "floor" else math.trunc(value)
    words = {None: "{} / {}", "floor": "⌊{} / {}⌋", "trunc": "whole part of {} / {}"}[mode]
    return r.sum("Divide", single(words.format(a.text, b.text), value, a, b))


def _quotient(a: float, b: float) -> float:
    if b != 0:
        return a / b
    return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a) * _sign_of_zero(b)


def _sign_of_zero(b: float) -> float:
    return math.copysign(1.0, b)


def power(r: Reading) -> Explanation:
    a, b = r.scalar("self"), r.scalar("exponent")
    return r.sum("Power", single(f"{a.text}^{b.text}", _power(a.value, b.value), a, b), 16)


def _power(a: float, b: float) -> float:
    try:
        found = a**b
    except ZeroDivisionError:
        return math.inf
    except OverflowError:
        return math.inf
    return math.nan if isinstance(found, complex) else found


def add_product(r: Reading) -> Explanation:
    """`addcmul`."""
    factor = number(r.setting("value", 1))
    return r.sum(
        "Add",
        [product(r.scalar("self")), product(factor, r.scalar("tensor1"), r.scalar("tensor2"))],
        3,
    )


def add_quotient(r: Reading) -> Explanation:
    """`addcdiv`."""
    factor, a, b = number(r.setting("value", 1)), r.scalar("tensor1"), r.scalar("tensor2")
    value = factor.value * _quotient(a.value, b.value)
    text = f"{factor.text} · {a.text} / {b.text}"
    return r.sum("Add", [product(r.scalar("self")), *single(text, value, a, b)], 4)


def between(r: Reading) -> Explanation:
    """`lerp`: a step from one number towards another."""
    start, end, share = r.scalar("self"), r.scalar("end"), r.scalar("weight")
    rest = Scalar(1 - share.value, f"(1 − {share.text})", share.source)
    size = abs(start.value) + abs(share.value * start.value)
    return r.sum("Lerp", [product(rest, start, size=size), product(share, end)], 4)


def larger(r: Reading) -> Explanation:
    a, b = r.scalar("self"), r.scalar("other")
    return r.sum("Maximum", single(f"max({a.text}, {b.text})", max(a.value, b.value), a, b))


def smaller(r: Reading) -> Explanation:
    a, b = r.scalar("self"), r.scalar("other")
    return r.sum("Minimum", single(f"min({a.text}, {b.text})", min(a.value, b.value), a, b))


def clamp(r: Reading) -> Explanation:
    x = r.scalar("self")
    value, words = x.value, x.text
    for name, choose in (("min", max), ("max", min)):
        if r.arguments.get(name) is not None:
            bound = r.scalar(name)
            value = choose(value, bound.value) if value == value else value
            words = f"{choose.__name__}({words}, {bound.text})"
    return r.sum("Clamp", single(words, value, x))


def where(r: Reading) -> Explanation:
    condition = r.tensor("condition")
    chosen = "self" if condition.read(condition.under(r.index)) else "other"
    said = str(condition.place(condition.under(r.index)))
    x = r.scalar(chosen)
    text = f"{x.text}, as {said} is {'true' if chosen == 'self' else 'false'}"
    return r.sum("Where", single(text, x.value, x))


def masked_fill(r: Reading) -> Explanation:
    mask, x, fill = r.tensor("mask"), r.scalar("self"), r.scalar("value")
    hidden = bool(mask.read(mask.under(r.index)))
    said = mask.place(mask.under(r.index))
    chosen = fill if hidden else x
    text = f"{chosen.text}, as {said} is {'true' if hidden else 'false'}"
    return r.sum("Where", single(text, chosen.value, chosen))


def by_curve(make: Callable[[Reading], Op]) -> Rule:
    """A curve that `scratch` has."""

    def rule(r: Reading) -> Explanation:
        return r.by(make(r), r.tensor("self"))

    return rule


def by_function(name: str, words: str, function: Callable[[float], float]) -> Rule:
    """A curve worked out by Python's own mathematics."""

    def rule(r: Reading) -> Explanation:
        x = r.scalar("self")
        try:
            value = function(x.value)
        except (ValueError, ZeroDivisionError):
            value = math.nan
        except OverflowError:
            value = math.inf
        return r.sum(name, single(words.format(x.text), value, x), LIBRARY)

    return rule


def sine_like(name: str, words: str, function: Callable[[float], float]) -> Rule:
    """A wave: its argument's own rounding moves it by the argument's size."""

    def rule(r: Reading) -> Explanation:
        x = r.scalar("self")
        return r.sum(name, single(words.format(x.text), function(x.value), x, size=1.0), LIBRARY)

    return rule


def nan_to_number(r: Reading) -> Explanation:
    x = r.scalar("self")
    limits = torch.finfo(r.result.kept.dtype)
    stand_ins = (("nan", math.isnan(x.value), 0.0), ("posinf", x.value == math.inf, limits.max),
                 ("neginf", x.value == -math.inf, limits.min))  # fmt: skip
    value = x.value
    for name, holds, otherwise in stand_ins:
        if holds:
            given = r.setting(name)
            value = otherwise if given is None else float(given)
    return r.sum("Where", single(f"{x.text}, or what stands for it", value, x))


def logit(r: Reading) -> Explanation:
    x, low = r.scalar("self"), r.setting("eps")
    share = x.value if low is None else min(max(x.value, low), 1 - low)
    ends = {0.0: -math.inf, 1.0: math.inf}
    value = ends.get(share, math.log(share / (1 - share)) if 0 < share < 1 else math.nan)
    size = abs(value) + 2 + 1 / max(1 - share, 1e-7) if math.isfinite(value) else None
    return r.sum("Logit", single(f"ln({x.text} / (1 − {x.text}))", value, x, size=size), LIBRARY)


def log_add_exp(r: Reading) -> Explanation:
    a, b = r.scalar("self"), r.scalar("other")
    if math.isinf(a.value) and a.value == b.value:
        value = a.value
    else:
        value = max(a.value, b.value) + math.log1p(math.exp(-abs(a.value - b.value)))
    text = f"ln(exp({a.text}) + exp({b.text}))"
    size = abs(a.value) + abs(b.value) + 1
    return r.sum("LogSumExp", single(text, value, a, b, size=size), LIBRARY)


def times_log(r: Reading) -> Explanation:
    """`xlogy`, where 0 · ln 0 is 0."""
    a, b = r.scalar("self"), r.scalar("other")
    with_log = -math.inf if b.value == 0 else math.log(b.value) if b.value > 0 else math.nan
    value = b.value if math.isnan(b.value) else 0.0 if a.value == 0 else a.value * with_log
    return r.sum("TimesLog", single(f"{a.text} · ln {b.text}", value, a, b), LIBRARY)


def by_pair(name: str, words: str, function: Callable[[float, float], float]) -> Rule:
    def rule(r: Reading) -> Explanation:
        a, b = r.scalar("self"), r.scalar("other")
        text = words.format(a.text, b.text)
        return r.sum(name, single(text, function(a.value, b.value), a, b), LIBRARY)

    return rule


def sinc(x: float) -> float:
    return math.sin(math.pi * x) / (math.pi * x) if x else 1.0


def fraction(x: float) -> float:
    return x - math.trunc(x)


def _sign(x: float) -> float:
    return float((x > 0) - (x < 0))


RULES: dict[str, Rule] = {
    "add": add,
    "sub": subtract,
    "rsub": subtract_from,
    "mul": multiply,
    "div": divide,
    "pow": power,
    "addcmul": add_product,
    "addcdiv": add_quotient,
    "lerp": between,
    "maximum": larger,
    "minimum": smaller,
    "clamp": clamp,
    "clamp_min": clamp,
    "clamp_max": clamp,
    "where": where,
    "masked_fill": masked_fill,
    "exp": by_curve(lambda r: curves.Exp()),
    "log": by_curve(lambda r: curves.Log()),
    "sqrt": by_curve(lambda r: curves.Sqrt()),
    "nan_to_num": nan_to_number,
    "logit": logit,
    "logaddexp": log_add_exp,
    "xlogy": times_log,
    "fmax": larger,
    "fmin": smaller,
    "hypot": by_pair("Length", "√({}² + {}²)", math.hypot),
    "atan2": by_pair("Angle", "angle of ({1}, {0})", math.atan2),
    "neg": by_function("Negative", "−{}", lambda x: -x),
    "abs": by_function("Absolute", "|{}|", abs),
    "reciprocal": by_function("Reciprocal", "1 / {}", lambda x: 1 / x),
    "rsqrt": by_function("ReciprocalSqrt", "1 / √{}", lambda x: 1 / math.sqrt(x)),
    "sign": by_function("Sign", "sign of {}", _sign),
    "sgn": by_function("Sign", "sign of {}", _sign),
    "floor": by_function("Floor", "⌊{}⌋", math.floor),
    "ceil": by_function("Ceil", "⌈{}⌉", math.ceil),
    "round": by_function("Round", "{}, rounded", round),
    "trunc": by_function("Truncate", "whole part of {}", math.trunc),
    "expm1": by_function("ExpMinusOne", "exp({}) − 1", math.expm1),
    "log1p": by_function("LogOnePlus", "ln(1 + {})", math.log1p),
    "log2": by_function("Log2", "log₂ {}", math.log2),
    "log10": by_function("Log10", "log₁₀ {}", math.log10),
    "exp2": by_function("Exp2", "2^{}", lambda x: 2.0**x),
    "erf": by_function("Erf", "erf({})", math.erf),
    "erfc": by_function("Erfc", "1 − erf({})", math.erfc),
    "tan": by_function("Tangent", "tan({})", math.tan),
    "sinh": by_function("HyperbolicSine", "sinh({})", math.sinh),
    "cosh": by_function("HyperbolicCosine", "cosh({})", math.cosh),
    "asin": by_function("Arcsine", "arcsin({})", math.asin),
    "acos": by_function("Arccosine", "arccos({})", math.acos),
    "asinh": by_function("AreaSine", "arsinh({})", math.asinh),
    "acosh": by_function("AreaCosine", "arcosh({})", math.acosh),
    "atanh": by_function("AreaTangent", "artanh({})", math.atanh),
    "frac": by_function("Fraction", "{0} − whole part of {0}", fraction),
    "sinc": sine_like("Sinc", "sin(π {0}) / (π {0})", sinc),
    "atan": by_function("Arctangent", "arctan({})", math.atan),
    "sin": sine_like("Sine", "sin({})", math.sin),
    "cos": sine_like("Cosine", "cos({})", math.cos),
}
