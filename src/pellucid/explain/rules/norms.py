"""Batch, group, layer and root-mean-square norm, forward and backward."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from pellucid.explain.operand import Operand
from pellucid.explain.reading import Reading, Scalar, number, product, single
from pellucid.scratch.arrays import Array, Index, nth_place, window
from pellucid.scratch.explanation import Explanation, Place, Term, Terms

Rule = Callable[[Reading], Explanation]
Box = tuple[Any, ...]
"""The places of a crowd: one number an axis where it is fixed, a range where it runs."""


class Crowd(NamedTuple):
    """The numbers that are standardised together, in float64."""

    values: Array
    mean: float
    variance: float
    size: float
    """The mean of their sizes, on which the mean's own roundings act."""

    @property
    def shaky(self) -> float:
        """By how much rounding moves the variance, in units of one rounding."""
        distance = np.abs(self.values - self.mean)
        return self.variance + float((distance * (np.abs(self.values) + self.size)).mean())


def crowd(x: Operand, box: Box) -> Crowd:
    values = x.array[window(*box)].astype(np.float64)
    mean = float(values.mean())
    spread = float(np.square(values - mean).mean())
    return Crowd(values, mean, spread, float(np.abs(values).mean()))


def _channel_box(index: Index) -> Box:
    return (slice(None), index[1], *(slice(None) for _ in index[2:]))


def _group_box(r: Reading, n: int, group: int) -> Box:
    shape = r.tensor("input").shape
    width = shape[1] // r.setting("group")
    channels = slice(group * width, (group + 1) * width)
    return (n, channels, *(slice(None) for _ in shape[2:]))


def _layer_box(r: Reading, index: Index) -> Box:
    own = len(r.setting("normalized_shape"))
    lead = index[: len(r.tensor("input").shape) - own]
    return (*lead, *(slice(None) for _ in range(own)))


def _learnt(r: Reading, name: str, index: Index) -> Scalar | None:
    operand = r.maybe(name)
    return None if operand is None else r.at(operand, index)


def _standardised(r: Reading, found: Crowd, learnt: Index) -> Explanation:
    """(x − mean) / deviation · weight + bias."""
    x = r.scalar("input", r.index)
    weight, bias = _learnt(r, "weight", learnt), _learnt(r, "bias", learnt)
    deviation = math.sqrt(found.variance + r.setting("eps"))
    factor = (weight.value if weight else 1.0) / deviation
    said = f" · {weight.text}" if weight else ""
    sources = (*x.source, *(weight.source if weight else ()))
    # The deviation's relative error acts on the distance from the mean.
    shift = abs((x.value - found.mean) * factor) * found.shaky / (deviation * deviation)
    terms = [
        Term(f"{x.text}{said} / {deviation:.6g}", x.value * factor, sources,
             abs(x.value * factor) + shift),
        Term(f"−mean {found.mean:.6g}{said} / {deviation:.6g}", -found.mean * factor,
             weight.source if weight else (), max(found.size, abs(found.mean)) * abs(factor)),
    ]  # fmt: skip
    if bias:
        terms.append(product(bias))
    return r.sum("Norm", terms, _count(found) + 8)


def _count(found: Crowd) -> int:
    return int(found.values.size)


def _given(r: Reading, channel: int) -> Crowd:
    """The statistics of a norm that judges: kept ones, not the batch's own."""
    mean, variance = r.tensor("running_mean"), r.tensor("running_var")
    at = mean.read((channel,))
    return Crowd(np.array([at]), at, variance.read((channel,)), abs(at))


def batch_norm(r: Reading) -> Explanation:
    """The result, then each channel's mean and 1 / deviation."""
    training = bool(r.setting("training", "running_mean" not in r.arguments))
    if "no_training" in r.call.name:
        training = False
    elif "with_update" in r.call.name:
        training = True
    if r.output >= len(r.call.function._schema.returns):
        return _running(r, training)
    if r.output == 0:
        channel = r.index[1]
        found = crowd(r.tensor("input"), _channel_box(r.index)) if training else _given(r, channel)
        return _standardised(r, found, (channel,))
    box = (slice(None), r.index[0], *(slice(None) for _ in r.tensor("input").shape[2:]))
    return _statistic(r, box)


