"""A small filter slides over a signal or a picture, the same everywhere."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from pellucid.scratch.arrays import Index
from pellucid.scratch.initialisers import Initialiser, kaiming, xavier, zeros
from pellucid.scratch.layer import Layer
from pellucid.scratch.ops.convolution import Convolution, TransposedConvolution
from pellucid.scratch.tensor import Tensor, apply

Size = int | Index
"""One number for all axes that the filter slides along, or one for each."""


class Filters(Layer):
    """What the convolutions share: the settings of the sliding."""

    weight: Tensor
    bias: Tensor | None

    @property
    @abstractmethod
    def axes(self) -> int:
        """Along how many axes the filter slides."""

    def __init__(self, stride: Size, padding: Size, dilation: Size, groups: int) -> None:
        self.stride, self.padding, self.dilation = stride, padding, dilation
        self.groups = groups

    def each(self, size: Size) -> Index:
        """A size for each axis."""
        return size if isinstance(size, tuple) else (size,) * self.axes

    def learnt(self) -> tuple[Tensor, ...]:
        """The weight, and the bias if there is one."""
        return (self.weight,) if self.bias is None else (self.weight, self.bias)


class Convolving(Filters):
    """What the convolutions that look share."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        chance: np.random.Generator,
        stride: Size = 1,
        padding: Size = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        initial: Initialiser = kaiming,
    ) -> None:
        super().__init__(stride, padding, dilation, groups)
        shape = (out_channels, in_channels // groups, *self.each(kernel_size))
        self.weight = Tensor(initial(shape, chance), requires_grad=True)
        self.bias = Tensor(zeros((out_channels,)), requires_grad=True) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        op = Convolution(self.stride, self.padding, self.dilation, self.groups)
        return apply(op, x, *self.learnt())


class Conv1d(Convolving):
    """Each filter slides along a signal and answers at every stop.

    Formula:     the operation `Convolution` with weight and bias
    Shapes:      x (n, in_channels, length) → out (n, out_channels, length'),
                 length' = ⌊(length + 2·padding − dilation·(kernel_size−1) − 1) / stride⌋ + 1
    Parameters:  weight (out_channels, in_channels/groups, kernel_size) from `initial`;
                 bias (out_channels,) at 0
    Like:        torch.nn.Conv1d, which starts elsewhere
    """

    axes = 1


class Conv2d(Convolving):
    """Each filter slides over a picture and answers at every stop.

    Formula:     the operation `Convolution` with weight and bias
    Shapes:      x (n, in_channels, h, w) → out (n, out_channels, h', w'),
                 h' = ⌊(h + 2·padding − dilation·(kernel_size−1) − 1) / stride⌋ + 1
    Parameters:  weight (out_channels, in_channels/groups, rows, columns) from `initial`;
                 bias (out_channels,) at 0
    Like:        torch.nn.Conv2d, which starts elsewhere
    """

    axes = 2


class Painting(Filters):
    """What the convolutions that paint share."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        chance: np.random.Generator,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        initial: Initialiser = xavier,
    ) -> None:
        super().__init__(stride, padding, dilation, groups)
        self.output_padding = output_padding
        shape = (in_channels, out_channels // groups, *self.each(kernel_size))
        self.weight = Tensor(initial(shape, chance), requires_grad=True)
        self.bias = Tensor(zeros((out_channels,)), requires_grad=True) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        op = TransposedConvolution(
            self.stride, self.padding, self.dilation, self.groups, self.output_padding
        )
        return apply(op, x, *self.learnt())


class ConvTranspose1d(Painting):
    """Each number of a short signal paints its copy of a filter into a longer one.

    Formula:     the operation `TransposedConvolution` with weight and bias
    Shapes:      x (n, in_channels, length) → out (n, out_channels, length'), length' =
                 stride·(length−1) − 2·padding + dilation·(kernel_size−1) + 1 + output_padding
    Parameters:  weight (in_channels, out_channels/groups, kernel_size) from `initial`;
                 bias (out_channels,) at 0
    Like:        torch.nn.ConvTranspose1d, which starts elsewhere
    """

    axes = 1


class ConvTranspose2d(Painting):
    """Each number of a small picture paints its copy of a filter into a larger one.

    Formula:     the operation `TransposedConvolution` with weight and bias
    Shapes:      x (n, in_channels, h, w) → out (n, out_channels, h', w'), h' =
                 stride·(h−1) − 2·padding + dilation·(kernel_size−1) + 1 + output_padding
    Parameters:  weight (in_channels, out_channels/groups, rows, columns) from `initial`;
                 bias (out_channels,) at 0
    Like:        torch.nn.ConvTranspose2d, which starts elsewhere
    """

    axes = 2
