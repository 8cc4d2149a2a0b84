"""Softmax and its logarithm, forward and backward, and the losses."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid.explain.reading import Reading, Scalar, number, product, single
from pellucid.explain.rules.reductions import Line
from pellucid.scratch.arrays import Array, nth_place
from pellucid.scratch.explanation import Explanation, Place, Term, Terms

Rule = Callable[[Reading], Explanation]
MEAN, SUM = 1, 2
"""PyTorch's numbers for how a loss is reduced; 0 is not at all."""


RIVALS = 8
"""How many of the scores that compete are named; there may be thousands."""


class Contest:
    """The scores along an axis that compete, and the one that is asked for."""

    def __init__(self, r: Reading) -> None:
        axis = r.setting("dim")
        self.line = Line(r, axis, True)
        self.own = r.index[axis % len(r.index)] if r.index else 0
        self.scores = self.line.wide
        self.largest = int(self.scores.argmax())
        self.distances = self.scores - self.scores[self.largest]
        self.powers = np.exp(self.distances)
        self.total = math.fsum(self.powers)

    def rivals(self) -> tuple[Place, ...]:
        """The places of the largest scores."""
        count = min(RIVALS, len(self.scores))
        best = np.argpartition(-self.scores, count - 1)[:count]
        return tuple(self.line.place(int(k)) for k in best)

    def spread(self) -> float:
        """How far the own score, and the average one, lie below the largest."""
        finite = np.where(self.powers > 0, self.distances, 0)
        return abs(float(finite[self.own])) + abs(float((finite * self.powers).sum() / self.total))


def softmax(r: Reading) -> Explanation:
    """exp(score) / Σ exp(score)."""
    if "_safe" in r.call.name and not np.isfinite(Line(r, r.setting("dim"), True).wide).any():
        return r.sum("Softmax", single("0, as every score is −∞", 0.0))
    c = Contest(r)
    value = float(c.powers[c.own]) / c.total
    own = c.line.place(c.own)
    # A score's rounding error is relative to the score; its power multiplies it by e^error.
    size = value * (1 + 2 * c.spread()) if value else 0.0
    text = f"exp({own}) / Σ exp over {len(c.scores)} scores"
    return r.sum("Softmax", [Term(text, value, (own, *c.rivals()), size)], len(c.scores) + 16)


def log_softmax(r: Reading) -> Explanation:
    """score − largest − ln Σ exp(score − largest)."""
    c = Contest(r)
    own, top, rest = c.line.place(c.own), c.line.place(c.largest), math.log(c.total)
    terms = [
        Term(str(own), float(c.scores[c.own]), (own,)),
        Term(f"−{top}, the largest of {len(c.scores)}", -float(c.scores[c.largest]), (top,)),
        Term("−ln Σ exp(score − largest)", -rest, c.rivals(), 1 + abs(rest)),
    ]
    return r.sum("LogSoftmax", terms, len(c.scores) + 16)


def softmax_backward(r: Reading) -> Explanation:
    """out · grad − out · Σⱼ gradⱼ · outⱼ."""
    axis = r.setting("dim")
    gradients, shares = Line(r, axis, True, "grad_output"), Line(r, axis, True, "output")
    own, gradient = r.scalar("output", r.index), r.scalar("grad_output", r.index)
    products = gradients.wide * shares.wide * -own.value

    def describe(k: int) -> tuple[str, tuple[Place, ...]]:
        if k == len(products):
            return f"{own.text} · {gradient.text}", (*own.source, *gradient.source)
        places = gradients.place(k), shares.place(k)
        return f"−{own.text} · {places[0]} · {places[1]}", places

    terms = Terms(np.append(products, own.value * gradient.value), describe)
    return r.sum("Softmax, backward", terms, 4)


def log_softmax_backward(r: Reading) -> Explanation:
    """grad − exp(out) · Σⱼ gradⱼ."""
    line = Line(r, r.setting("dim"), True, "grad_output")
    own, gradient = r.scalar("output", r.index), r.scalar("grad_output", r.index)
    share = math.exp(own.value)
    shaky = 1 + abs(own.value)

    def describe(k: int) -> tuple[str, tuple[Place, ...]]:
        if k == len(line.wide):
            return gradient.text, gradient.source
        place = line.place(k)
        return f"−{share:.4g} · {place}", (place,)

    values = np.append(-share * line.wide, gradient.value)
    sizes = np.append(np.abs(share * line.wide) * shaky, abs(gradient.value))
    return r.sum("LogSoftmax, backward", Terms(values, describe, sizes), 16)