def _running(r: Reading, training: bool) -> Explanation:
    """What a batch norm remembers: the mean, or the variance (divided by n − 1), of what it saw."""
    is_mean = r.output == len(r.call.function._schema.returns)
    old = r.scalar("running_mean" if is_mean else "running_var", r.index)
    if not training:
        return r.sum("Move", [product(old)])
    x, momentum = r.tensor("input"), float(r.setting("momentum"))
    box = (slice(None), r.index[0], *(slice(None) for _ in x.shape[2:]))
    found, kept = crowd(x, box), number(1 - momentum)
    count = _count(found)
    unbiased = count / max(count - 1, 1)
    value = found.mean if is_mean else found.variance * unbiased
    size = found.size if is_mean else found.shaky * unbiased
    word = "mean" if is_mean else "variance"
    seen = single(f"{momentum:g} · {word} {value:.6g} of {count} numbers", momentum * value,
                  size=momentum * size)  # fmt: skip
    return r.sum("Norm", [product(kept, old), *seen], count + 8)


def _statistic(r: Reading, box: Box) -> Explanation:
    """Mean (output 1) or 1 / deviation (output 2) of a crowd."""
    x = r.tensor("input")
    found = crowd(x, box)
    if r.output == 1:
        sizes = found.values.shape

        def describe(k: int) -> tuple[str, tuple[Place, ...]]:
            inner = iter(nth_place(k, sizes))
            place = x.place(_unboxed(box, inner))
            return f"{place} / {_count(found)}", (place,)

        return r.sum("Mean", Terms(found.values / _count(found), describe), 3)
    return r.sum("Norm", _reciprocal_deviation(r, found), _count(found) + 8)


def _unboxed(box: Box, inner: Iterator[int]) -> Index:
    """The box with the next inner place at each range, counted from where the range begins."""
    return tuple((at.start or 0) + next(inner) if isinstance(at, slice) else at for at in box)


def _reciprocal_deviation(r: Reading, found: Crowd) -> list[Term]:
    total = found.variance + r.setting("eps", 0)
    value = 1 / math.sqrt(total)
    text = f"1 / √(variance {found.variance:.6g} + ε), of {_count(found)} numbers"
    return single(text, value, size=value * (1 + 0.5 * found.shaky / total))


def group_norm(r: Reading) -> Explanation:
    shape = r.tensor("input").shape
    if r.output == 0:
        n, channel = r.index[:2]
        group = channel // (shape[1] // r.setting("group"))
        found = crowd(r.tensor("input"), _group_box(r, n, group))
        return _standardised(r, found, (channel,))
    return _statistic(r, _group_box(r, r.index[0], r.index[1]))


def layer_norm(r: Reading) -> Explanation:
    own = len(r.setting("normalized_shape"))
    if r.output == 0:
        found = crowd(r.tensor("input"), _layer_box(r, r.index))
        return _standardised(r, found, r.index[len(r.index) - own :])
    return _statistic(r, _layer_box(r, r.index))


def _pull(r: Reading, box: Box, mean: float, scale: float, learnt: Array | float) -> Explanation:
    """The gradient of the input: scale · (h − mean of h − x̂ · mean of h·x̂), h = weight · grad."""
    gradient, x = r.scalar("grad_out", r.index), r.scalar("input", r.index)
    crowd_gradient = r.tensor("grad_out").array[window(*box)].astype(np.float64) * learnt
    standard = (r.tensor("input").array[window(*box)].astype(np.float64) - mean) * scale
    own = (x.value - mean) * scale
    place = tuple(at for at, kind in zip(r.index, box, strict=True) if isinstance(kind, slice))
    begins = tuple((kind.start or 0) for kind in box if isinstance(kind, slice))
    weight = float(np.broadcast_to(learnt, crowd_gradient.shape)[
        tuple(at - start for at, start in zip(place, begins, strict=True))
    ])  # fmt: skip
    lift, stretch = float(crowd_gradient.mean()), float((crowd_gradient * standard).mean())
    sizes = float(np.abs(crowd_gradient).mean())
    reach = float(np.abs(crowd_gradient * standard).mean())
    wide = abs(scale) * (abs(x.value) + abs(mean))  # what x − mean was made of
    shaky = scale * (sizes + float(np.abs(crowd_gradient).mean() * wide))
    terms = [
        Term(f"{gradient.text} · weight {weight:.4g} · {scale:.4g}",
             gradient.value * weight * scale, (*gradient.source, *x.source)),
        Term(f"−mean of the gradients {lift:.4g} · {scale:.4g}", -lift * scale, (), sizes * scale),
        Term(f"−x̂ {own:.4g} · mean of gradient · x̂ {stretch:.4g} · {scale:.4g}",
             -own * stretch * scale, x.source,
             scale * (reach * (abs(own) + wide) + abs(own) * shaky)),
    ]  # fmt: skip
    return r.sum("Norm, backward", terms, int(crowd_gradient.size) + 8)


