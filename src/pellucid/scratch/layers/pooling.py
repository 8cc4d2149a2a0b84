"""A picture made smaller: one number stands for each neighbourhood."""

from __future__ import annotations

from abc import abstractmethod

from pellucid.scratch.arrays import Index
from pellucid.scratch.layer import Layer
from pellucid.scratch.op import Op
from pellucid.scratch.ops.pooling import AdaptiveAveragePool, AveragePool, MaxPool
from pellucid.scratch.tensor import Tensor, apply

Size = int | Index
"""One number for all axes that the window slides along, or one for each."""


class Pooling(Layer):
    """What the poolings share: a window, which moves on by its own size unless told otherwise."""

    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None:
        sizes = kernel_size if isinstance(kernel_size, tuple) else (kernel_size,) * self.axes
        self.kernel_size = sizes
        self.stride = stride
        self.padding = padding

    @property
    @abstractmethod
    def axes(self) -> int:
        """Along how many axes the window slides."""

    @abstractmethod
    def op(self) -> Op:
        """The operation, not yet run."""

    def forward(self, x: Tensor) -> Tensor:
        return apply(self.op(), x)


class Largest(Pooling):
    """What the poolings that keep the largest number share."""

    def op(self) -> Op:
        return MaxPool(self.kernel_size, self.stride, self.padding)


class Average(Pooling):
    """What the poolings that take the mean share."""

    def op(self) -> Op:
        return AveragePool(self.kernel_size, self.stride, self.padding)


class MaxPool1d(Largest):
    """The largest number under each window of a signal: whether something is there at all.

    Formula:     the operation `MaxPool`
    Shapes:      x (n, channels, length) → out (n, channels, length'),
                 length' = ⌊(length + 2·padding − kernel_size) / stride⌋ + 1
    Parameters:  none
    Like:        torch.nn.MaxPool1d without dilation
    """

    axes = 1


class MaxPool2d(Largest):
    """The largest number under each window of a picture: whether something is there at all.

    Formula:     the operation `MaxPool`
    Shapes:      x (n, channels, h, w) → out (n, channels, h', w'),
                 h' = ⌊(h + 2·padding − kernel_size) / stride⌋ + 1
    Parameters:  none
    Like:        torch.nn.MaxPool2d without dilation
    """

    axes = 2


class AvgPool1d(Average):
    """The mean of the numbers under each window of a signal.

    Formula:     the operation `AveragePool`
    Shapes:      x (n, channels, length) → out (n, channels, length'),
                 length' = ⌊(length + 2·padding − kernel_size) / stride⌋ + 1
    Parameters:  none
    Like:        torch.nn.AvgPool1d
    """

    axes = 1


class AvgPool2d(Average):
    """The mean of the numbers under each window of a picture.

    Formula:     the operation `AveragePool`
    Shapes:      x (n, channels, h, w) → out (n, channels, h', w'),
                 h' = ⌊(h + 2·padding − kernel_size) / stride⌋ + 1
    Parameters:  none
    Like:        torch.nn.AvgPool2d
    """

    axes = 2


class AdaptiveAvgPool2d(Layer):
    """A picture of any size cut into as many pieces as wanted; the mean of each.

    Formula:     the operation `AdaptiveAveragePool`
    Shapes:      x (n, channels, h, w) → out (n, channels, *output_size)
    Parameters:  none
    Like:        torch.nn.AdaptiveAvgPool2d
    """

    def __init__(self, output_size: Size) -> None:
        self.output_size = output_size if isinstance(output_size, tuple) else (output_size,) * 2

    def forward(self, x: Tensor) -> Tensor:
        return apply(AdaptiveAveragePool(self.output_size), x)
