"""Optimisers: how a gradient becomes a step.

Each is written out in full, to be read by itself. In every formula w is a weight, g its gradient,
η the learning rate, λ the weight decay. Before the first step all memories are 0.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator

import numpy as np

from pellucid.base.errors import WrongUse
from pellucid.scratch.arrays import Array
from pellucid.scratch.tensor import Tensor


class Optimiser(ABC):
    """What all share: the weights, the rate, and the order zero_grad → backward → step.

    A step gives every weight a new array and leaves the old one as it was, so that what was
    computed with it can still be explained. Weights without a gradient stay as they are.
    """

    def __init__(self, parameters: Iterable[Tensor], learning_rate: float) -> None:
        self.parameters = list(parameters)
        self.learning_rate = learning_rate
        if not self.parameters:
            raise WrongUse(
                type(self).__name__,
                "no parameters",
                "the tensors that are to be learnt",
                "pass network.parameters()",
            )

    def zero_grad(self) -> None:
        """Forget the gradients: `backward()` adds to what is there."""
        for weight in self.parameters:
            weight.grad = None

    @abstractmethod
    def step(self) -> None:
        """Move every weight a little to where the loss is smaller."""

    def memory(self) -> list[Array]:
        """A 0 for each number of each weight."""
        return [np.zeros_like(weight.data) for weight in self.parameters]

    def with_gradient(self) -> Iterator[tuple[int, Tensor, Array]]:
        """Place, weight and gradient of every weight that has a gradient."""
        for place, weight in enumerate(self.parameters):
            if weight.grad is not None:
                yield place, weight, weight.grad


class SGD(Optimiser):
    """Straight down the slope.

    Formula:  g ← g + λ·w;  w ← w − η·g
    Like:     torch.optim.SGD
    Source:   Robbins and Monro 1951, A stochastic approximation method
    """

    def __init__(
        self, parameters: Iterable[Tensor], learning_rate: float, weight_decay: float = 0.0
    ) -> None:
        super().__init__(parameters, learning_rate)
        self.weight_decay = weight_decay

    def step(self) -> None:
        for _, weight, gradient in self.with_gradient():
            gradient = gradient + self.weight_decay * weight.data
            weight.data = weight.data - self.learning_rate * gradient


class Momentum(Optimiser):
    """A heavy ball: it keeps rolling where many steps agree, and evens out where they quarrel.

    Formula:  g ← g + λ·w;  v ← μ·v + g;  w ← w − η·v
    Like:     torch.optim.SGD(momentum=μ)
    Source:   Polyak 1964, Some methods of speeding up the convergence of iteration methods
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        learning_rate: float,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, learning_rate)
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.velocity = self.memory()

    def step(self) -> None:
        for place, weight, gradient in self.with_gradient():
            gradient = gradient + self.weight_decay * weight.data
            self.velocity[place] = self.momentum * self.velocity[place] + gradient
            weight.data = weight.data - self.learning_rate * self.velocity[place]


class Nesterov(Optimiser):
    """A heavy ball that looks ahead: it takes the momentum's next step into account.

    Formula:  g ← g + λ·w;  v ← μ·v + g;  w ← w − η·(g + μ·v)
    Like:     torch.optim.SGD(momentum=μ, nesterov=True)
    Source:   Nesterov 1983; in this form Sutskever et al. 2013, On the importance of initialization
              and momentum in deep learning, section 2
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        learning_rate: float,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, learning_rate)
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.velocity = self.memory()

    def step(self) -> None:
        for place, weight, gradient in self.with_gradient():
            gradient = gradient + self.weight_decay * weight.data
            self.velocity[place] = self.momentum * self.velocity[place] + gradient
            ahead = gradient + self.momentum * self.velocity[place]
            weight.data = weight.data - self.learning_rate * ahead


class Adagrad(Optimiser):
    """A rate for each weight: those that were moved much already move less.

    Formula:  g ← g + λ·w;  s ← s + g²;  w ← w − η·g / (√s + ε)
    Like:     torch.optim.Adagrad
    Source:   Duchi et al. 2011, Adaptive subgradient methods for online learning
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        learning_rate: float = 0.01,
        epsilon: float = 1e-10,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, learning_rate)
        self.epsilon = epsilon
        self.weight_decay = weight_decay
        self.squares = self.memory()

    def step(self) -> None:
        for place, weight, gradient in self.with_gradient():
            gradient = gradient + self.weight_decay * weight.data
            self.squares[place] = self.squares[place] + gradient * gradient
            scale = np.sqrt(self.squares[place]) + self.epsilon
            weight.data = weight.data - self.learning_rate * gradient / scale


