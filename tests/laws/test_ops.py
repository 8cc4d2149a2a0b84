"""The laws of an operation: whatever class lies in `scratch/ops/` is held to all of them.

Its backward pass agrees with nudging the inputs and with PyTorch, each of its numbers can be
recomputed from the inputs' numbers, it leaves its inputs as they were, and says what it is.
"""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from op_cases import CASES, Case, Draw
from pellucid.scratch.catalog import every_op
from pellucid.scratch.explanation import Term
from pellucid.scratch.op import Op
from pellucid.scratch.ops.arithmetic import Multiply
from pellucid.scratch.ops.convolution import Convolution, convolution_by_loops
from pellucid.scratch.ops.matrix import MatMul
from pellucid.scratch.ops.reductions import Mean

Array = NDArray[Any]
FOUND = every_op()
EXAMPLES = 12
LABELS = ("Formula", "Shapes", "Backward", "Source")

drawn = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
every_op_found = pytest.mark.parametrize("op", FOUND, ids=lambda op: op.__name__)


def run(case: Case, arrays: Sequence[Array] | None = None) -> Op:
    """A copy of the case's operation that has run; the same chance each time."""
    op = copy.deepcopy(case.op)
    op(*(case.arrays if arrays is None else arrays))
    return op


def is_real(array: Array) -> bool:
    return bool(np.issubdtype(array.dtype, np.floating))


def pull(case: Case, shape: tuple[int, ...]) -> Array:
    """A gradient of the result, the same each time."""
    return np.asarray(np.random.default_rng(1).standard_normal(shape))


# The laws. Each takes a case, so that the planted faults can be put to it.


def check_backward_agrees_with_nudging(case: Case) -> None:
    """The result's change along a random direction, against what the gradients foretell."""
    op = run(case)
    gradient = pull(case, op.result.shape)
    gradients = op.backward(gradient)
    assert len(gradients) == len(case.arrays)
    chance, step = np.random.default_rng(2), 1e-6
    for number, (array, found) in enumerate(zip(case.arrays, gradients, strict=True)):
        if not is_real(array):
            assert found is None
            continue
        assert found is not None
        assert found.shape == array.shape
        direction = chance.standard_normal(array.shape)
        ends = []
        for sign in (1, -1):
            nudged = list(case.arrays)
            nudged[number] = array + sign * step * direction
            ends.append((run(case, nudged).result * gradient).sum())
        foretold = (found * direction).sum()
        size = np.abs(found * direction).sum() + np.abs(op.result * gradient).sum()
        assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(foretold, abs=2e-7 * (1 + size))


def check_equals_torch(case: Case) -> None:
    """Result and gradients, in float64."""
    op = run(case)
    twins = [torch.tensor(array, requires_grad=is_real(array)) for array in case.arrays]
    out = case.twin(*twins)
    assert op.result.shape == tuple(out.shape)
    np.testing.assert_allclose(op.result, out.detach().numpy(), rtol=1e-9, atol=1e-12)
    gradient = pull(case, op.result.shape)
    out.backward(torch.from_numpy(gradient))
    for twin, found in zip(twins, op.backward(gradient), strict=True):
        if twin.requires_grad:
            np.testing.assert_allclose(found, twin.grad.numpy(), rtol=1e-8, atol=1e-10)


def check_explanations_recompute(case: Case) -> None:
    """Every number of our result, in both precisions, and of PyTorch's float32 result."""
    single = tuple(x.astype(np.float32) if is_real(x) else x for x in case.arrays)
    theirs = case.twin(*map(torch.tensor, single)).numpy()
    for op in (run(case), run(case, single), run(case, single).seen(single, theirs)):
        for index in np.ndindex(op.result.shape):
            explanation = op.explain(index)
            assert explanation.value == float(op.result[index])
            assert explanation.agrees, explanation.as_record()
            assert explanation.cut(1).agrees
            check_sources_exist(op, explanation.terms)


def check_sources_exist(op: Op, terms: Sequence[Term]) -> None:
    names = {op.place(number, ()).input: number for number in range(len(op.arrays))}
    for term in terms:
        assert term.label
        for place in term.source:
            assert np.size(op.arrays[names[place.input]][place.at]) > 0


def check_bound_is_tight(case: Case) -> None:
    """The bound is one of rounding: in float64 a billionth of the terms' size would be too much."""
    op = run(case)
    for index in np.ndindex(op.result.shape):
        explanation = op.explain(index)
        total = sum(abs(term.value) for term in explanation.terms)
        assert explanation.bound <= 1e-11 * (1 + total)


def check_inputs_stay(case: Case) -> None:
    before = [array.copy() for array in case.arrays]
    op = run(case)
    gradient = pull(case, op.result.shape)
    given_gradient = gradient.copy()
    op.backward(gradient)
    for index in np.ndindex(op.result.shape):
        op.explain(index)
    for old, new in zip([*before, given_gradient], [*case.arrays, gradient], strict=True):
        np.testing.assert_array_equal(old, new)


def check_precision_stays(case: Case) -> None:
    """float32 in, float32 out, forward and backward."""
    single = tuple(x.astype(np.float32) if is_real(x) else x for x in case.arrays)
    op = run(case, single)
    gradients = op.backward(pull(case, op.result.shape).astype(np.float32))
    found = [op.result, *(gradient for gradient in gradients if gradient is not None)]
    assert {array.dtype for array in found} == {np.dtype(np.float32)}


