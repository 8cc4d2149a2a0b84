"""The checker of gradients finds planted mistakes by name, and never calls a right one wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from pellucid.base.errors import BadData, WrongUse
from pellucid.scratch.check import check

Array = NDArray[Any]


def normal(*shape: int, seed: int = 0) -> Array:
    return np.asarray(np.random.default_rng((seed, *shape)).standard_normal(shape))


def squares(x: Array, weights: Array, actual: Array) -> Any:
    return np.mean((x @ weights - actual) ** 2)


def layer(x: Array, weights: Array, bias: Array) -> Array:
    return x @ weights + bias


def three(n: int, k: int, m: int) -> tuple[Array, Array, Array]:
    """x, weights and actual for `squares`."""
    return normal(n, k), normal(k, m, seed=1), normal(n, m, seed=2)


class Planted(NamedTuple):
    """A mistake, and the names under which it must be recognised, by input."""

    forward: Callable[..., Any]
    backward: Callable[..., Any]
    inputs: tuple[Any, ...]
    kinds: dict[str, tuple[str, ...]]
    of: tuple[str, ...] = ()


def of_weights(
    wrong: Callable[[Array, Array], Array], shapes: tuple[int, int, int], *kinds: str
) -> Planted:
    """A wrong gradient of `squares` in its weights, made of x and the difference."""

    def backward(x: Array, weights: Array, actual: Array) -> Array:
        return wrong(x, x @ weights - actual)

    return Planted(squares, backward, three(*shapes), {"weights": kinds}, of=("weights",))


def curve(forward: Callable[[Array], Array], wrong: Callable[[Array, Array], Array]) -> Planted:
    return Planted(forward, wrong, (normal(3, 4),), {"x": ("slope",)})


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


PLANTED = {
    "1/n missing": of_weights(lambda x, d: 2 * x.T @ d, (5, 3, 2), "count"),
    "the batch in place of all numbers": of_weights(
        lambda x, d: 2 / 7 * x.T @ d, (7, 3, 5), "wrong-count", "count"
    ),
    "a mean too many": of_weights(lambda x, d: 2 * x.T @ d / d.size**2, (5, 3, 2), "count"),
    "sign": of_weights(lambda x, d: -2 * x.T @ d / d.size, (5, 3, 2), "sign"),
    "factor 2 missing": of_weights(lambda x, d: x.T @ d / d.size, (5, 3, 3), "factor"),
    "factor 2 too many": of_weights(lambda x, d: 4 * x.T @ d / d.size, (5, 3, 3), "factor"),
    "factor and 1/n": of_weights(lambda x, d: x.T @ d, (5, 7, 3), "factor", "count"),
    "sign and 1/n": of_weights(lambda x, d: -2 * x.T @ d, (5, 7, 3), "sign", "count"),
    "transposed": of_weights(lambda x, d: 2 / d.size * d.T @ x, (5, 3, 2), "transpose"),
    "transposed square": of_weights(lambda x, d: 2 / d.size * d.T @ x, (5, 3, 3), "transpose"),
    "transposed and 1/n": of_weights(lambda x, d: 2 * d.T @ x, (5, 3, 2), "transpose", "count"),
    # 2 * (prediction - actual) @ x.T can be computed only where x has as many columns as actual.
    "operands, square": of_weights(lambda x, d: 2 * d @ x.T, (3, 3, 3), "operands", "count"),
    "operands, many rows": of_weights(lambda x, d: 2 * d @ x.T, (5, 3, 3), "operands", "count"),
    "operands, few rows": of_weights(lambda x, d: 2 * d @ x.T, (2, 3, 3), "operands", "count"),
    "operands, one column": of_weights(lambda x, d: 2 * d @ x.T, (7, 1, 1), "operands", "count"),
    "operands without a transpose": of_weights(
        lambda x, d: 2 / d.size * x @ d, (4, 4, 3), "operands"
    ),
    "operands of the input": Planted(
        squares,
        lambda x, weights, actual: 2 / actual.size * (x @ weights - actual) @ weights,
        three(5, 3, 3),
        {"x": ("operands",)},
        of=("x",),
    ),
    "operands of rows": Planted(
        lambda x, weights, actual: np.mean((x @ weights - actual) ** 2),
        lambda x, weights, actual: 2 * (x @ weights - actual) @ x.T,
        (normal(5, 5), normal(5), normal(5, seed=1)),
        {"weights": ("operands", "wrong-count", "count")},  # x is square: 5 of 25
        of=("weights",),
    ),
    "swapped": Planted(
        lambda a, b: a * b,
        lambda gradient, a, b: (gradient * a, gradient * b),
        (normal(3, 4), normal(3, 4, seed=1)),
        {"a": ("swapped",), "b": ("swapped",)},
    ),
    "swapped with a sign": Planted(
        lambda a, b: a * b,
        lambda gradient, a, b: (-gradient * a, -gradient * b),
        (normal(3, 4), normal(3, 4, seed=1)),
        {"a": ("swapped", "sign"), "b": ("swapped", "sign")},
    ),
    "bias not summed": Planted(
        layer,
        lambda gradient, x, weights, bias: (gradient @ weights.T, x.T @ gradient, gradient),
        (normal(4, 3), normal(3, 2), normal(2)),
        {"bias": ("not-summed",)},
    ),
    "bias not summed, with a row": Planted(
        layer,
        lambda gradient, x, weights, bias: (gradient @ weights.T, x.T @ gradient, gradient),
        (normal(4, 3), normal(3, 2), normal(1, 2)),
        {"bias": ("not-summed",)},
    ),
    "bias averaged": Planted(
        layer,
        lambda gradient, x, weights, bias: (None, None, gradient.mean(axis=0)),
        (normal(7, 3), normal(3, 5), normal(5)),
        {"bias": ("count",)},
    ),
    "bias with an axis too many": Planted(
        layer,
        lambda gradient, x, weights, bias: (None, None, gradient.sum(axis=0, keepdims=True)),
        (normal(7, 3), normal(3, 5), normal(5)),
        {"bias": ("shape",)},
    ),
    "slope of tanh": curve(np.tanh, lambda gradient, x: gradient),
    "slope of relu": curve(lambda x: np.maximum(x, 0), lambda gradient, x: gradient),
    "slope of a square": curve(lambda x: x**2, lambda gradient, x: gradient),
    "slope of the last curve": Planted(
        lambda x, weights: sigmoid(x @ weights),
        lambda gradient, x, weights: (gradient @ weights.T, x.T @ gradient),
        (normal(5, 3), normal(3, 2)),
        {"x": ("slope",), "weights": ("slope",)},
    ),
    "slope of softmax": Planted(
        lambda x: np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True),
        lambda gradient, x: gradient,
        (normal(5, 3),),
        {"x": ("slope",)},
    ),
    "slope and factor": Planted(
        lambda x: 2 * np.tanh(x),
        lambda gradient, x: gradient,
        (normal(5, 3),),
        {"x": ("slope", "factor")},
    ),
    "gradient of the result not used": Planted(
        lambda x: (x**2).sum(),
        lambda gradient, x: 2 * x,
        (normal(5, 3),),
        {"x": ("unused",)},
    ),
    "gradient of the result not used, by number": Planted(
        np.exp, lambda gradient, x: np.exp(x), (normal(5, 3),), {"x": ("unused",)}
    ),
    "penalty": Planted(
        lambda w: np.mean(np.sin(w)) + 0.05 * (w**2).sum(),
        lambda w: np.cos(w) / w.size,
        (normal(5, 3),),
        {"w": ("penalty",)},
    ),
    "nothing passed on": Planted(
        lambda w: np.mean(np.sin(w)), np.zeros_like, (normal(5, 3),), {"w": ("zero",)}
    ),
    "a strange ratio": Planted(
        lambda w: np.mean(np.sin(w)),
        lambda w: np.cos(w) / w.size * 1.37,
        (normal(5, 3),),
        {"w": ("ratio",)},
    ),
    "a flipped filter": Planted(
        lambda x, weights: np.convolve(x, weights[0], "valid"),
        lambda gradient, x, weights: (
            None,
            np.correlate(x, gradient, "valid")[None],
        ),
        (normal(9), normal(1, 3)),
        {"weights": ("flip",)},
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_mistake_is_recognised(name: str) -> None:
    planted = PLANTED[name]
    verdict = check(planted.forward, planted.backward, *planted.inputs, of=planted.of)
    assert not verdict.right
    found = {name: mistake.kinds for name, mistake in verdict.mistakes.items()}
    assert found == planted.kinds
    assert str(verdict).splitlines()[-1].startswith("WRONG: the gradient of")


def test_the_example_is_mended_in_the_words_of_its_own_arrays() -> None:
    planted = PLANTED["operands, many rows"]
    verdict = check(planted.forward, planted.backward, *planted.inputs, of=["weights"])
    mistake = verdict.mistakes["weights"]
    assert mistake.words.startswith("it is d @ x.T in place of x.T @ d and 1/n is missing, with n")
    assert mistake.mend == "x.T @ d / 15"


def test_the_example_with_shapes_that_do_not_meet_is_told_what_would_fit() -> None:
    planted = PLANTED["operands, square"]
    with pytest.raises(WrongUse, match=r"ValueError: matmul") as told:
        check(planted.forward, planted.backward, *three(4, 3, 2), of=["weights"])
    assert "test_check.py, line" in told.value.where
    assert "weights (3, 2) is the shape of x.T @ d, with d shaped like actual (4, 2)" in str(
        told.value
    )


def test_a_mistake_of_no_usual_kind_is_wrong_and_has_no_name() -> None:
    verdict = check(lambda w: np.sin(w).sum(), lambda w: np.cos(w) + np.sin(3 * w), normal(4, 3))
    assert not verdict.right
    assert verdict.mistakes == {}
    assert "none of the usual mistakes" in str(verdict)


def test_found_and_expected_numbers_are_told() -> None:
    verdict = check(lambda x: (x**2).sum(), lambda x: np.array([2.0, 4, 5]), np.arange(1.0, 4))
    (wrong,) = verdict.inputs[0].wrong
    assert (wrong.index, wrong.found) == ((2,), 5.0)
    assert wrong.expected == pytest.approx(6.0, abs=1e-6)
    assert "1 of 3 numbers wrong" in str(verdict)


# ------------------------------------------------------------------------ right ones stay right


def network(x: Array, w1: Array, b1: Array, w2: Array, labels: Array) -> Any:
    scores = np.maximum(x @ w1 + b1, 0) @ w2
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return -np.log(shares[np.arange(len(labels)), labels]).mean()


def network_backward(x: Array, w1: Array, b1: Array, w2: Array, labels: Array) -> Any:
    hidden = np.maximum(x @ w1 + b1, 0)
    shares = np.exp(hidden @ w2)
    shares /= shares.sum(axis=1, keepdims=True)
    shares[np.arange(len(labels)), labels] -= 1
    d = shares / len(labels)
    of_hidden = d @ w2.T * (hidden > 0)
    return of_hidden @ w1.T, x.T @ of_hidden, of_hidden.sum(axis=0), hidden.T @ d


def in_single(function: Callable[..., Any], as_double: bool) -> Callable[..., Any]:
    """The function computed in float32, with its results in float32 or shown as float64."""

    def narrow(*values: Any) -> Any:
        values = tuple(v.astype(np.float32) if v.dtype.kind == "f" else v for v in values)
        results = function(*values)
        if not as_double:
            return results
        several = isinstance(results, tuple)
        return tuple(map(np.float64, results)) if several else float(results)

    return narrow


def network_inputs(rows: int, pixels: int, hidden: int) -> tuple[Array, ...]:
    """Half of the pixels are 0, as in pictures, and the bias is 0 as at a training's start."""
    x = np.maximum(normal(rows, pixels), 0)
    labels = np.random.default_rng(0).integers(0, 5, rows)
    return x, normal(pixels, hidden) / 8, np.zeros(hidden), normal(hidden, 5) / 4, labels


