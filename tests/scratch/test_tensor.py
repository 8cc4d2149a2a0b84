from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import ArrayLike

from pellucid.base.errors import WrongUse
from pellucid.scratch.catalog import OPS, ops_of
from pellucid.scratch.op import Op
from pellucid.scratch.ops.arithmetic import Add, Multiply
from pellucid.scratch.ops.convolution import Convolution, TransposedConvolution
from pellucid.scratch.ops.elementwise import ReLU
from pellucid.scratch.ops.embedding import Embedding
from pellucid.scratch.ops.matrix import MatMul
from pellucid.scratch.ops.movement import Reshape, Slice
from pellucid.scratch.ops.norms import GroupNorm
from pellucid.scratch.ops.pooling import MaxPool
from pellucid.scratch.tensor import Tensor, apply, no_grad


def weight(values: ArrayLike) -> Tensor:
    return Tensor(values, requires_grad=True)


def test_one_step_of_gradient_descent_by_hand() -> None:
    w = weight(1)
    ((w - 5) ** 2).backward()  # 2 (w − 5) = −8
    assert w.grad == -8
    assert w.data - 0.01 * w.grad == pytest.approx(1.08)


def test_a_number_used_twice_gets_both_gradients() -> None:
    x = weight(3)
    (x * x + x).backward()  # 2x + 1
    assert x.grad == 7


def test_gradients_of_several_losses_add_up_until_they_are_cleared() -> None:
    x = weight([1, 2])
    (x * 3).sum().backward()
    (x * 3).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [6, 6]
    x.grad = None
    (x * 3).sum().backward()
    assert x.grad.tolist() == [3, 3]


def test_backward_twice_through_one_graph_passes_each_gradient_once() -> None:
    x = weight(2)
    doubled = x * 2
    loss = doubled * 5
    loss.backward()
    loss.backward()
    assert x.grad == 20  # 10 each time; an old gradient in `doubled` is not passed on again
    assert doubled.grad == 10


def test_two_weights_never_share_one_gradient_array() -> None:
    a, b = weight([1, 2]), weight([3, 4])
    (a + b).sum().backward()
    assert a.grad is not None
    assert b.grad is not None
    a.grad *= 10
    assert b.grad.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("make", "expected", "slope"),
    [
        (lambda x: x + 1, 3, 1),
        (lambda x: 1 + x, 3, 1),
        (lambda x: x - 5, -3, 1),
        (lambda x: 5 - x, 3, -1),
        (lambda x: x * 4, 8, 4),
        (lambda x: 4 * x, 8, 4),
        (lambda x: x / 4, 0.5, 0.25),
        (lambda x: 4 / x, 2, -1),
        (lambda x: x**3, 8, 12),
        (lambda x: -x, -2, -1),
        (lambda x: np.float64(4) * x, 8, 4),
        (lambda x: np.array([4.0]) * x, 8, 4),
        (lambda x: x.reshape(1, 1).transpose() @ np.array([3.0]), 6, 3),
        (lambda x: np.array([[3.0]]) @ x.reshape(1), 6, 3),
        (lambda x: x.reshape(1, 1)[0].sum() + x.reshape(1).mean() + x.reshape(1).max(), 6, 3),
    ],
)
def test_operators_by_hand(make: Callable[[Tensor], Tensor], expected: float, slope: float) -> None:
    x = weight(2)
    out = make(x)
    out.backward()
    assert out.item() == expected
    assert x.grad == slope


def test_two_to_the_power_of_a_tensor() -> None:
    x = weight(3)
    (2**x).backward()
    assert x.grad == pytest.approx(8 * np.log(2))


def test_a_plain_number_does_not_change_the_precision() -> None:
    x = Tensor(np.ones(2, np.float32), requires_grad=True)
    out = (1 - x * 0.5) / 2 + 1
    assert out.data.dtype == np.float32
    out.sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == np.float32


def test_a_graph_of_five_thousand_steps_is_walked() -> None:
    x = weight(1)
    out = x
    for _ in range(5000):
        out = out + 1
    out.backward()
    assert x.grad == 1


def test_inside_no_grad_nothing_is_remembered() -> None:
    x = weight(2)
    with no_grad():
        out = x * 3
    assert out.made_by is None
    assert not out.requires_grad
    assert (x * 3).made_by is not None


