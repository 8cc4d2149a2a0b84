"""Numbers brought to mean 0 and deviation 1, then to a scale and a shift that are learnt."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from pellucid.scratch.arrays import Array, Index, moments
from pellucid.scratch.explanation import Term
from pellucid.scratch.op import Op


class Norm(Op):
    """What the norms share: each number is judged within its own crowd.

    `epsilon` is added to the variance, so that a crowd of equal numbers is not divided by 0.
    """

    def __init__(self, epsilon: float = 1e-5) -> None:
        self.epsilon = epsilon

    @abstractmethod
    def crowded(self, x: Array) -> Array:
        """`x` in a shape where each crowd lies along the axes of `crowd()`."""

    @abstractmethod
    def crowd(self, x: Array) -> tuple[int, ...]:
        """The axes of `crowded(x)` along which the numbers are judged together."""

    @abstractmethod
    def over(self, x: Array, learnt: Array) -> Array:
        """The weight or the bias, shaped to broadcast over `x`."""

    @abstractmethod
    def learnt_place(self, index: Index) -> Index:
        """Where in the weight and in the bias the number at `index` finds its own."""

    @abstractmethod
    def members(self, index: Index) -> Array:
        """The crowd of the number at `index`."""

    def forward(self, x: Array, weight: Array | None = None, bias: Array | None = None) -> Array:
        crowded = self.crowded(x)
        mean, variance = self.statistics(crowded)
        self.scale = 1 / np.sqrt(variance + self.epsilon)
        self.standard = ((crowded - mean) * self.scale).reshape(x.shape)
        out = self.standard if weight is None else self.standard * self.over(x, weight)
        return np.asarray(out if bias is None else out + self.over(x, bias))

    def statistics(self, crowded: Array) -> tuple[Array, Array]:
        """Mean and variance of every crowd."""
        return moments(crowded, self.crowd(crowded))

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        x, *learnt = self.arrays
        weighed = gradient * self.over(x, learnt[0]) if learnt else gradient
        dx = self.pull(self.crowded(weighed)).reshape(x.shape)
        pulls = (gradient * self.standard, gradient)
        return dx, *(self.learnt(g, own.shape) for g, own in zip(pulls, learnt, strict=False))

    def pull(self, gradient: Array) -> Array:
        """The gradient before standardising: mean and deviation depend on every member too."""
        axes = self.crowd(gradient)
        standard = self.crowded(self.standard)
        lift = gradient.mean(axis=axes, keepdims=True)
        stretch = (gradient * standard).mean(axis=axes, keepdims=True)
        return np.asarray(self.scale * (gradient - lift - standard * stretch))

    @abstractmethod
    def learnt(self, gradient: Array, shape: Index) -> Array:
        """`gradient` (as x) summed to the shape of the weight."""

    def roundings(self) -> int:
        (x, *_) = self.arrays
        crowded = self.crowded(x)
        return int(np.prod([crowded.shape[axis] for axis in self.crowd(crowded)])) + 8

    def centre(self, index: Index) -> tuple[float, float, float]:
        """Mean, variance and mean size of the crowd of the number at `index`, in float64."""
        crowd = self.members(index).astype(np.float64)
        mean = float(crowd.mean())
        return mean, float(np.square(crowd - mean).mean()), float(np.abs(crowd).mean())

    def terms(self, index: Index) -> list[Term]:
        own = self.place(0, index)
        learnt = [self.place(k, self.learnt_place(index)) for k in range(1, len(self.arrays))]
        weight = learnt[:1]
        mean, variance, size = self.centre(index)
        factor = (self.read(1, weight[0].at) if weight else 1.0) / np.sqrt(variance + self.epsilon)
        said = f" · {weight[0]}" if weight else ""
        found = [
            Term(f"{own}{said} / deviation", self.read(0, index) * factor, (own, *weight)),
            Term(f"−mean{said} / deviation", -mean * factor, tuple(weight), size * abs(factor)),
        ]
        return found + [Term(str(bias), self.read(2, bias.at), (bias,)) for bias in learnt[1:]]


class ByChannel(Norm):
    """What the norms with one weight for each channel share; x is (n, channels, …)."""

    def over(self, x: Array, learnt: Array) -> Array:
        return learnt.reshape(-1, *(1,) * (x.ndim - 2))

    def learnt_place(self, index: Index) -> Index:
        return (index[1],)

    def learnt(self, gradient: Array, shape: Index) -> Array:
        return np.asarray(gradient.sum(axis=(0, *range(2, gradient.ndim))))


class BatchNorm(ByChannel):
    """Each channel is standardised over the whole batch.

    Formula:   out[n, c, …] = (x[n, c, …] − mean[c]) / √(variance[c] + ε) · weight[c] + bias[c]
    Shapes:    x (n, c, …), weight (c,) or none, bias (c,) or none → out (n, c, …);
               with `given` (mean, variance), both (c,), these are used: the mode for judging
    Backward:  dx = weight/deviation · (grad − mean of grad − x̂ · mean of grad·x̂), the means over
               the channel, x̂ the standardised x; only weight/deviation · grad with `given`;
               dweight = Σ grad · x̂, dbias = Σ grad
    Source:    Ioffe and Szegedy 2015, Batch normalization, algorithm 1
    """

    def __init__(self, epsilon: float = 1e-5, given: tuple[Array, Array] | None = None) -> None:
        super().__init__(epsilon)
        self.given = given

    def crowded(self, x: Array) -> Array:
        return x

    def crowd(self, x: Array) -> tuple[int, ...]:
        return (0, *range(2, x.ndim))

    def members(self, index: Index) -> Array:
        return self.arrays[0][:, index[1]]

    def statistics(self, crowded: Array) -> tuple[Array, Array]:
        if self.given is None:
            return super().statistics(crowded)
        mean, variance = (array.astype(crowded.dtype) for array in self.given)
        return self.over(crowded, mean), self.over(crowded, variance)

    def pull(self, gradient: Array) -> Array:
        return super().pull(gradient) if self.given is None else gradient * self.scale

    def centre(self, index: Index) -> tuple[float, float, float]:
        if self.given is None:
            return super().centre(index)
        mean, variance = (float(array[index[1]]) for array in self.given)
        return mean, variance, abs(mean)


class GroupNorm(ByChannel):
    """Groups of channels are standardised, each example by itself.

    Formula:   out[n, c, …] = (x[n, c, …] − mean[n, g]) / √(variance[n, g] + ε) · weight[c]
               + bias[c], with g the group of c: ⌊c / channels per group⌋
    Shapes:    x (n, c, …), weight (c,) or none, bias (c,) or none → out (n, c, …), c divisible by
               `groups`
    Backward:  dx = (h − mean of h − x̂ · mean of h·x̂) / deviation with h = weight · grad, the
               means over the group, x̂ the standardised x; dweight = Σ grad · x̂, dbias = Σ grad
    Source:    Wu and He 2018, Group normalization, eq. 1 to 7
    """

    def __init__(self, groups: int, epsilon: float = 1e-5) -> None:
        super().__init__(epsilon)
        self.groups = groups

    def crowded(self, x: Array) -> Array:
        return x.reshape(len(x), self.groups, int(np.prod(x.shape[1:])) // self.groups)

    def crowd(self, x: Array) -> tuple[int, ...]:
        return (2,)

    def members(self, index: Index) -> Array:
        (x, *_) = self.arrays
        width = x.shape[1] // self.groups
        first = index[1] // width * width
        return x[index[0], first : first + width]


class LayerNorm(Norm):
    """Each example, or each symbol of a text, is standardised by itself.

    Formula:   out[…, i] = (x[…, i] − mean[…]) / √(variance[…] + ε) · weight[i] + bias[i]
    Shapes:    x (…, m), weight (m,) or none, bias (m,) or none → out (…, m); m may stand for
               several last axes: those of the weight, or without one as many as `own_axes`
    Backward:  dx = (h − mean of h − x̂ · mean of h·x̂) / deviation with h = weight · grad, the
               means over m, x̂ the standardised x; dweight = Σ grad · x̂, dbias = Σ grad
    Source:    Ba et al. 2016, Layer normalization, eq. 3
    """

    def __init__(self, epsilon: float = 1e-5, own_axes: int = 1) -> None:
        super().__init__(epsilon)
        self.own_axes = own_axes

    def _own_axes(self) -> int:
        return self.arrays[1].ndim if len(self.arrays) > 1 else self.own_axes

    def crowded(self, x: Array) -> Array:
        return x

    def crowd(self, x: Array) -> tuple[int, ...]:
        return tuple(range(x.ndim - self._own_axes(), x.ndim))

    def over(self, x: Array, learnt: Array) -> Array:
        return learnt

    def learnt_place(self, index: Index) -> Index:
        return index[len(index) - self._own_axes() :]

    def members(self, index: Index) -> Array:
        return np.asarray(self.arrays[0][index[: len(index) - self._own_axes()]])

    def learnt(self, gradient: Array, shape: Index) -> Array:
        return np.asarray(gradient.reshape(-1, *shape).sum(axis=0))