def largest(x: Array) -> Array:
    return np.asarray(x.max(axis=1))


def to_the_first(gradient: Array, x: Array) -> Array:
    out = np.zeros_like(x)
    out[np.arange(len(x)), x.argmax(axis=1)] = gradient
    return out


TIED = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0], [0.5, 0.1, 0.2]])
CORNERED = np.array([-1.0, 0.0, 2.0, 0.0, 1e-12, -1e-5, 3.0])
SMALL, LARGE = network_inputs(6, 8, 5), network_inputs(20, 60, 30)

RIGHT: dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[Any, ...]]] = {
    "ReLU at 0": (lambda x: np.maximum(x, 0), lambda g, x: g * (x > 0), (CORNERED,)),
    "ReLU at 0, with slope 1": (lambda x: np.maximum(x, 0), lambda g, x: g * (x >= 0), (CORNERED,)),
    "absolute values": (lambda x: np.abs(x).mean(), lambda x: np.sign(x) / x.size, (CORNERED,)),
    "equal largest numbers": (largest, to_the_first, (TIED,)),
    "a step": (np.floor, lambda g, x: 0 * x, (np.array([0.3, 1.0, 2.7]),)),
    "a small network": (network, network_backward, SMALL),
    "a large network": (network, network_backward, LARGE),
    "in float32": (in_single(network, False), in_single(network_backward, False), SMALL),
    "in float32, large": (in_single(network, False), in_single(network_backward, False), LARGE),
    "float32 in disguise": (in_single(network, True), in_single(network_backward, True), LARGE),
    "only backward in float32": (network, in_single(network_backward, True), LARGE),
    "large numbers": (
        lambda x: (1e9 * x**2).sum(), lambda x: 2e9 * x, (1e3 * normal(4, 3),)
    ),
    "tiny numbers": (lambda x: (x**3).sum(), lambda x: 3 * x**2, (1e-9 * normal(4, 3),)),
    "a steep edge": (lambda x: np.log(x).sum(), lambda x: 1 / x, (np.array([1e-5, 1.0, 30.0]),)),
    "nothing depends on it": (
        lambda x, y: (y**2).sum(), lambda x, y: (0 * x, 2 * y), (normal(3), normal(2))
    ),
    "softmax, whose sum is always 1": (
        lambda x: (np.exp(x) / np.exp(x).sum()).sum(), lambda x: 0 * x, (normal(5),)
    ),
    "strong cancellation": (
        lambda x: (1e8 + x).sum() - 1e8 * x.size, np.ones_like, (normal(5),)
    ),
    "a single number": (lambda w: (w - 5.0) ** 2, lambda w: 2 * (w - 5), (1.0,)),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_right_gradient_is_never_called_wrong(name: str, seed: int) -> None:
    forward, backward, inputs = RIGHT[name]
    verdict = check(forward, backward, *inputs, seed=seed)
    assert verdict.right, str(verdict)
    assert str(verdict).splitlines()[-1].startswith("RIGHT: backward agrees with nudging for")


def test_corners_are_counted_and_told() -> None:
    verdict = check(*RIGHT["ReLU at 0"][:2], CORNERED)
    assert verdict.inputs[0].count("open") == 3
    assert "not judged: 3 of 7 numbers" in str(verdict)


def test_a_wrong_number_beside_corners_is_still_found() -> None:
    verdict = check(lambda x: np.maximum(x, 0), lambda g, x: g * (x > 0) * (x < 2.5), CORNERED)
    assert [element.index for element in verdict.inputs[0].wrong] == [(6,)]


def test_inputs_that_are_all_corners_are_refused() -> None:
    with pytest.raises(BadData, match="a corner or a jump of forward at every number"):
        check(lambda x: np.maximum(x, 0), lambda g, x: g * (x > 0), np.zeros(4))


def test_one_wrong_number_of_a_large_input_is_found() -> None:
    def backward(*inputs: Array) -> Any:
        found = network_backward(*inputs)
        found[1][41, 17] += 0.003
        return found

    verdict = check(network, backward, *LARGE)
    states = {entry.name: entry.state for entry in verdict.inputs}
    assert states == {"x": "right", "w1": "wrong", "b1": "right", "w2": "right"}
    assert (41, 17) in [element.index for element in verdict.inputs[1].wrong]
    assert verdict.inputs[1].count("wrong") <= 3


def test_a_mistake_in_a_large_input_is_recognised() -> None:
    def backward(*inputs: Array) -> Any:
        return tuple(20 * gradient for gradient in network_backward(*inputs))

    verdict = check(network, backward, *LARGE)
    kinds = {mistake.kinds for mistake in verdict.mistakes.values()}
    assert kinds == {("count",)}
    assert len(verdict.mistakes) == 4
    assert "n = 20 (the numbers of labels" in verdict.mistakes["w1"].words


def test_the_same_seed_tells_the_same() -> None:
    planted = PLANTED["sign and 1/n"]

    def told(seed: int) -> Any:
        arguments = (planted.forward, planted.backward, *planted.inputs)
        return check(*arguments, of=["weights"], seed=seed).as_record()

    assert told(3) == told(3)