def test_a_batch_without_examples_goes_through() -> None:
    x, w = Tensor(np.ones((0, 2, 5, 5))), weight(np.ones((4, 2, 3, 3)))
    out = apply(Convolution(), x, w)
    assert out.shape == (0, 4, 3, 3)
    normed = apply(GroupNorm(2), out, np.ones(4), np.zeros(4))
    (normed.reshape(0, 36) @ np.ones((36, 2))).sum().backward()
    assert w.grad is not None
    assert not w.grad.any()


def test_data_get_no_gradient() -> None:
    x, w = Tensor([1.0, 2.0]), weight([3, 4])
    (x * w).sum().backward()
    assert x.grad is None
    assert w.grad is not None
    assert w.grad.tolist() == [1, 2]


def test_the_graph_can_be_walked_by_hand() -> None:
    a, b = weight([1, 2]), weight([3, 4])
    loss = (a * b).sum()
    assert type(loss.made_by).__name__ == "Sum"
    (product,) = loss.made_from
    assert type(product.made_by) is Multiply
    assert product.made_from == (a, b)
    assert repr(product) == "Tensor([3. 8.], made by Multiply)"


def test_a_tensor_explains_its_numbers_also_without_gradients() -> None:
    out = Tensor([[1.0, 2.0]]) @ Tensor([[3.0], [4.0]])
    explanation = out.explain((0, 0))
    assert [term.value for term in explanation.terms] == [3, 8]
    assert explanation.terms[1].label == "a[0, 1] · b[1, 0]"
    assert explanation.recompute() == explanation.value == 11


# ----------------------------------------------------------------- worked out by hand


def test_the_picture_one_to_nine_under_a_filter() -> None:
    picture = np.arange(1.0, 10).reshape(1, 1, 3, 3)
    filters = np.array([[[[0.0, 1.0], [-1.0, 0.0]]]])
    assert Convolution()(picture, filters).tolist() == [[[[-2, -2], [-2, -2]]]]  # 2 − 4, 3 − 5, …


def test_the_picture_one_to_sixteen_pooled() -> None:
    picture = np.arange(1.0, 17).reshape(4, 4)
    assert MaxPool((2, 2))(picture).tolist() == [[6, 8], [14, 16]]


# ----------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("mistake", "told"),
    [
        (lambda: Add()(np.ones(3), np.ones(4)), "shapes (3,) and (4,)"),
        (lambda: MatMul()(np.ones((2, 3)), np.ones((2, 3))), "shapes (2, 3) and (2, 3)"),
        (
            lambda: Convolution()(np.ones((64, 3, 32, 32)), np.ones((16, 1, 5, 5))),
            "weight (16, 1, 5, 5), so 1 input channel, expected 3, as in x (64, 3, 32, 32)",
        ),
        (
            lambda: TransposedConvolution()(np.ones((1, 3, 4)), np.ones((2, 1, 2))),
            "weight (2, 1, 2), so 2 input channels, expected 3",
        ),
        (
            lambda: Convolution()(np.ones((1, 1, 3, 3)), np.ones((1, 1, 5, 5))),
            "a filter of (5, 5)",
        ),
        (lambda: MaxPool((3, 3))(np.ones((2, 2))), "a window of (3, 3)"),
        (lambda: Reshape((4,))(np.ones(6)), "6 numbers in shape (6,)"),
        (lambda: Slice(np.array([0, 1]))(np.ones(6)), "an index with ['ndarray']"),
        (lambda: Embedding()(np.ones((3, 2)), np.array([3])), "symbols from 3 to 3"),
        (lambda: (weight([1, 2]) * 2).backward(), "a tensor of shape (2,)"),
        (lambda: (Tensor([1.0]) * 2).backward(), "does not depend on any weight"),
        (lambda: weight(1).explain(), "no operation made"),
        (lambda: (weight([1, 2]) * 2).explain(2), "index (2,)"),
        (lambda: (weight([1, 2]) * 2).explain((0, 0)), "index (0, 0)"),
        (lambda: ops_of("arithmetics"), "did you mean 'arithmetic'"),
    ],
)
def test_a_mistake_is_told_with_its_numbers(mistake: Callable[[], object], told: str) -> None:
    with pytest.raises(WrongUse) as error:
        mistake()
    assert told in str(error.value)


def test_an_operation_runs_once() -> None:
    op = ReLU()
    apply(op, weight([1]))
    with pytest.raises(WrongUse, match="has run already"):
        apply(op, weight([2]))


def test_the_families_are_the_files() -> None:
    assert "convolution" in OPS.names()
    assert OPS.menu()["softmax"] == "Scores become shares that add up to 1"
    assert Add in ops_of("arithmetic")
    assert all(issubclass(op, Op) for op in ops_of("norms"))
