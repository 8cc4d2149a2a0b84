"""Networks with a memory: they read a row place by place, and carry a state along."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np

from pellucid.scratch.arrays import Array
from pellucid.scratch.initialisers import Initialiser, orthogonal, xavier, zeros
from pellucid.scratch.layer import Layer
from pellucid.scratch.ops.elementwise import Sigmoid, Tanh
from pellucid.scratch.ops.movement import Concatenate
from pellucid.scratch.tensor import Tensor, apply


class Recurrent(Layer):
    """What the recurrent layers share: weights for what is seen and for what is remembered.

    `GATES` blocks of hidden_size rows lie one below another in each weight. What is seen starts
    with Xavier's variance; what is remembered with a turn that keeps its length, as it is applied
    again at every place (Le et al. 2015, A simple way to initialize recurrent networks).
    """

    GATES: ClassVar[int]

    def __init__(self, input_size: int, hidden_size: int, chance: np.random.Generator) -> None:
        self.hidden_size = hidden_size
        rows = self.GATES * hidden_size
        self.weight_ih_l0 = self._weight(input_size, xavier, chance)
        self.weight_hh_l0 = self._weight(hidden_size, orthogonal, chance)
        self.bias_ih_l0 = Tensor(zeros((rows,)), requires_grad=True)
        self.bias_hh_l0 = Tensor(zeros((rows,)), requires_grad=True)

    def _weight(self, columns: int, initial: Initialiser, chance: np.random.Generator) -> Tensor:
        blocks = [initial((self.hidden_size, columns), chance) for _ in range(self.GATES)]
        return Tensor(np.concatenate(blocks), requires_grad=True)

    @abstractmethod
    def step(self, seen: Tensor, remembered: Tensor, state: Any) -> tuple[Tensor, Any]:
        """The answer at one place, (n, hidden_size), and the state that goes on to the next."""

    @abstractmethod
    def answer_in(self, state: Any) -> Tensor:
        """The part of the state that the weights are applied to."""

    @abstractmethod
    def start(self, empty: Array) -> Any:
        """The state before the first place, of zeros (n, hidden_size)."""

    def forward(self, x: Tensor) -> tuple[Tensor, Any]:
        n, places, _ = x.shape
        state = self.start(np.zeros((n, self.hidden_size), x.data.dtype))
        of_seen, of_remembered = self.weight_ih_l0.transpose(), self.weight_hh_l0.transpose()
        answers = []
        for place in range(places):
            seen = x[:, place] @ of_seen + self.bias_ih_l0
            remembered = self.answer_in(state) @ of_remembered + self.bias_hh_l0
            answer, state = self.step(seen, remembered, state)
            answers.append(answer.reshape(n, 1, self.hidden_size))
        return apply(Concatenate(1), *answers), state

    def gate(self, all_gates: Tensor, number: int) -> Tensor:
        """The numbers of one gate: (n, GATES · hidden_size) → (n, hidden_size)."""
        return all_gates[:, number * self.hidden_size : (number + 1) * self.hidden_size]


class RNN(Recurrent):
    """The memory is the last answer: a mix of what is seen now and what was answered before.

    Formula:     hₜ = tanh(W_ih xₜ + b_ih + W_hh hₜ₋₁ + b_hh), h before the first place is 0
    Shapes:      x (n, places, input_size) → all h (n, places, hidden_size), and the last
                 (n, hidden_size)
    Parameters:  weight_ih_l0 (hidden_size, input_size), weight_hh_l0 (hidden_size, hidden_size),
                 bias_ih_l0 and bias_hh_l0 (hidden_size,) at 0
    Like:        torch.nn.RNN(batch_first=True) with one layer and one direction
    Source:      Elman 1990, Finding structure in time
    """

    GATES = 1

    def start(self, empty: Array) -> Tensor:
        return Tensor(empty)

    def answer_in(self, state: Tensor) -> Tensor:
        return state

    def step(self, seen: Tensor, remembered: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        answer = apply(Tanh(), seen + remembered)
        return answer, answer


class GRU(RNN):
    """Two gates decide how much of the memory is looked at, and how much of it is kept.

    Formula:     r = σ(W_ir xₜ + b_ir + W_hr h + b_hr), z = σ(W_iz xₜ + b_iz + W_hz h + b_hz),
                 new = tanh(W_in xₜ + b_in + r · (W_hn h + b_hn)), hₜ = (1 − z) · new + z · h,
                 with h = hₜ₋₁, before the first place 0
    Shapes:      x (n, places, input_size) → all h (n, places, hidden_size), and the last
                 (n, hidden_size)
    Parameters:  as `RNN`, with 3·hidden_size rows each, in the order r, z, new
    Like:        torch.nn.GRU(batch_first=True) with one layer and one direction
    Source:      Cho et al. 2014, Learning phrase representations using RNN encoder-decoder, eq. 5-8
    """

    GATES = 3

    def step(self, seen: Tensor, remembered: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        reset = apply(Sigmoid(), self.gate(seen, 0) + self.gate(remembered, 0))
        keep = apply(Sigmoid(), self.gate(seen, 1) + self.gate(remembered, 1))
        new = apply(Tanh(), self.gate(seen, 2) + reset * self.gate(remembered, 2))
        answer = new + keep * (state - new)
        return answer, answer


class LSTM(Recurrent):
    """A memory of its own beside the answer; gates decide what enters, stays and shows.

    Formula:     i, f, o = σ(W_ih xₜ + b_ih + W_hh hₜ₋₁ + b_hh) and g = tanh of the like, each with
                 its own rows; cₜ = f · cₜ₋₁ + i · g, hₜ = o · tanh(cₜ); before the first place 0
    Shapes:      x (n, places, input_size) → all h (n, places, hidden_size), and the last
                 (h, c), each (n, hidden_size)
    Parameters:  as `RNN`, with 4·hidden_size rows each, in the order i, f, g, o; but
                 bias_ih_l0 is 1 for f: a memory that begins by forgetting learns slowly
    Like:        torch.nn.LSTM(batch_first=True) with one layer and one direction
    Source:      Hochreiter and Schmidhuber 1997, Long short-term memory; forget gate: Gers et al.
                 2000; its 1: Jozefowicz et al. 2015, section 5
    """

    GATES = 4

    def __init__(self, input_size: int, hidden_size: int, chance: np.random.Generator) -> None:
        super().__init__(input_size, hidden_size, chance)
        self.bias_ih_l0.data[hidden_size : 2 * hidden_size] = 1

    def start(self, empty: Array) -> tuple[Tensor, Tensor]:
        return Tensor(empty), Tensor(empty)

    def answer_in(self, state: tuple[Tensor, Tensor]) -> Tensor:
        return state[0]

    def step(
        self, seen: Tensor, remembered: Tensor, state: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        gates = seen + remembered
        enters, stays, shows = (apply(Sigmoid(), self.gate(gates, k)) for k in (0, 1, 3))
        memory = stays * state[1] + enters * apply(Tanh(), self.gate(gates, 2))
        answer = shows * apply(Tanh(), memory)
        return answer, (answer, memory)
