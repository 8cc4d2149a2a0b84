"""Optimisers that do the whole step of all weights in one fused call."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

from pellucid.explain.operand import Operand
from pellucid.explain.reading import Reading, Scalar, number, product, single
from pellucid.scratch.explanation import Explanation
from pellucid.watch.calls import written

Rule = Callable[[Reading], Explanation]
ROUNDINGS = 24
"""A fused step is about ten operations, and a root and a quotient among them."""


class Turn(NamedTuple):
    """Which of the tensors that a fused call writes a number is in."""

    name: str
    """The argument, e.g. `exp_avgs`."""
    weight: int
    """Its place in the list: which weight it belongs to."""


def turn_of(r: Reading) -> Turn:
    """The call's outputs are the lists it writes into, one after the other."""

    def flat() -> Iterator[Turn]:
        for _, name in written(r.call.function):
            for place in range(len(r.arguments[name] or ())):
                yield Turn(name, place)

    return list(flat())[r.output]


def _entry(r: Reading, name: str, weight: int) -> Operand:
    return r.operand(r.arguments[name][weight])


def _number(r: Reading, name: str, weight: int) -> Scalar:
    operand = _entry(r, name, weight)
    return r.at(operand, r.index if operand.shape else ())


def _step(r: Reading, weight: int) -> float:
    """Which step this is, counted from 1."""
    return float(_entry(r, "state_steps", weight).array.item())


def _rate(r: Reading) -> float:
    return r.scalar("lr", ()).value


def _gradient(r: Reading, weight: int, decay: bool) -> tuple[float, float, Scalar]:
    """The gradient with its decay, its size for the bound, and where it comes from."""
    if r.maybe("grad_scale") is not None:
        r.refuse("its gradients are scaled inside the call")
    gradient, own = _number(r, "grads", weight), _number(r, "self", weight)
    value = -gradient.value if r.setting("maximize") else gradient.value
    added = r.setting("weight_decay") * own.value if decay else 0.0
    return value + added, abs(value) + abs(added), gradient


def adam(decoupled: bool) -> Rule:
    """Adam, and AdamW where the decay acts on the weight itself.

    Source: Kingma and Ba 2015; Loshchilov and Hutter 2019
    """

    def rule(r: Reading) -> Explanation:
        name, weight = turn_of(r)
        g, size, gradient = _gradient(r, weight, not decoupled)
        if name == "grads":
            return r.sum("Move", [product(gradient)])
        beta1, beta2 = r.setting("beta1"), r.setting("beta2")
        m, v = _number(r, "exp_avgs", weight), _number(r, "exp_avg_sqs", weight)
        if name == "exp_avgs":
            new = single(f"{1 - beta1:.4g} · gradient", (1 - beta1) * g, gradient, size=size)
            return r.sum("Adam", [product(number(beta1), m, size=abs(m.value)), *new], ROUNDINGS)
        if name == "exp_avg_sqs":
            new = single(f"{1 - beta2:.4g} · gradient²", (1 - beta2) * g * g, gradient,
                         size=size * size)  # fmt: skip
            return r.sum("Adam", [product(number(beta2), v), *new], ROUNDINGS)
        step = _step(r, weight)
        first = beta1 * m.value + (1 - beta1) * g
        second = beta2 * v.value + (1 - beta2) * g * g
        if r.setting("amsgrad"):
            largest = _number(r, "max_exp_avg_sqs", weight)
            second = max(second, largest.value)
            if name == "max_exp_avg_sqs":
                text = f"the larger one of the mean square and {largest.text}"
                return r.sum("Adam", single(text, second, largest, v, gradient), ROUNDINGS)
        root = math.sqrt(second / (1 - beta2**step)) + r.setting("eps")
        move = -_rate(r) * first / (1 - beta1**step) / root
        own = _number(r, "self", weight)
        kept = 1 - _rate(r) * r.setting("weight_decay") if decoupled else 1.0
        shaky = abs(move) * (1 + (abs(m.value) + size) / max(abs(first), 1e-300))
        told = single(f"−rate · m {first:.4g} / (√v {root:.4g}), each corrected", move, gradient,
                      m, v, size=shaky)  # fmt: skip
        return r.sum("Adam", [product(number(kept), own), *told], ROUNDINGS)

    return rule


def sgd(r: Reading) -> Explanation:
    """Stochastic gradient descent, with momentum and Nesterov's look ahead."""
    name, weight = turn_of(r)
    g, size, gradient = _gradient(r, weight, decay=True)
    if name == "grads":
        return r.sum("Move", [product(gradient)])
    momentum, damping = r.setting("momentum"), 1 - r.setting("dampening")
    buffer = g
    if momentum:
        old = _number(r, "momentum_buffer_list", weight)
        if not r.setting("is_first_step"):
            buffer = momentum * old.value + damping * g
            size += abs(momentum * old.value)
        if name == "momentum_buffer_list":
            first = [] if r.setting("is_first_step") else [product(number(momentum), old)]
            new = single("gradient, with its decay", buffer - sum(t.value for t in first), gradient,
                         size=size)  # fmt: skip
            return r.sum("SGD", [*first, *new], ROUNDINGS)
        g = g + momentum * buffer if r.setting("nesterov") else buffer
    move = single(f"−rate · {g:.4g}", -_rate(r) * g, gradient, size=_rate(r) * 2 * size)
    return r.sum("SGD", [product(_number(r, "self", weight)), *move], ROUNDINGS)


def adagrad(r: Reading) -> Explanation:
    """Adagrad. Source: Duchi et al. 2011."""
    name, weight = turn_of(r)
    if name == "state_steps":
        return r.sum("Move", [product(_number(r, name, weight))])
    g, size, gradient = _gradient(r, weight, decay=True)
    if name == "grads":
        return r.sum("Move", [product(gradient)])
    total = _number(r, "state_sums", weight)
    squares = total.value + g * g
    if name == "state_sums":
        new = single("gradient²", g * g, gradient, size=size * size)
        return r.sum("Adagrad", [product(total), *new], ROUNDINGS)
    step = _step(r, weight)
    rate = _rate(r) / (1 + (step - 1) * r.setting("lr_decay"))
    move = -rate * g / (math.sqrt(squares) + r.setting("eps"))
    told = single(f"−rate · gradient / √{squares:.4g}", move, gradient, total,
                  size=abs(move) * (1 + size / max(abs(g), 1e-300)))  # fmt: skip
    return r.sum("Adagrad", [product(_number(r, "self", weight)), *told], ROUNDINGS)


RULES: dict[str, Rule] = {
    "_fused_adam": adam(decoupled=False),
    "_fused_adamw": adam(decoupled=True),
    "_fused_sgd": sgd,
    "_fused_adagrad": adagrad,
}