def _targets(r: Reading) -> tuple[np.ndarray, np.ndarray]:
    """The targets as one list, and the weight of each; 0 for those that are ignored."""
    targets = r.tensor("target").array
    kept = targets != r.setting("ignore_index", -100)
    weight = r.maybe("weight")
    weights = kept.astype(np.float64)
    if weight is not None:
        weights = np.where(kept, weight.array[np.where(kept, targets, 0)], 0.0)
    return targets, weights


def _scores_at(r: Reading, at: tuple[int, ...], target: int) -> tuple[int, ...]:
    """Where the score of an example's target stands: the class is the second axis."""
    return (*at[:1], target, *at[1:]) if len(r.tensor("self").shape) > 1 else (target,)


def negative_log_likelihood(r: Reading) -> Explanation:
    """Minus the target's score, summed or averaged; then the sum of the weights."""
    targets, weights = _targets(r)
    scores, total = r.tensor("self"), float(weights.sum())
    if r.output == 1:
        if r.setting("reduction") == 0:
            return r.sum("Sum", single("0, as nothing is averaged", 0.0))
        return r.sum("Sum", single(f"weights of {targets.size} targets", total), targets.size)
    if r.setting("reduction") == 0:
        at = r.index
        return r.sum("NLL", [_minus(r, at, int(targets[at]), float(weights[at]))])
    divisor = total if r.setting("reduction") == MEAN else 1.0
    found = np.argwhere(weights.reshape(targets.shape) != 0)
    places = [_scores_at(r, tuple(map(int, at)), int(targets[tuple(at)])) for at in found]
    factors = np.array([-weights[tuple(at)] / divisor for at in found])
    values = np.array([scores.read(place) for place in places])

    def describe(k: int) -> tuple[str, tuple[Place, ...]]:
        place = scores.place(places[k])
        return f"{factors[k]:.6g} · {place}", (place,)

    return r.sum("NLL", Terms(values * factors, describe), 4)


def _minus(r: Reading, at: tuple[int, ...], target: int, weight: float) -> Term:
    if weight == 0:
        return Term("0, as the target is ignored", 0.0)
    return product(number(-weight), r.at(r.tensor("self"), _scores_at(r, at, target)))


def negative_log_likelihood_backward(r: Reading) -> Explanation:
    """−weight / total at the target's score, 0 elsewhere."""
    targets, weights = _targets(r)
    several = len(r.index) > 1
    at = (r.index[0], *r.index[2:]) if several else ()
    own = r.index[1] if several else r.index[0]
    if int(targets[at]) != own or weights[at] == 0:
        return r.sum("NLL, backward", single("0, as this is not the target", 0.0))
    reduction = r.setting("reduction")
    divisor = r.tensor("total_weight").read(()) if reduction == MEAN else 1.0
    gradient = r.scalar("grad_output", at if reduction == 0 else ())
    factor = number(-float(weights[at]) / divisor, f"−{float(weights[at]):g} / {divisor:g}")
    return r.sum("NLL, backward", [product(factor, gradient)], 4)


Pair = Callable[[Reading, Array, Array], tuple[Array, Array]]
"""A loss of predictions and targets, or its slope: the values, and their sizes for the bound."""


def pairwise_loss(op: str, words: str, loss: Pair) -> Rule:
    """A loss that compares number by number, and is then summed, averaged, or neither."""

    def rule(r: Reading) -> Explanation:
        x, y, weight = r.tensor("self"), r.tensor("target"), r.maybe("weight")
        reduction = r.setting("reduction", MEAN)
        at: Any = r.index if reduction == 0 else ...
        p = np.asarray(x.array[at], np.float64)
        t, factor = (
            np.broadcast_to(1.0 if other is None else other.array, x.shape)[at].astype(np.float64)
            for other in (y, weight)
        )
        divisor = p.size if reduction == MEAN else 1
        values, sizes = loss(r, p, t)

        def describe(k: int) -> tuple[str, tuple[Place, ...]]:
            place = nth_place(k, x.shape) if reduction else r.index
            ends = x.place(place), y.place(y.under(place))
            return words.format(*ends) + (f" / {divisor}" if divisor > 1 else ""), ends

        terms = Terms(values * factor / divisor, describe, sizes * np.abs(factor) / divisor)
        return r.sum(op, terms, 24)

    return rule


