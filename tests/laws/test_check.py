"""The laws of the checker of gradients, over every operation: right is right, wrong is wrong."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from op_cases import CASES, Case, Draw
from pellucid.scratch.check import check
from pellucid.scratch.op import Op

drawn = settings(
    max_examples=2,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
every_op = pytest.mark.parametrize("op", CASES, ids=lambda op: op.__name__)


def as_functions(case: Case, spoil: float) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The operation as two functions; its gradients are `spoil` times the right ones."""
    ran: list[Op] = []

    def forward(*arrays: NDArray[Any]) -> NDArray[Any]:
        ran[:] = [copy.deepcopy(case.op)]
        return ran[0](*map(np.asarray, arrays))

    def backward(gradient: NDArray[Any], *arrays: NDArray[Any]) -> Any:
        found = ran[0].backward(np.asarray(gradient))
        return tuple(None if one is None else spoil * one for one in found)

    return forward, backward


@every_op
def test_the_gradients_of_every_op_are_called_right(op: type[Op]) -> None:
    @drawn
    @given(st.data())
    def hold(data: st.DataObject) -> None:
        case = CASES[op](Draw(data.draw))
        verdict = check(*as_functions(case, 1.0), *case.arrays)
        assert verdict.right, str(verdict)

    hold()


@every_op
def test_spoiled_gradients_of_every_op_are_called_wrong(op: type[Op]) -> None:
    @drawn
    @given(st.data())
    def hold(data: st.DataObject) -> None:
        case = CASES[op](Draw(data.draw))
        verdict = check(*as_functions(case, 1.001), *case.arrays)
        for entry in verdict.inputs:
            is_flat = all(abs(element.expected) < 1e-9 for element in entry.elements)
            assert entry.state == ("right" if is_flat else "wrong"), str(verdict)

    hold()
