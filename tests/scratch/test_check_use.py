"""How the two functions may be written for the checker of gradients, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pellucid.base.errors import BadData, WrongUse
from pellucid.scratch.check import check

Array = NDArray[Any]


def normal(*shape: int, seed: int = 0) -> Array:
    return np.asarray(np.random.default_rng((seed, *shape)).standard_normal(shape))


def squares(x: Array, weights: Array, actual: Array) -> Any:
    return np.mean((x @ weights - actual) ** 2)


def three(n: int, k: int, m: int) -> tuple[Array, Array, Array]:
    """x, weights and actual for `squares`."""
    return normal(n, k), normal(k, m, seed=1), normal(n, m, seed=2)


def right_in(forward: Callable[..., Any], backward: Callable[..., Any], *inputs: Any) -> bool:
    verdict = check(forward, backward, *inputs)
    assert len(verdict.inputs) >= 1
    return verdict.right


def test_lists_and_plain_numbers_will_do() -> None:
    def forward(x: list[float], scale: float) -> float:
        assert isinstance(x, list)
        return scale * sum(value * value for value in x)

    def backward(x: list[float], scale: float) -> tuple[list[float], float]:
        return [2 * scale * value for value in x], sum(value * value for value in x)

    assert right_in(forward, backward, [1.0, 2.0, 3.0], 0.5)


def test_tensors_of_pytorch_will_do_in_double_precision() -> None:
    def forward(x: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        assert x.dtype == torch.float64
        return torch.tanh(x @ weights)

    def backward(gradient: torch.Tensor, x: torch.Tensor, weights: torch.Tensor) -> Any:
        d = gradient * (1 - torch.tanh(x @ weights) ** 2)
        return d @ weights.T, x.T @ d

    chance = torch.Generator().manual_seed(0)
    inputs = torch.randn(4, 3, generator=chance), torch.randn(3, 2, generator=chance)
    assert right_in(forward, backward, *inputs)
    assert not right_in(forward, lambda g, x, w: (g @ w.T, x.T @ g), *inputs)


def test_forward_may_keep_what_backward_needs() -> None:
    def forward(x: Array, weights: Array) -> Any:
        return x @ weights, (x, weights)

    def backward(gradient: Array, memory: tuple[Array, Array]) -> Any:
        x, weights = memory
        return gradient @ weights.T, x.T @ gradient

    assert right_in(forward, backward, normal(4, 3), normal(3, 2))


def test_methods_may_keep_what_backward_needs() -> None:
    class Tanh:
        def forward(self, x: Array) -> Array:
            self.out = np.tanh(x)
            return self.out

        def backward(self, gradient: Array) -> Array:
            return gradient * (1 - self.out**2)

    tanh = Tanh()
    assert right_in(tanh.forward, tanh.backward, normal(4, 3))


@pytest.mark.parametrize(
    "backward",
    [
        lambda gradient, x, w: (gradient * w, gradient * x),
        lambda x, w, gradient: (gradient * w, gradient * x),
        lambda gradient, *inputs: (gradient * inputs[1], gradient * inputs[0]),
        lambda gradient, x, w: {"x": gradient * w, "w": gradient * x},
        lambda gradient, x, w: {"dx": gradient * w, "dw": gradient * x},
        lambda gradient, x, w: [gradient * w, gradient * x],
    ],
)
def test_backward_may_be_written_in_several_ways(backward: Callable[..., Any]) -> None:
    assert right_in(lambda x, w: x * w, backward, normal(4, 3), normal(4, 3, seed=1))


def test_gradients_for_the_real_inputs_alone_will_do() -> None:
    def pick(scores: Array, labels: Array) -> Any:
        return scores[np.arange(len(labels)), labels].sum()

    def backward(scores: Array, labels: Array) -> tuple[Array]:
        return (np.eye(scores.shape[1])[labels],)

    assert check(pick, backward, normal(3, 4), np.array([1, 0, 3])).left_out == ("labels",)


def test_whole_numbers_are_compared_where_forward_takes_them_as_real_ones() -> None:
    x = np.array([[1, 2], [3, 4]])
    assert right_in(lambda x: (x**2).sum(), lambda x: 2 * x, x)
    assert not right_in(lambda x: (x**2).sum(), lambda x: x, x)


def test_a_function_that_writes_into_its_input_is_remarked() -> None:
    def backward(x: Array) -> Array:
        x *= 2
        return x

    verdict = check(lambda x: (x**2).sum(), backward, normal(3))
    assert verdict.right
    assert verdict.remarks == ("backward writes into its input x; work on a copy",)


# ------------------------------------------------------------------------------- mistakes of use


def half(x: Array) -> Any:
    return x.sum() / 2


CHANCE = np.random.default_rng(0)
MISUSES: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "too few inputs": (
        lambda: check(squares, half, normal(3)), WrongUse, "3: x, weights, actual"),
    "forward returns nothing": (
        lambda: check(lambda x: None, half, normal(3)), WrongUse, "end forward with: return"),
    "forward returns three": (
        lambda: check(lambda x: (x, x, x), half, normal(3)), WrongUse, "3 results"),
    "forward returns words": (
        lambda: check(lambda x: "loss", half, normal(3)), WrongUse, "a str as the result"),
    "forward fails": (
        lambda: check(lambda x: x @ x, half, normal(3, 2)), WrongUse, r"x \(3, 2\)"),
    "forward is not finite": (
        lambda: check(lambda x: np.log(-np.abs(x)), half, normal(3)), BadData, "3 of 3 numbers"),
    "forward is chance": (
        lambda: check(
            lambda x: x * CHANCE.random(), half, normal(3)
        ), BadData, "two different results"),
    "forward in float16": (
        lambda: check(lambda x: x.astype(np.float16), half, normal(3)), WrongUse, "float16"),
    "backward takes too much": (
        lambda: check(half, lambda a, b, c, d: a, normal(3)),
        WrongUse, r"\(gradient, x\), or \(x\)"),
    "backward needs the gradient": (
        lambda: check(lambda x, y: x * y, lambda x, y: (y, x), normal(3), normal(3)),
        WrongUse, r"def backward\(gradient, x, y\)"),
    "backward gives one of three": (
        lambda: check(squares, lambda x, weights, actual: x, *three(3, 3, 3)),
        WrongUse, "--of weights"),
    "backward gives words": (
        lambda: check(half, lambda x: "steep", normal(3)), WrongUse, "the gradient of x"),
    "backward gives nothing": (
        lambda: check(half, lambda x: None, normal(3)), WrongUse, "no gradient"),
    "an unknown key": (
        lambda: check(half, lambda x: {"y": x}, normal(3)), WrongUse, "a gradient of 'y'"),
    "an unknown input": (
        lambda: check(squares, half, *three(3, 3, 3), of=["wieghts"]), WrongUse, "mean weights?"),
    "infinite inputs": (
        lambda: check(half, half, np.array([1.0, np.inf])), BadData, "1 numbers that are inf"),
    "no numbers": (lambda: check(half, half, np.zeros((0, 3))), BadData, "at least one number"),
    "ragged rows": (lambda: check(half, half, [[1.0], [1.0, 2.0]]), BadData, "different lengths"),
    "complex numbers": (lambda: check(half, half, np.ones(2) * 1j), BadData, "complex numbers"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISUSES)
def test_a_mistake_of_use_is_told_in_four_parts(name: str) -> None:
    call, kind, told = MISUSES[name]
    with pytest.raises(kind, match=told):
        call()