def pairwise_slope(op: str, words: str, slope: Pair) -> Rule:
    """The way back: the gradient of the loss times the slope, over n where it was a mean."""

    def rule(r: Reading) -> Explanation:
        x, y = r.scalar("self", r.index), r.at(r.tensor("target"))
        reduction, weight = r.setting("reduction", MEAN), r.maybe("weight")
        gradient = r.scalar("grad_output", r.index if reduction == 0 else ())
        count = int(np.prod(r.tensor("self").shape)) if reduction == MEAN else 1
        values, sizes = slope(r, np.asarray(x.value), np.asarray(y.value))
        said = words.format(x.text, y.text) + (f" / {count}" if count > 1 else "")
        steep = Scalar(float(values) / count, said, (*x.source, *y.source))
        shown = product(gradient, steep, *([] if weight is None else [r.at(weight)]))
        ratio = float(sizes) / abs(float(values)) if values else 1.0
        return r.sum(op, [shown._replace(size=abs(shown.value) * max(ratio, 1.0))], 24)

    return rule


def _square(_: Reading, p: Array, t: Array) -> tuple[Array, Array]:
    d = p - t
    return d * d, d * d + abs(d) * (abs(p) + abs(t))


def _square_slope(_: Reading, p: Array, t: Array) -> tuple[Array, Array]:
    return 2 * (p - t), 2 * (abs(p) + abs(t))


def _bend(r: Reading) -> float:
    return float(r.setting("beta", r.setting("delta", 1.0)))


def _smooth(r: Reading, p: Array, t: Array) -> tuple[Array, Array]:
    d, beta = abs(p - t), max(_bend(r), 1e-300)
    value = np.where(d < beta, d * d / (2 * beta), d - beta / 2)
    return value, value + (abs(p) + abs(t)) * np.minimum(d / beta, 1.0)


def _smooth_slope(r: Reading, p: Array, t: Array) -> tuple[Array, Array]:
    d, beta = p - t, max(_bend(r), 1e-300)
    inside = abs(d) < beta
    return np.clip(d / beta, -1, 1), np.where(inside, (abs(p) + abs(t)) / beta, 1.0)


def _huber(r: Reading, p: Array, t: Array) -> tuple[Array, Array]:
    value, size = _smooth(r, p, t)
    return value * _bend(r), size * _bend(r)


def _huber_slope(r: Reading, p: Array, t: Array) -> tuple[Array, Array]:
    value, size = _smooth_slope(r, p, t)
    return value * _bend(r), size * _bend(r)


def _binary(_: Reading, p: Array, t: Array) -> tuple[Array, Array]:
    """PyTorch keeps the logarithms at or above −100."""
    with np.errstate(divide="ignore"):
        yes, no = np.maximum(np.log(p), -100.0), np.maximum(np.log1p(-p), -100.0)
    return -(t * yes + (1 - t) * no), abs(t * yes) + abs((1 - t) * no) + 1


def _binary_slope(_: Reading, p: Array, t: Array) -> tuple[Array, Array]:
    spread = np.maximum((1 - p) * p, 1e-12)
    return (p - t) / spread, (abs(p) + abs(t)) / spread * (2 + 1 / np.maximum(1 - p, 1e-7))


def _binary_logits(r: Reading, p: Array, t: Array) -> tuple[Array, Array]:
    """−(w · t · ln σ(p) + (1 − t) · ln(1 − σ(p))), where w is `pos_weight`."""
    soft = np.log1p(np.exp(-abs(p)))
    yes, no = np.maximum(-p, 0.0) + soft, np.maximum(p, 0.0) + soft
    heavy = r.maybe("pos_weight")
    if heavy is None:
        return no - p * t, no + abs(p * t) + abs(p)
    whole = np.broadcast_to(heavy.array, r.tensor("self").shape)
    weight = (whole if r.setting("reduction", MEAN) else whole[r.index]).astype(np.float64)
    more = abs(1 - t) + abs(weight * t)
    return weight * t * yes + (1 - t) * no, more * (yes + no + abs(p)) + abs(p)


def _soft_margin(_: Reading, p: Array, t: Array) -> tuple[Array, Array]:
    return np.logaddexp(0, -t * p), np.logaddexp(0, -t * p) + abs(t * p)


def _soft_margin_slope(_: Reading, p: Array, t: Array) -> tuple[Array, Array]:
    share = np.exp(-np.logaddexp(0, t * p))
    return -t * share, abs(t * share) * (1 + abs(t * p))


