"""The curves between layers: ReLU and what came after it."""

from __future__ import annotations

import math
from collections.abc import Callable

from pellucid.explain.reading import Reading, Scalar, number, product, single
from pellucid.explain.rules.elementwise import LIBRARY, by_curve, by_function
from pellucid.scratch.explanation import Explanation
from pellucid.scratch.op import Op
from pellucid.scratch.ops import elementwise as curves

Rule = Callable[[Reading], Explanation]


def hard_tanh(r: Reading) -> Explanation:
    x, low, high = r.scalar("self"), r.setting("min_val", -1), r.setting("max_val", 1)
    value = min(max(x.value, low), high) if x.value == x.value else x.value
    return r.sum("Clamp", single(f"{x.text}, kept within {low:g} … {high:g}", value, x))


def gelu(r: Reading) -> Op:
    return curves.TanhGELU() if r.setting("approximate") == "tanh" else curves.GELU()


def elu(r: Reading) -> Explanation:
    x, alpha = r.scalar("self"), r.setting("alpha", 1)
    scale, inner = r.setting("scale", 1), r.setting("input_scale", 1)
    if x.value > 0:
        return r.sum("ELU", [product(number(scale), x)])
    value = scale * alpha * math.expm1(inner * x.value)
    return r.sum("ELU", single(f"{scale * alpha:g} · (exp({x.text}) − 1)", value, x), LIBRARY)


def softplus(r: Reading) -> Explanation:
    x, beta, threshold = r.scalar("self"), r.setting("beta", 1), r.setting("threshold", 20)
    inner = beta * x.value
    if inner > threshold:
        return r.sum("Softplus", single(f"{x.text}, large enough to stay", x.value, x))
    value = (max(inner, 0) + math.log1p(math.exp(-abs(inner)))) / beta
    return r.sum("Softplus", single(f"ln(1 + exp({beta:g} · {x.text})) / {beta:g}", value, x), 16)


def log_sigmoid(r: Reading) -> Explanation:
    x = r.scalar("self")
    if r.output == 1:
        value = math.exp(-abs(x.value))
        return r.sum("Exp", single(f"exp(−|{x.text}|), kept for the way back", value, x), LIBRARY)
    value = min(x.value, 0) - math.log1p(math.exp(-abs(x.value)))
    return r.sum("LogSigmoid", single(f"−ln(1 + exp(−{x.text}))", value, x), 16)


def hard_swish(x: float) -> float:
    return x * min(max(x + 3, 0), 6) / 6


def hard_sigmoid(x: float) -> float:
    return min(max(x + 3, 0), 6) / 6


def mish(x: float) -> float:
    return x * math.tanh(max(x, 0) + math.log1p(math.exp(-abs(x))))


def parametric_relu(r: Reading) -> Explanation:
    x, leak = r.scalar("self"), r.scalar("weight")
    return r.sum("PReLU", [product(x) if x.value > 0 else product(leak, x)])


def celu(r: Reading) -> Explanation:
    x, alpha = r.scalar("self"), r.setting("alpha", 1)
    if x.value > 0:
        return r.sum("CELU", [product(x)])
    value = alpha * math.expm1(x.value / alpha)
    text = f"{alpha:g} · (exp({x.text} / {alpha:g}) − 1)"
    return r.sum("CELU", single(text, value, x, size=abs(value) + abs(x.value)), LIBRARY)


def gated(r: Reading) -> Explanation:
    """`glu`: the first half of the axis, times how far the second half opens it."""
    axis = r.setting("dim") % len(r.index)
    other = (*r.index[:axis], r.index[axis] + r.result.shape[axis], *r.index[axis + 1 :])
    x, gate = r.scalar("self", r.index), r.scalar("self", other)
    share = math.exp(min(gate.value, 0)) / (1 + math.exp(-abs(gate.value)))
    opened = Scalar(share, f"σ({gate.text})", gate.source)
    return r.sum("GLU", [product(x, opened)], LIBRARY)


def above(r: Reading) -> Explanation:
    x, low = r.scalar("self"), r.setting("threshold")
    value = float(r.setting("value")) if x.value <= low else x.value
    return r.sum("Threshold", single(f"{x.text} if above {low:g}, else this", value, x))


def shrunk(shrink: Callable[[float, float], float]) -> Rule:
    """`hardshrink` and `softshrink`."""

    def rule(r: Reading) -> Explanation:
        x, bound = r.scalar("self"), float(r.setting("lambd"))
        text = f"{x.text}, made 0 within ±{bound:g}"
        return r.sum("Shrink", single(text, shrink(x.value, bound), x, size=abs(x.value) + bound))

    return rule


RULES: dict[str, Rule] = {
    "relu": by_curve(lambda r: curves.ReLU()),
    "leaky_relu": by_curve(lambda r: curves.LeakyReLU(r.setting("negative_slope"))),
    "sigmoid": by_curve(lambda r: curves.Sigmoid()),
    "tanh": by_curve(lambda r: curves.Tanh()),
    "gelu": by_curve(gelu),
    "silu": by_curve(lambda r: curves.SiLU()),
    "hardtanh": hard_tanh,
    "softplus": softplus,
    "elu": elu,
    "celu": celu,
    "log_sigmoid_forward": log_sigmoid,
    "_prelu_kernel": parametric_relu,
    "glu": gated,
    "threshold": above,
    "hardshrink": shrunk(lambda x, bound: x if abs(x) > bound else 0.0),
    "softshrink": shrunk(
        lambda x, bound: math.copysign(max(abs(x) - bound, 0.0), x) if x == x else x
    ),
    "hardswish": by_function("HardSwish", "{0} · clip({0} + 3, 0, 6) / 6", hard_swish),
    "hardsigmoid": by_function("HardSigmoid", "clip({} + 3, 0, 6) / 6", hard_sigmoid),
    "mish": by_function("Mish", "{0} · tanh(ln(1 + exp({0})))", mish),
}
