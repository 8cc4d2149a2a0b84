"""Every operation agrees with PyTorch on the samples of PyTorch's own operator test suite.

`op_db` holds the sample inputs with which PyTorch tests its operators: empty arrays, single
numbers, odd shapes. Those in an operation's scope are run forward and backward, in float64.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from op_db_cases import WITHOUT
from op_db_counterparts import COUNTERPARTS, Call, Counterpart, OutOfScope
from pellucid.scratch.catalog import every_op
from pellucid.scratch.op import Op
from pellucid.scratch.ops.arithmetic import Multiply

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_methods_invocations import op_db

Array = NDArray[Any]
INFOS = {(info.name, info.variant_test_name): info for info in op_db}


def samples(one: Counterpart) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Each sample's arguments."""
    torch.manual_seed(0)
    info = INFOS[one.name, one.variant]
    for sample in info.sample_inputs("cpu", torch.float64, requires_grad=True):
        yield (sample.input, *sample.args), sample.kwargs


def as_array(value: Any) -> Array:
    if isinstance(value, torch.Tensor):
        return np.asarray(value.detach().numpy())
    return np.asarray(value, np.float64 if isinstance(value, int | float) else None)


def check_agrees(call: Call, theirs: torch.Tensor, tolerance: float) -> None:
    """Result and gradients, where PyTorch has them."""
    op, given = call
    inputs = [value for value in given if value is not None]
    found = op(*map(as_array, inputs))
    assert found.shape == tuple(theirs.shape)
    np.testing.assert_allclose(found, as_array(theirs), rtol=1e-9, atol=1e-12)
    wanted = [isinstance(value, torch.Tensor) and value.requires_grad for value in inputs]
    if not theirs.requires_grad or not any(wanted):
        return
    chance = torch.Generator().manual_seed(1)
    pull = torch.randn(theirs.shape, generator=chance, dtype=torch.float64)
    sources = [value for value, is_wanted in zip(inputs, wanted, strict=True) if is_wanted]
    expected = iter(torch.autograd.grad(theirs, sources, pull, materialize_grads=True))
    for gradient, is_wanted in zip(op.backward(pull.numpy()), wanted, strict=True):
        if is_wanted:
            assert gradient is not None
            np.testing.assert_allclose(gradient, next(expected).numpy(), tolerance, atol=1e-11)


def check_counterpart(one: Counterpart) -> None:
    """All samples in scope agree, and there are as many of them as there should be."""
    outside: Counter[str] = Counter()
    inside = 0
    for arguments, settings in samples(one):
        try:
            call = one.call(*arguments, **settings)
        except OutOfScope as rule:
            outside[str(rule)] += 1
            continue
        inside += 1
        theirs = INFOS[one.name, one.variant].op(*arguments, **settings)
        check_agrees(call, theirs, one.tolerance)
    assert inside >= one.least > 0, f"only {inside} in scope; outside: {dict(outside)}"


@pytest.mark.parametrize("one", COUNTERPARTS, ids=lambda one: f"{one.name} {one.variant}".strip())
def test_an_op_agrees_with_pytorch_on_all_samples_in_scope(one: Counterpart) -> None:
    check_counterpart(one)


def ops_of(one: Counterpart) -> set[type[Op]]:
    """The operations that a counterpart's first samples lead to."""
    found = set()
    for arguments, settings in islice(samples(one), 20):
        try:
            found.add(type(one.call(*arguments, **settings)[0]))
        except OutOfScope:
            continue
    return found


def test_every_op_has_a_counterpart_or_a_reason_why_not() -> None:
    held = set().union(*map(ops_of, COUNTERPARTS))
    assert held | WITHOUT.keys() == set(every_op())
    assert not held & WITHOUT.keys()
    assert all(reason.strip() for reason in WITHOUT.values())


# The test held against planted faults.


class Forgetful(Multiply):
    """The gradient of a stretched input is not summed."""

    def backward(self, gradient: Array) -> tuple[Array | None, ...]:
        a, b = self.arrays
        return gradient * b, gradient * a


def test_a_faulty_op_is_found() -> None:
    check_counterpart(Counterpart("mul", "", 1, lambda a, b: (Multiply(), (a, b))))
    with pytest.raises((AssertionError, ValueError)):
        check_counterpart(Counterpart("mul", "", 1, lambda a, b: (Forgetful(), (a, b))))


def test_a_scope_that_leaves_nothing_is_found() -> None:
    def refuse(*inputs: Any) -> Call:
        raise OutOfScope("nothing at all")

    with pytest.raises(AssertionError, match=r"only 0 in scope; outside: \{'nothing at all'"):
        check_counterpart(Counterpart("mul", "", 1, refuse))
