"""Curves: without one between them, two linear layers are no more than one."""

from __future__ import annotations

from abc import abstractmethod

from pellucid.scratch.layer import Layer
from pellucid.scratch.op import Op
from pellucid.scratch.ops import elementwise, softmax
from pellucid.scratch.tensor import Tensor, apply


class Activation(Layer):
    """What the curves share: an operation, and nothing to learn."""

    @abstractmethod
    def op(self) -> Op:
        """The operation, not yet run."""

    def forward(self, x: Tensor) -> Tensor:
        return apply(self.op(), x)


class ReLU(Activation):
    """What is positive passes, what is negative becomes 0.

    Formula:     out = max(x, 0)
    Shapes:      x any shape → the same
    Parameters:  none
    Like:        torch.nn.ReLU
    """

    def op(self) -> Op:
        return elementwise.ReLU()


class LeakyReLU(Activation):
    """What is positive passes, what is negative is made small, so that no unit is ever silent.

    Formula:     out = x where x > 0, else negative_slope · x
    Shapes:      x any shape → the same
    Parameters:  none
    Like:        torch.nn.LeakyReLU
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    def op(self) -> Op:
        return elementwise.LeakyReLU(self.negative_slope)


class Sigmoid(Activation):
    """Any number squeezed between 0 and 1.

    Formula:     out = 1 / (1 + e⁻ˣ)
    Shapes:      x any shape → the same
    Parameters:  none
    Like:        torch.nn.Sigmoid
    """

    def op(self) -> Op:
        return elementwise.Sigmoid()


class Tanh(Activation):
    """Any number squeezed between −1 and 1.

    Formula:     out = tanh x
    Shapes:      x any shape → the same
    Parameters:  none
    Like:        torch.nn.Tanh
    """

    def op(self) -> Op:
        return elementwise.Tanh()


class GELU(Activation):
    """A ReLU with a smooth bend: each number times the share of a normal curve below it.

    Formula:     out = x · Φ(x)
    Shapes:      x any shape → the same
    Parameters:  none
    Like:        torch.nn.GELU(approximate="none")
    """

    def op(self) -> Op:
        return elementwise.GELU()


class SiLU(Activation):
    """A ReLU with a smooth bend: each number times its own sigmoid.

    Formula:     out = x / (1 + e⁻ˣ)
    Shapes:      x any shape → the same
    Parameters:  none
    Like:        torch.nn.SiLU
    """

    def op(self) -> Op:
        return elementwise.SiLU()


class Softplus(Activation):
    """A ReLU with a round corner, positive everywhere.

    Formula:     out = ln(1 + eˣ)
    Shapes:      x any shape → the same
    Parameters:  none
    Like:        torch.nn.Softplus with beta 1
    """

    def op(self) -> Op:
        return elementwise.Softplus()


class Softmax(Activation):
    """Scores become shares that add up to 1.

    Formula:     out[i] = exp(x[i]) / Σⱼ exp(x[j]) along `dim`
    Shapes:      x any shape → the same
    Parameters:  none
    Like:        torch.nn.Softmax; not before `cross_entropy`, which has it built in
    """

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def op(self) -> Op:
        return softmax.Softmax(self.dim)
