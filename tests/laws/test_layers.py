"""The laws of a layer: whatever class lies in `scratch/layers/` is held to all of them.

It equals its twin in PyTorch, forward and backward, in training and when judged, by the same names
of its weights; it behaves differently in the two modes only where its docstring says so; every
parameter gets a gradient; and it says what it is.
"""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from layer_cases import CASES, Array, Case, SameMask, same
from op_cases import Draw
from pellucid.scratch.catalog import every_layer
from pellucid.scratch.layer import Layer
from pellucid.scratch.layers.activation import ReLU
from pellucid.scratch.layers.dropout import Dropout
from pellucid.scratch.layers.linear import Linear
from pellucid.scratch.layers.norms import BatchNorm1d
from pellucid.scratch.ops import dropout as dropout_op
from pellucid.scratch.ops import norms as norm_ops
from pellucid.scratch.tensor import Tensor, apply

FOUND = every_layer()
LABELS = ("Formula", "Shapes", "Parameters", "Like")
SOMETIMES = ("Modes", "Source")

drawn = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
every_layer_found = pytest.mark.parametrize("layer", FOUND, ids=lambda layer: layer.__name__)


def is_real(array: Array) -> bool:
    return bool(np.issubdtype(array.dtype, np.floating))


def results(answer: Any) -> list[Any]:
    """Every tensor of an answer: one, a tuple, or tuples in a tuple."""
    if not isinstance(answer, tuple | list):
        return [answer]
    return [one for part in answer for one in results(part)]


def ask(layer: Layer, inputs: tuple[Array, ...]) -> tuple[list[Tensor], list[Tensor]]:
    """What a layer gives, and the inputs as it got them."""
    given = [Tensor(array, requires_grad=is_real(array)) for array in inputs]
    return results(layer(*given)), given


def pulls(outputs: list[Any]) -> list[Array]:
    chance = np.random.default_rng(1)
    return [np.asarray(chance.standard_normal(tuple(output.shape))) for output in outputs]


def run_backward(outputs: list[Tensor]) -> None:
    for output, pull in zip(outputs, pulls(outputs), strict=True):
        output.backward(pull.astype(output.data.dtype))


# The laws. Each takes a case, so that the planted faults can be put to it.


def check_equals_its_twin(case: Case) -> None:
    """Results, gradients and statistics in both modes, in float64."""
    for learning in (True, False):
        layer, twin = case.layer.train(learning), case.twin.train(learning)
        outputs, given = ask(layer, case.inputs)
        theirs = [torch.tensor(array, requires_grad=is_real(array)) for array in case.inputs]
        answers = results((case.ask or twin)(*theirs))
        for output, answer in zip(outputs, answers, strict=True):
            close(output.data, answer)
        for weight in [*layer.parameters(), *twin.parameters()]:
            weight.grad = None
        run_backward(outputs)
        torch.autograd.backward(answers, [torch.from_numpy(pull) for pull in pulls(answers)])
        for mine, other in zip(given, theirs, strict=True):
            close(mine.grad, other.grad)
        weights = dict(twin.named_parameters())
        assert weights.keys() == layer.named_parameters().keys()
        for name, weight in layer.named_parameters().items():
            close(weight.grad, weights[name].grad)
        for name, array in layer.state_dict().items():
            close(array, twin.state_dict()[name])


def close(mine: Array | None, other: torch.Tensor | None) -> None:
    if other is None:
        assert mine is None or not mine.any()
    else:
        assert mine is not None
        assert mine.shape == tuple(other.shape)
        np.testing.assert_allclose(mine, other.detach().numpy(), rtol=1e-8, atol=1e-10)