def _of_learnt(r: Reading, box: Box, mean: Array | float, scale: Array | float) -> Explanation:
    """The gradient of the weight, Σ grad · x̂, or of the bias, Σ grad."""
    gradient, x = r.tensor("grad_out"), r.tensor("input")
    values = gradient.array[window(*box)].astype(np.float64)
    sizes = np.abs(values)
    met = ""
    if r.output == 1:
        seen = x.array[window(*box)].astype(np.float64)
        sizes = np.abs(values * scale) * (np.abs(seen) + np.abs(mean))
        values = values * (seen - mean) * scale
        met = " · x̂"
    shape = values.shape

    def describe(k: int) -> tuple[str, tuple[Place, ...]]:
        at = _unboxed(box, iter(nth_place(k, shape)))
        place = gradient.place(at)
        return f"{place}{met}", (place, x.place(at)) if met else (place,)

    return r.sum("Norm, backward", Terms(values, describe, sizes), 8)


def batch_norm_backward(r: Reading) -> Explanation:
    channel = r.index[1] if r.output == 0 else r.index[0]
    training = bool(r.setting("train"))
    if training:
        mean, scale = (r.tensor(name).read((channel,)) for name in ("save_mean", "save_invstd"))
    else:
        found = _given(r, channel)
        mean, scale = found.mean, 1 / math.sqrt(found.variance + r.setting("eps"))
    box = (slice(None), channel, *(slice(None) for _ in r.tensor("input").shape[2:]))
    weight = _learnt(r, "weight", (channel,))
    if r.output:
        return _of_learnt(r, box, mean, scale)
    if training:
        return _pull(r, box, mean, scale, weight.value if weight else 1.0)
    gradient = r.scalar("grad_out", r.index)
    factor = Scalar(scale, f"1/deviation {scale:.4g}")
    return r.sum("Norm, backward", [product(gradient, *([weight] if weight else []), factor)], 6)


def layer_norm_backward(r: Reading) -> Explanation:
    x, own = r.tensor("input"), len(r.setting("normalized_shape"))
    lead = len(x.shape) - own
    if r.output == 0:
        at = r.index[:lead] + (0,) * own
        mean, scale = r.tensor("mean").read(at), r.tensor("rstd").read(at)
        weight = r.maybe("weight")
        learnt: Array | float = 1.0 if weight is None else weight.array.astype(np.float64)
        return _pull(r, _layer_box(r, r.index), mean, scale, learnt)
    box = (*(slice(None) for _ in range(lead)), *r.index)
    flat = (*(slice(None) for _ in range(lead)), *(0,) * own)
    means, scales = (r.tensor(name).array[window(*flat)] for name in ("mean", "rstd"))
    return _of_learnt(r, box, means.astype(np.float64), scales.astype(np.float64))


def group_norm_backward(r: Reading) -> Explanation:
    x, groups = r.tensor("input"), r.setting("group")
    width = x.shape[1] // groups
    if r.output == 0:
        n, group = r.index[0], r.index[1] // width
        mean, scale = r.tensor("mean").read((n, group)), r.tensor("rstd").read((n, group))
        weight = r.maybe("weight")
        learnt: Array | float = 1.0
        if weight is not None:
            own = weight.array[group * width : (group + 1) * width].astype(np.float64)
            learnt = own.reshape(-1, *(1,) * (len(x.shape) - 2))
        return _pull(r, _group_box(r, n, group), mean, scale, learnt)
    (channel,) = r.index
    box = (slice(None), channel, *(slice(None) for _ in x.shape[2:]))
    spread = (-1, *(1,) * (len(x.shape) - 2))
    means, scales = (
        r.tensor(name).array[:, channel // width].astype(np.float64).reshape(spread)
        for name in ("mean", "rstd")
    )
    return _of_learnt(r, box, means, scales)


def in_mixed_precision(rule: Rule) -> Rule:
    """Under autocast the weights have 32 bits and the pictures 16, and so have sums on the way."""

    def mixed(r: Reading) -> Explanation:
        r.mixed()
        return rule(r)

    return mixed


NORMS: dict[str, Rule] = {
    "native_batch_norm": batch_norm,
    "_native_batch_norm_legit": batch_norm,
    "_native_batch_norm_legit_no_training": batch_norm,
    "_batch_norm_with_update": batch_norm,
    "native_batch_norm_backward": batch_norm_backward,
    "native_group_norm": group_norm,
    "native_group_norm_backward": group_norm_backward,
    "native_layer_norm": layer_norm,
    "native_layer_norm_backward": layer_norm_backward,
}
RULES = {name: in_mixed_precision(rule) for name, rule in NORMS.items()}
