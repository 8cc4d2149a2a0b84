"""Numbers brought to mean 0 and deviation 1, then to a scale and a shift that are learnt."""

from __future__ import annotations

from abc import abstractmethod

from pellucid.base.errors import WrongUse
from pellucid.scratch.arrays import Array, Index, moments
from pellucid.scratch.initialisers import ones, zeros
from pellucid.scratch.layer import Layer
from pellucid.scratch.ops import norms
from pellucid.scratch.tensor import Tensor, apply


class BatchNorm(Layer):
    """What the batch norms share: the statistics of the batch, and those remembered."""

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        self.eps = eps
        self.momentum = momentum
        self.weight = Tensor(ones((num_features,)), requires_grad=True)
        self.bias = Tensor(zeros((num_features,)), requires_grad=True)
        self.running_mean = zeros((num_features,))
        self.running_var = ones((num_features,))

    @property
    @abstractmethod
    def axes(self) -> Index:
        """How many axes the input may have."""

    def forward(self, x: Tensor) -> Tensor:
        self._check(x)
        given = None
        if self.training:
            self._remember(x.data)
        else:
            given = (self.running_mean, self.running_var)
        return apply(norms.BatchNorm(self.eps, given), x, self.weight, self.bias)

    def _remember(self, x: Array) -> None:
        """Move the running statistics a little towards this batch's."""
        mean, variance = moments(x, (0, *range(2, x.ndim)))
        count = x.size // x.shape[1]
        unbiased = variance * (count / (count - 1))  # n − 1: an estimate for numbers not seen
        keep = 1 - self.momentum
        self.running_mean = keep * self.running_mean + self.momentum * mean.ravel()
        self.running_var = keep * self.running_var + self.momentum * unbiased.ravel()

    def _check(self, x: Tensor) -> None:
        if len(x.shape) not in self.axes or x.shape[1] != len(self.running_mean):
            raise WrongUse(
                type(self).__name__,
                f"x {x.shape}",
                f"{' or '.join(map(str, self.axes))} axes, {len(self.running_mean)} channels "
                "on the second",
                "give the layer the number of channels of what comes before it",
            )
        if self.training and x.data.size == x.shape[1]:
            raise WrongUse(
                type(self).__name__,
                f"x {x.shape}: one number for each channel",
                "two or more in training, as one has no deviation",
                "use a larger batch, or call eval() first",
            )


class BatchNorm1d(BatchNorm):
    """Each channel is standardised over the whole batch, so that no layer has to chase the last.

    Formula:     the operation `BatchNorm`; running ← (1 − momentum) · running + momentum · batch
    Shapes:      x (n, num_features) or (n, num_features, length) → the same
    Parameters:  weight and bias (num_features,) at 1 and 0; not learnt but kept: running_mean and
                 running_var (num_features,) at 0 and 1
    Modes:       training uses the batch's mean and variance (divided by n) and moves the running
                 ones (divided by n − 1); judging uses the running ones, so that an answer does
                 not depend on which other examples were asked about
    Like:        torch.nn.BatchNorm1d without its counter of batches
    Source:      Ioffe and Szegedy 2015, Batch normalization, algorithms 1 and 2
    """

    axes = (2, 3)


class BatchNorm2d(BatchNorm):
    """Each channel is standardised over the whole batch and all its pixels.

    Formula:     the operation `BatchNorm`; running ← (1 − momentum) · running + momentum · batch
    Shapes:      x (n, num_features, h, w) → the same
    Parameters:  weight and bias (num_features,) at 1 and 0; not learnt but kept: running_mean and
                 running_var (num_features,) at 0 and 1
    Modes:       as `BatchNorm1d`: training uses the batch, judging what was remembered
    Like:        torch.nn.BatchNorm2d without its counter of batches
    Source:      Ioffe and Szegedy 2015, Batch normalization, section 3.2
    """

    axes = (4,)


class LayerNorm(Layer):
    """Each example, or each symbol of a text, is standardised by itself.

    Formula:     the operation `LayerNorm`
    Shapes:      x (…, *normalized_shape) → the same
    Parameters:  weight and bias (*normalized_shape) at 1 and 0
    Like:        torch.nn.LayerNorm
    Source:      Ba et al. 2016, Layer normalization, eq. 3
    """

    def __init__(self, normalized_shape: int | Index, eps: float = 1e-5) -> None:
        shape = normalized_shape if isinstance(normalized_shape, tuple) else (normalized_shape,)
        self.eps = eps
        self.weight = Tensor(ones(shape), requires_grad=True)
        self.bias = Tensor(zeros(shape), requires_grad=True)

    def forward(self, x: Tensor) -> Tensor:
        return apply(norms.LayerNorm(self.eps), x, self.weight, self.bias)


class GroupNorm(Layer):
    """Groups of channels are standardised, each example by itself.

    Formula:     the operation `GroupNorm`
    Shapes:      x (n, num_channels, …) → the same; num_channels divisible by num_groups
    Parameters:  weight and bias (num_channels,) at 1 and 0
    Like:        torch.nn.GroupNorm
    Source:      Wu and He 2018, Group normalization, eq. 7
    """

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5) -> None:
        if num_channels % num_groups:
            raise WrongUse(
                "GroupNorm",
                f"{num_channels} channels in {num_groups} groups",
                "groups of equal size",
                "choose a number of groups that divides the channels",
            )
        self.num_groups = num_groups
        self.eps = eps
        self.weight = Tensor(ones((num_channels,)), requires_grad=True)
        self.bias = Tensor(zeros((num_channels,)), requires_grad=True)

    def forward(self, x: Tensor) -> Tensor:
        return apply(norms.GroupNorm(self.num_groups, self.eps), x, self.weight, self.bias)