def check_modes_differ_only_where_said(case: Case) -> None:
    """Judging twice gives the same and moves nothing; training differs if `Modes:` says so."""
    layer = case.layer
    before = copy.deepcopy(layer.state_dict())
    judged, again = (ask(layer.eval(), case.inputs)[0] for _ in range(2))
    assert all_equal([one.data for one in judged], [one.data for one in again])
    assert all_equal(list(before.values()), list(layer.state_dict().values()))
    learning, _ = ask(layer.train(), case.inputs)
    alike = all_equal([one.data for one in judged], [one.data for one in learning])
    still = all_equal(list(before.values()), list(layer.state_dict().values()))
    assert (alike and still) == ("Modes" not in labels(type(layer)))


def all_equal(some: list[Array], others: list[Array]) -> bool:
    return all(np.array_equal(one, other) for one, other in zip(some, others, strict=True))


def check_every_parameter_gets_a_gradient(case: Case) -> None:
    outputs, _ = ask(case.layer.train(), case.inputs)
    if outputs[0].requires_grad:
        run_backward(outputs)
    for name, weight in case.layer.named_parameters().items():
        assert weight.grad is not None, name
        assert weight.grad.shape == weight.shape
        assert weight.grad.any(), name


def check_inputs_stay(case: Case) -> None:
    before = [array.copy() for array in case.inputs]
    outputs, _ = ask(case.layer.train(), case.inputs)
    if outputs[0].requires_grad:
        run_backward(outputs)
    for old, new in zip(before, case.inputs, strict=True):
        np.testing.assert_array_equal(old, new)


def check_precision_stays(case: Case) -> None:
    """float32 in, float32 out: results, gradients and statistics."""
    layer = case.layer.astype(np.float32).train()
    inputs = tuple(x.astype(np.float32) if is_real(x) else x for x in case.inputs)
    outputs, given = ask(layer, inputs)
    run_backward(outputs)
    found = [*(output.data for output in outputs), *layer.state_dict().values()]
    found += [one.grad for one in [*given, *layer.parameters()] if one.grad is not None]
    assert {array.dtype for array in found} == {np.dtype(np.float32)}


def labels(layer: type[Layer]) -> list[str]:
    return re.findall(r"^(\w+): +\S", inspect.getdoc(layer) or "", flags=re.MULTILINE)


def check_says_what_it_is(layer: type[Layer]) -> None:
    """A first line that is a sentence, then what the labels announce, in this order."""
    assert "__doc__" in vars(layer)
    assert (inspect.getdoc(layer) or "").split("\n")[0].endswith(".")
    found = labels(layer)
    assert tuple(label for label in found if label not in SOMETIMES) == LABELS
    assert found == [label for label in (*LABELS[:3], "Modes", "Like", "Source") if label in found]


LAWS: list[Callable[[Case], None]] = [
    check_equals_its_twin,
    check_modes_differ_only_where_said,
    check_every_parameter_gets_a_gradient,
    check_inputs_stay,
    check_precision_stays,
]


@every_layer_found
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__.removeprefix("check_"))
def test_every_layer_keeps_the_law(law: Callable[[Case], None], layer: type[Layer]) -> None:
    @drawn
    @given(st.data())
    def hold(data: st.DataObject) -> None:
        law(CASES[layer](Draw(data.draw)))

    hold()


@every_layer_found
def test_every_layer_says_what_it_is(layer: type[Layer]) -> None:
    check_says_what_it_is(layer)


def test_every_layer_has_cases_and_every_case_its_layer() -> None:
    assert set(FOUND) == CASES.keys()


# The laws held against planted faults: each of them must be found.


class WithoutBias(Linear):
    """The bias is there, but nobody adds it."""

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight.transpose()


class Misnamed(Linear):
    """The weight under another name than in PyTorch."""

    def named_parameters(self) -> dict[str, Tensor]:
        return {f"my_{name}": value for name, value in super().named_parameters().items()}


class Detached(Linear):
    """The weight's numbers are used behind the back of the graph."""

    def forward(self, x: Tensor) -> Tensor:
        assert self.bias is not None
        return x @ self.weight.data.T + self.bias