class RMSprop(Optimiser):
    """A rate for each weight, by the size of its recent gradients; old ones are forgotten.

    Formula:  g ← g + λ·w;  s ← α·s + (1 − α)·g²;  w ← w − η·g / (√s + ε)
    Like:     torch.optim.RMSprop
    Source:   Tieleman and Hinton 2012, Neural networks for machine learning, lecture 6.5
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        learning_rate: float = 0.01,
        alpha: float = 0.99,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, learning_rate)
        self.alpha = alpha
        self.epsilon = epsilon
        self.weight_decay = weight_decay
        self.squares = self.memory()

    def step(self) -> None:
        for place, weight, gradient in self.with_gradient():
            gradient = gradient + self.weight_decay * weight.data
            old, new = self.squares[place], gradient * gradient
            self.squares[place] = self.alpha * old + (1 - self.alpha) * new
            scale = np.sqrt(self.squares[place]) + self.epsilon
            weight.data = weight.data - self.learning_rate * gradient / scale


class Adam(Optimiser):
    """Momentum and a rate for each weight in one, both freed of their start at 0.

    Formula:  g ← g + λ·w;  m ← β₁·m + (1 − β₁)·g;  v ← β₂·v + (1 − β₂)·g²;
              w ← w − η · m̂ / (√v̂ + ε) with m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ), step t from 1
    Like:     torch.optim.Adam
    Source:   Kingma and Ba 2015, Adam, algorithm 1
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        learning_rate: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, learning_rate)
        self.betas = betas
        self.epsilon = epsilon
        self.weight_decay = weight_decay
        self.means = self.memory()
        self.squares = self.memory()
        self.steps = 0

    def step(self) -> None:
        self.steps += 1
        beta1, beta2 = self.betas
        for place, weight, gradient in self.with_gradient():
            gradient = gradient + self.weight_decay * weight.data
            mean = beta1 * self.means[place] + (1 - beta1) * gradient
            square = beta2 * self.squares[place] + (1 - beta2) * gradient * gradient
            self.means[place], self.squares[place] = mean, square
            unbiased_mean = mean / (1 - beta1**self.steps)
            unbiased_square = square / (1 - beta2**self.steps)
            change = unbiased_mean / (np.sqrt(unbiased_square) + self.epsilon)
            weight.data = weight.data - self.learning_rate * change


class AdamW(Optimiser):
    """Adam whose weight decay shrinks the weights themselves, not through the gradient's scale.

    Formula:  w ← w − η·λ·w;  m ← β₁·m + (1 − β₁)·g;  v ← β₂·v + (1 − β₂)·g²;
              w ← w − η · m̂ / (√v̂ + ε) with m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ), step t from 1
    Like:     torch.optim.AdamW
    Source:   Loshchilov and Hutter 2019, Decoupled weight decay regularization, algorithm 2
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        learning_rate: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(parameters, learning_rate)
        self.betas = betas
        self.epsilon = epsilon
        self.weight_decay = weight_decay
        self.means = self.memory()
        self.squares = self.memory()
        self.steps = 0

    def step(self) -> None:
        self.steps += 1
        beta1, beta2 = self.betas
        for place, weight, gradient in self.with_gradient():
            mean = beta1 * self.means[place] + (1 - beta1) * gradient
            square = beta2 * self.squares[place] + (1 - beta2) * gradient * gradient
            self.means[place], self.squares[place] = mean, square
            unbiased_mean = mean / (1 - beta1**self.steps)
            unbiased_square = square / (1 - beta2**self.steps)
            change = unbiased_mean / (np.sqrt(unbiased_square) + self.epsilon)
            shrunk = weight.data - self.learning_rate * self.weight_decay * weight.data
            weight.data = shrunk - self.learning_rate * change
