"""The way back through curves: the gradient that arrives, times the curve's slope."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch

from pellucid.explain.reading import Reading, Scalar, number, product, single
from pellucid.explain.rules.chance import drawn
from pellucid.scratch.explanation import Explanation, Term

Rule = Callable[[Reading], Explanation]
LIBRARY = 12
"""Roundings of a slope with an exp or tanh in it."""


def _passed(op: str, is_open: Callable[[Reading, float], bool], words: str) -> Rule:
    """A slope of 1 or 0: the gradient goes through, or not."""

    def rule(r: Reading) -> Explanation:
        gradient, x = r.scalar("grad_output"), r.scalar("self")
        through = is_open(r, x.value)
        text = words.format(gradient.text, "1" if through else "0", x.text, x.value)
        return r.sum(op, single(text, gradient.value if through else 0.0, gradient, x))

    return rule


def _split(op: str, source: str, slope: Callable[[float], list[tuple[str, float]]]) -> Rule:
    """A slope that is a sum, whose parts may nearly cancel: each part is a term of its own."""

    def rule(r: Reading) -> Explanation:
        gradient, x = r.scalar("grad_output"), r.scalar(source)
        parts = (Scalar(value, words.format(x.text), x.source) for words, value in slope(x.value))
        return r.sum(op, [product(gradient, part) for part in parts], LIBRARY)

    return rule


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _silu_slope(x: float) -> list[tuple[str, float]]:
    s = _sigmoid(x)
    return [("σ({0})", s), ("{0} · σ({0}) · (1 − σ({0}))", x * s * (1 - s))]


def gelu_backward(r: Reading) -> Explanation:
    gradient, x = r.scalar("grad_output"), r.scalar("self")
    shares = _tanh_gelu if r.setting("approximate") == "tanh" else _gelu
    (first, a), (second, b) = shares(x.value)
    g = abs(gradient.value)
    return r.sum(
        "GELU, backward",
        [  # Φ is computed as ½(1 + erf), so its error is that of a number near 1
            product(gradient, Scalar(a, first.format(x.text), x.source), size=g),
            product(gradient, Scalar(b, second.format(x.text), x.source), size=g * (1 + abs(b))),
        ],
        LIBRARY,
    )


def _gelu(x: float) -> list[tuple[str, float]]:
    share = 0.5 * (1 + math.erf(x / math.sqrt(2)))
    density = math.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    return [("Φ({0})", share), ("{0} · φ({0})", x * density)]


def _tanh_gelu(x: float) -> list[tuple[str, float]]:
    root, cubic = math.sqrt(2 / math.pi), 0.044715
    bent = math.tanh(root * (x + cubic * x**3))
    slope = root * (1 + 3 * cubic * x * x) * (1 - bent * bent)
    return [("½(1 + tanh s({0}))", 0.5 * (1 + bent)), ("½ {0} · tanh′ s({0})", 0.5 * x * slope)]


def leaky_backward(r: Reading) -> Explanation:
    gradient, x = r.scalar("grad_output"), r.scalar("self")
    slope = 1.0 if x.value > 0 else float(r.setting("negative_slope"))
    return r.sum("LeakyReLU, backward", [product(gradient, _slope(slope, x))])


def _slope(value: float, x: Scalar) -> Scalar:
    return Scalar(value, f"slope {value:g} at {x.text}", x.source)


def elu_backward(r: Reading) -> Explanation:
    gradient, x = r.scalar("grad_output"), r.scalar("self_or_result")
    alpha, scale = r.setting("alpha"), r.setting("scale")
    inner = r.setting("input_scale")
    if x.value > 0:
        slope = float(scale)
    elif r.setting("is_result"):
        slope = inner * (x.value + alpha * scale)
    else:
        slope = inner * alpha * scale * math.exp(x.value * inner)
    size = abs(gradient.value) * (abs(slope) + abs(inner * x.value))
    return r.sum("ELU, backward", [product(gradient, _slope(slope, x), size=size)], LIBRARY)


def softplus_backward(r: Reading) -> Explanation:
    gradient, x = r.scalar("grad_output"), r.scalar("self")
    inner = r.setting("beta") * x.value
    slope = 1.0 if inner > r.setting("threshold") else _sigmoid(inner)
    return r.sum("Softplus, backward", [product(gradient, _slope(slope, x))], LIBRARY)


def hard_swish_slope(x: float) -> list[tuple[str, float]]:
    if abs(x) >= 3:
        return [("slope of {0}, beyond the bend", float(x >= 3))]
    return [("{0} / 3", x / 3), ("1/2", 0.5)]


def hard_tanh_backward(r: Reading) -> Explanation:
    gradient, x = r.scalar("grad_output"), r.scalar("self")
    inside = r.setting("min_val") < x.value < r.setting("max_val")
    return r.sum("Clamp, backward", [product(gradient, _slope(float(inside), x))])


def log_sigmoid_backward(r: Reading) -> Explanation:
    gradient, x = r.scalar("grad_output"), r.scalar("self")
    return r.sum("LogSigmoid, backward", [product(gradient, _slope(_sigmoid(-x.value), x))], 16)


def _through(r: Reading, x: float) -> bool:
    return not x <= float(r.setting("threshold", 0))  # so what is not a number goes through


def _unbent(_: Reading, x: float) -> bool:
    return -3 < x < 3


def hard_sigmoid_backward(r: Reading) -> Explanation:
    gradient, x = r.scalar("grad_output"), r.scalar("self")
    sixth = float(np.float32(1 / 6)) if r.result.kept.dtype is torch.float64 else 1 / 6
    slope = sixth if _unbent(r, x.value) else 0.0  # PyTorch holds its 1/6 as a float32
    return r.sum("HardSigmoid, backward", [product(gradient, _slope(slope, x))])


def shrink_backward(name: str) -> Rule:
    """`hardshrink_backward` and `softshrink_backward`: through where |x| is above lambd."""

    def rule(r: Reading) -> Explanation:
        gradient, x = r.scalar(name), r.scalar("self")
        slope = float(abs(x.value) > r.setting("lambd"))
        return r.sum("Shrink, backward", [product(gradient, _slope(slope, x))])

    return rule


def _mish_slope(x: float) -> list[tuple[str, float]]:
    soft = math.tanh(max(x, 0) + math.log1p(math.exp(-abs(x))))
    return [("tanh(ln(1 + exp({0})))", soft), ("{0} · σ({0}) · (1 − tanh²)",
                                               x * _sigmoid(x) * (1 - soft * soft))]  # fmt: skip


def glu_backward(r: Reading) -> Explanation:
    """The first half is multiplied with the gates, the second half makes the gates."""
    axis = r.setting("dim") % len(r.index)
    half = r.result.shape[axis] // 2
    at = (*r.index[:axis], r.index[axis] % half, *r.index[axis + 1 :])
    second = (*r.index[:axis], at[axis] + half, *r.index[axis + 1 :])
    gradient, a, b = r.scalar("grad_output", at), r.scalar("self", at), r.scalar("self", second)
    gate = _sigmoid(b.value)
    if r.index[axis] < half:
        return r.sum("GLU, backward", [product(gradient, Scalar(gate, f"σ({b.text})", b.source))],
                     LIBRARY)  # fmt: skip
    slope = Scalar(gate * (1 - gate), f"σ′({b.text})", b.source)
    size = abs(gradient.value * a.value) * gate
    return r.sum("GLU, backward", [product(gradient, a, slope, size=size)], LIBRARY)


def logit_backward(r: Reading) -> Explanation:
    gradient, x = r.scalar("grad_output"), r.scalar("self")
    low = r.setting("eps")
    spread = x.value * (1 - x.value)
    inside = low is None or low <= x.value <= 1 - low
    value = gradient.value / spread if inside and spread else 0.0 if inside is False else math.inf
    text = f"{gradient.text} / ({x.text} · (1 − {x.text}))"
    size = abs(value) * (1 + 1 / max(1 - x.value, 1e-7)) if math.isfinite(value) else None
    return r.sum("Logit, backward", single(text, value, gradient, x, size=size), LIBRARY)


def dropout_backward(r: Reading) -> Explanation:
    """`native_dropout_backward`."""
    factors = (r.scalar("grad_output"), r.scalar("mask"), number(r.setting("scale")))
    return r.sum("Dropout, backward", [product(*factors)])


def dropout(r: Reading) -> Explanation:
    """`native_dropout`: what was kept is enlarged by 1 / (1 − share); then what was kept."""
    if r.output == 1:
        return drawn(r)
    mask = r.other(1)
    assert mask is not None
    kept, share = r.at(mask, r.index), r.setting("p")
    scale = 0.0 if share == 1 else 1 / (1 - share)
    return r.sum("Dropout", [product(r.scalar("input"), kept, number(scale))], 3)


def parametric_backward(r: Reading) -> Explanation:
    """`_prelu_kernel_backward`: the gradient of the input, then of the leak before it is summed."""
    gradient, x, leak = r.scalar("grad_output"), r.scalar("self"), r.scalar("weight")
    if r.output == 0:
        terms: list[Term] = [product(gradient) if x.value > 0 else product(leak, gradient)]
    else:
        terms = single(f"0, as {x.text} is above 0", 0.0, x)
        terms = terms if x.value > 0 else [product(gradient, x)]
    return r.sum("PReLU, backward", terms)


RULES: dict[str, Rule] = {
    "threshold_backward": _passed("ReLU, backward", _through, "{0} · {1}, as {2} is {3:.4g}"),
    "sigmoid_backward": _split(
        "Sigmoid, backward", "output", lambda y: [("{0}", y), ("(−{0}²)", -y * y)]
    ),
    "tanh_backward": _split(
        "Tanh, backward", "output", lambda y: [("1", 1.0), ("(−{0}²)", -y * y)]
    ),
    "silu_backward": _split("SiLU, backward", "self", _silu_slope),
    "mish_backward": _split("Mish, backward", "self", _mish_slope),
    "glu_backward": glu_backward,
    "hardshrink_backward": shrink_backward("grad_out"),
    "softshrink_backward": shrink_backward("grad_output"),
    "logit_backward": logit_backward,
    "hardswish_backward": _split("HardSwish, backward", "self", hard_swish_slope),
    "hardsigmoid_backward": hard_sigmoid_backward,
    "gelu_backward": gelu_backward,
    "leaky_relu_backward": leaky_backward,
    "elu_backward": elu_backward,
    "softplus_backward": softplus_backward,
    "hardtanh_backward": hard_tanh_backward,
    "log_sigmoid_backward": log_sigmoid_backward,
    "native_dropout_backward": dropout_backward,
    "native_dropout": dropout,
    "_prelu_kernel_backward": parametric_backward,
}