class Scribbler(ReLU):
    """Works in place on what belongs to the caller."""

    def forward(self, x: Tensor) -> Tensor:
        np.maximum(x.data, 0, out=x.data)
        return super().forward(x)


class Wasteful(Linear):
    """Answers in double precision whatever is asked."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * np.ones(1)


class NeverJudged(BatchNorm1d):
    """The batch's own statistics are used when judging as well.

    Modes:       said, but not so
    """

    def forward(self, x: Tensor) -> Tensor:
        return apply(norm_ops.BatchNorm(self.eps), x, self.weight, self.bias)


class Sluggish(BatchNorm1d):
    """The running statistics take the old share for the new one."""

    def _remember(self, x: Array) -> None:
        self.momentum = 1 - self.momentum
        super()._remember(x)
        self.momentum = 1 - self.momentum


class Restless(Dropout):
    """Leaves out numbers when judged as well.

    Modes:       training leaves out
    """

    def forward(self, x: Tensor) -> Tensor:
        return apply(dropout_op.Dropout(self.p, self.chance), x)


class Silent(Dropout):
    """Does not say that it behaves differently when judged."""


def planted(layer: Layer) -> Case:
    chance = np.random.default_rng(3)
    if isinstance(layer, BatchNorm1d):
        return same(layer, (chance.standard_normal((5, 2)) + 1,), nn.BatchNorm1d(2))
    if isinstance(layer, Dropout):
        twin = SameMask(layer.p, np.random.default_rng(0))
        return same(layer, (chance.standard_normal((4, 5)),), twin)
    if isinstance(layer, ReLU):
        return same(layer, (chance.standard_normal((4, 5)),), nn.ReLU())
    sound = same(Linear(3, 2, chance), (), nn.Linear(3, 2))
    layer.load_state_dict(sound.layer.state_dict())
    return Case(layer, (chance.standard_normal((4, 3)),), sound.twin)


def a_linear(kind: type[Linear]) -> Case:
    return planted(kind(3, 2, np.random.default_rng(0)))


def a_dropout(kind: type[Dropout]) -> Case:
    return planted(kind(0.5, np.random.default_rng(0)))


@pytest.mark.parametrize(
    ("law", "make"),
    [
        (check_equals_its_twin, lambda: a_linear(WithoutBias)),
        (check_equals_its_twin, lambda: a_linear(Misnamed)),
        (check_equals_its_twin, lambda: planted(NeverJudged(2))),
        (check_equals_its_twin, lambda: planted(Sluggish(2))),
        (check_modes_differ_only_where_said, lambda: planted(NeverJudged(2))),
        (check_modes_differ_only_where_said, lambda: a_dropout(Restless)),
        (check_modes_differ_only_where_said, lambda: a_dropout(Silent)),
        (check_every_parameter_gets_a_gradient, lambda: a_linear(Detached)),
        (check_every_parameter_gets_a_gradient, lambda: a_linear(WithoutBias)),
        (check_inputs_stay, lambda: planted(Scribbler())),
        (check_precision_stays, lambda: a_linear(Wasteful)),
    ],
)
def test_a_planted_fault_is_found(law: Callable[[Case], None], make: Callable[[], Case]) -> None:
    with pytest.raises(AssertionError):
        law(make())


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize(
    "make",
    [lambda: a_linear(Linear), lambda: planted(BatchNorm1d(2)), lambda: a_dropout(Dropout)],
    ids=["Linear", "BatchNorm1d", "Dropout"],
)
def test_the_same_cases_without_the_fault_pass(
    law: Callable[[Case], None], make: Callable[[], Case]
) -> None:
    law(make())


def test_a_docstring_without_its_parts_is_found() -> None:
    class Nameless(Linear):
        """A sum.

        Formula:   out = x @ weightᵀ
        """

    with pytest.raises(AssertionError):
        check_says_what_it_is(Nameless)
    check_says_what_it_is(Linear)