def check_says_what_it_is(op: type[Op]) -> None:
    """A first line that is a sentence, then what the labels announce, in this order."""
    assert "__doc__" in vars(op)
    text = inspect.getdoc(op) or ""
    assert text.split("\n")[0].endswith(".")
    labels = re.findall(r"^(\w+): +\S", text, flags=re.MULTILINE)
    assert tuple(labels) == LABELS


LAWS: list[Callable[[Case], None]] = [
    check_backward_agrees_with_nudging,
    check_equals_torch,
    check_explanations_recompute,
    check_bound_is_tight,
    check_inputs_stay,
    check_precision_stays,
]


@every_op_found
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__.removeprefix("check_"))
def test_every_op_keeps_the_law(law: Callable[[Case], None], op: type[Op]) -> None:
    @drawn
    @given(st.data())
    def hold(data: st.DataObject) -> None:
        law(CASES[op](Draw(data.draw)))

    hold()


@every_op_found
def test_every_op_says_what_it_is(op: type[Op]) -> None:
    check_says_what_it_is(op)


def test_every_op_has_cases_and_every_case_its_op() -> None:
    assert set(FOUND) == CASES.keys()


@drawn
@given(st.data())
def test_the_fast_convolution_is_the_definition(data: st.DataObject) -> None:
    draw = Draw(data.draw)
    groups, channels, filters = draw.size(1, 2), draw.size(1, 2), draw.size(1, 2)
    stride, padding, dilation = draw.size(1, 2), draw.size(0, 2), draw.size(1, 2)
    x = draw.normal(2, groups * channels, draw.size(5, 7), draw.size(5, 7))
    weight = draw.normal(groups * filters, channels, draw.size(1, 3), draw.size(1, 3))
    fast = Convolution(stride, padding, dilation, groups)(x, weight)
    slow = convolution_by_loops(x, weight, stride, padding, dilation, groups)
    np.testing.assert_allclose(fast, slow, rtol=1e-10, atol=1e-12)


# The laws held against planted faults: each of them must be found.


class Swapped(Multiply):
    """Each input gets the gradient of the other."""

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        return super().backward(gradient)[::-1]


class WithoutCount(Mean):
    """The division by n is forgotten on the way back."""

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        (x,) = self.arrays
        return (np.broadcast_to(self.spread(gradient), x.shape),)


class Unsummed(Multiply):
    """A stretched input gets the gradient of only one of its copies."""

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        da, db = super().backward(gradient)
        return da, db / 2 if db is not None else None


class Liar(MatMul):
    """The explanation leaves the last product out."""

    def terms(self, index: tuple[int, ...]) -> Any:
        return super().terms(index)[:-1]


class Nearly(MatMul):
    """The explanation is wrong in the seventh digit, far above rounding in float64."""

    def terms(self, index: tuple[int, ...]) -> Any:
        return [term._replace(value=term.value * (1 + 1e-7)) for term in super().terms(index)]


class Astray(MatMul):
    """The explanation points to numbers that do not exist."""

    def terms(self, index: tuple[int, ...]) -> Any:
        wrong = (self.place(0, (99, 99)),)
        return [term._replace(source=wrong) for term in super().terms(index)]


class Scribbler(Multiply):
    """Works in place on what belongs to the caller."""

    def forward(self, a: Array, b: Array) -> Array:
        a *= b
        return a.copy()


class Wasteful(Multiply):
    """Answers in double precision whatever is asked."""

    def forward(self, a: Array, b: Array) -> Array:
        return super().forward(a, b).astype(np.float64)


class Excused(Multiply):
    """Claims so many roundings that any explanation agrees."""

    ROUNDINGS = 10**9


def planted(op: Op, twin: Callable[..., torch.Tensor]) -> Case:
    chance = np.random.default_rng(3)
    if isinstance(op, Mean):
        return Case(op, (chance.standard_normal((2, 3)),), twin)
    return Case(op, (chance.standard_normal((3, 3)), chance.standard_normal((3, 3))), twin)


@pytest.mark.parametrize(
    ("law", "case"),
    [
        (check_backward_agrees_with_nudging, planted(Swapped(), torch.multiply)),
        (check_backward_agrees_with_nudging, planted(WithoutCount(), torch.mean)),
        (check_backward_agrees_with_nudging, planted(Unsummed(), torch.multiply)),
        (check_equals_torch, planted(Swapped(), torch.multiply)),
        (check_equals_torch, planted(WithoutCount(), torch.mean)),
        (check_equals_torch, planted(Multiply(), torch.add)),
        (check_explanations_recompute, planted(Liar(), torch.matmul)),
        (check_explanations_recompute, planted(Nearly(), torch.matmul)),
        (check_bound_is_tight, planted(Excused(), torch.multiply)),
        (check_inputs_stay, planted(Scribbler(), torch.multiply)),
        (check_precision_stays, planted(Wasteful(), torch.multiply)),
    ],
    ids=lambda entry: getattr(entry, "__name__", None) or type(entry.op).__name__,
)
def test_a_planted_fault_is_found(law: Callable[[Case], None], case: Case) -> None:
    with pytest.raises(AssertionError):
        law(case)


def test_an_explanation_that_points_nowhere_is_found() -> None:
    with pytest.raises(IndexError):
        check_explanations_recompute(planted(Astray(), torch.matmul))


def test_a_docstring_without_its_source_is_found() -> None:
    class Nameless(Multiply):
        """A product.

        Formula:   out = a · b
        """

    with pytest.raises(AssertionError):
        check_says_what_it_is(Nameless)
    check_says_what_it_is(Multiply)