def _margins(r: Reading, n: int) -> tuple[int, Array, float]:
    """Of one example: its target, how far each class comes too near, the target's weight."""
    whole, targets, weight = r.tensor("self"), r.tensor("target"), r.maybe("weight")
    scores = whole.array.reshape(-1, whole.shape[-1])[n].astype(np.float64)
    target = int(targets.array.ravel()[n])
    near = np.maximum(r.setting("margin", 1) - scores[target] + scores, 0.0)
    near[target] = 0
    return target, near, 1.0 if weight is None else weight.read((target,))


def multi_margin(r: Reading) -> Explanation:
    """Σ over wrong classes of max(0, margin − own score + theirs)^p, over the number of classes."""
    whole, power = r.tensor("self"), r.setting("p", 1)
    classes, reduction = whole.shape[-1], r.setting("reduction", MEAN)
    count = int(np.prod(whole.shape)) // classes
    rows = [r.index[0] if r.index else 0] if reduction == 0 else range(count)
    divisor = classes * (count if reduction == MEAN else 1)
    terms = []
    for n in rows:
        target, near, weight = _margins(r, n)
        reach = np.abs(whole.array).max() * 2 + r.setting("margin", 1)
        value = weight * float((near**power).sum()) / divisor
        size = weight * power * float((near ** (power - 1) * reach).sum()) / divisor
        text = f"example {n}: what comes too near to class {target}, / {divisor}"
        terms += single(text, value, size=size + abs(value))
    return r.sum("MultiMargin", terms, classes + 8)


def multi_margin_backward(r: Reading) -> Explanation:
    *lead, own = r.index
    n, power = (lead[0] if lead else 0), r.setting("p", 1)
    target, near, weight = _margins(r, n)
    whole, reduction = r.tensor("self"), r.setting("reduction", MEAN)
    count = int(np.prod(whole.shape)) // whole.shape[-1]
    divisor = whole.shape[-1] * (count if reduction == MEAN else 1)
    slopes = np.where(near > 0, power * near ** (power - 1), 0.0)
    slope = weight * float(-slopes.sum() if own == target else slopes[own]) / divisor
    gradient = r.scalar("grad_output", tuple(lead) if reduction == 0 else ())
    reach = float(np.abs(whole.array).max()) * 2 + r.setting("margin", 1)
    size = abs(gradient.value) * weight * (slopes.sum() + len(slopes) * (power - 1) * reach)
    steep = Scalar(slope, f"slope {slope:.4g}, near class {target}")
    return r.sum("MultiMargin, backward",
                 [product(gradient, steep, size=size / divisor + abs(slope))], 16)  # fmt: skip


RULES: dict[str, Rule] = {
    "_softmax": softmax,
    "_safe_softmax": softmax,
    "_log_softmax": log_softmax,
    "_softmax_backward_data": softmax_backward,
    "_log_softmax_backward_data": log_softmax_backward,
    "nll_loss_forward": negative_log_likelihood,
    "nll_loss2d_forward": negative_log_likelihood,
    "nll_loss_backward": negative_log_likelihood_backward,
    "nll_loss2d_backward": negative_log_likelihood_backward,
    "mse_loss": pairwise_loss("SquaredError", "({0} − {1})²", _square),
    "mse_loss_backward": pairwise_slope("SquaredError, backward", "2 · ({0} − {1})", _square_slope),
    "smooth_l1_loss": pairwise_loss("SmoothAbsolute", "smooth |{0} − {1}|", _smooth),
    "smooth_l1_loss_backward": pairwise_slope(
        "SmoothAbsolute, backward", "slope at {0} − {1}", _smooth_slope
    ),
    "soft_margin_loss": pairwise_loss("SoftMargin", "ln(1 + exp(−{1} · {0}))", _soft_margin),
    "soft_margin_loss_backward": pairwise_slope(
        "SoftMargin, backward", "slope of ln(1 + exp(−{1} · {0}))", _soft_margin_slope
    ),
    "multi_margin_loss": multi_margin,
    "multi_margin_loss_backward": multi_margin_backward,
    "huber_loss": pairwise_loss("Huber", "Huber({0} − {1})", _huber),
    "huber_loss_backward": pairwise_slope("Huber, backward", "slope at {0} − {1}", _huber_slope),
    "binary_cross_entropy": pairwise_loss(
        "BinaryCrossEntropy", "−ln of {0} or its rest, for {1}", _binary
    ),
    "binary_cross_entropy_backward": pairwise_slope(
        "BinaryCrossEntropy, backward", "({0} − {1}) / ({0} · (1 − {0}))", _binary_slope
    ),
    "binary_cross_entropy_with_logits": pairwise_loss(
        "BinaryCrossEntropy", "ln(1 + exp({0})) − {0} · {1}", _binary_logits
    ),
}
