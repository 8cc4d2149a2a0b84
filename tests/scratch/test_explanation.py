from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from pellucid.scratch.explanation import Explanation, Place, Term, Terms
from pellucid.scratch.ops import elementwise, norms
from pellucid.scratch.ops.convolution import Convolution
from pellucid.scratch.ops.matrix import MatMul
from pellucid.scratch.ops.softmax import LogSoftmax, Softmax

UNIT = 2.0**-53


def explanation(value: float, *terms: float) -> Explanation:
    written = [Term(f"t{place}", term) for place, term in enumerate(terms)]
    return Explanation("Sum", (0,), value, written, roundings=len(terms), unit=UNIT)


def test_the_bound_is_n_u_times_the_sum_of_sizes() -> None:
    assert explanation(0.0, 3.0, -2.0, -1.0).bound == 3 * UNIT * 6


def test_the_sum_is_exact_where_adding_in_order_is_not() -> None:
    terms = [1.0, 1e100, 1.0, -1e100]
    assert sum(terms) == 0
    assert explanation(2.0, *terms).recompute() == 2


def test_a_value_within_the_bound_agrees_and_one_beyond_does_not() -> None:
    assert explanation(3 + 4 * UNIT, 1.0, 2.0).agrees  # the bound is 2 · u · 3
    assert not explanation(3 + 8 * UNIT, 1.0, 2.0).agrees


@pytest.mark.parametrize(
    ("value", "terms", "agrees"),
    [
        (math.inf, [math.inf, 1.0], True),
        (math.nan, [math.inf, -math.inf], True),
        (math.nan, [1.0, 2.0], False),
        (1.0, [math.inf], False),
        (math.inf, [1.0], False),
        (-math.inf, [math.inf], False),
    ],
)
def test_what_is_not_finite_agrees_only_with_itself(
    value: float, terms: list[float], agrees: bool
) -> None:
    assert explanation(value, *terms).agrees == agrees


def test_in_words_it_is_the_terms_and_a_verdict() -> None:
    assert str(explanation(3.0, 1.0, 2.5, -0.5)) == (
        "Sum at [0] = 3\n"
        "           1   t0\n"
        "         2.5   t1\n"
        "        -0.5   t2\n"
        "           3   the sum: equal within rounding (difference 0, bound 1.3e-15)"
    )


def test_in_words_a_wrong_number_is_called_wrong() -> None:
    assert "3   the sum: NOT equal (difference 1, bound 6.7e-16)" in str(explanation(4.0, 1.0, 2.0))


def test_in_words_many_terms_are_cut_to_the_largest_and_the_rest_as_one() -> None:
    lines = str(explanation(91.0, *map(float, range(14)))).splitlines()  # 0 + 1 + … + 13 = 91
    assert [line.split()[0] for line in lines[1:13]] == [str(n) for n in range(13, 1, -1)]
    assert lines[13:] == [
        "           1   2 smaller terms together",
        "          91   the sum: equal within rounding (difference 0, bound 1.4e-13)",
    ]


def test_cut_keeps_the_largest_terms_and_the_rest_as_one_sum() -> None:
    short = explanation(7.0, 1.0, -4.0, 10.0, 0.0).cut(2)
    assert [term.value for term in short.terms] == [10, -4]
    assert (short.rest, short.rest_count) == (1, 2)
    assert short.recompute() == 7
    assert short.bound == explanation(7.0, 1.0, -4.0, 10.0, 0.0).bound
    shorter = short.cut(1)
    assert (shorter.rest, shorter.rest_count, shorter.recompute()) == (-3, 3, 7)


def test_terms_are_described_only_when_they_are_looked_at() -> None:
    asked: list[int] = []

    def describe(place: int) -> tuple[str, tuple[Place, ...]]:
        asked.append(place)
        return f"x[{place}]", (Place("x", (place,)),)

    terms = Terms(np.array([5.0, 1.0, 9.0]), describe)
    whole = Explanation("Sum", (), 15.0, terms, 3, UNIT)
    assert whole.agrees
    assert asked == []
    assert [term.label for term in whole.cut(1).terms] == ["x[2]"]
    assert terms[-1].label == "x[2]"
    assert [term.value for term in terms[:2]] == [5, 1]
    with pytest.raises(IndexError):
        terms[3]


def test_the_record_holds_what_json_needs() -> None:
    op = MatMul()
    op(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]))
    record = op.explain((0, 0)).as_record()
    assert (record["op"], record["value"], record["recomputed"]) == ("MatMul", 11, 11)
    assert record["terms"][0] == {
        "label": "a[0, 0] · b[0, 0]",
        "value": 3.0,
        "from": ["a[0, 0]", "b[0, 0]"],
    }
    assert record["agrees"] is True
    assert record["rest"] == {"count": 0, "value": 0.0}


def test_a_convolutions_number_leaves_out_what_lies_outside() -> None:
    op = Convolution(padding=1)
    op(np.ones((1, 1, 3, 3)), np.ones((1, 1, 3, 3)), np.array([0.5]))
    corner = op.explain((0, 0, 0, 0))
    assert len(corner.terms) == 5  # four pixels and the bias
    assert corner.terms[0].label == "x[0, 0, 0, 0] · weight[0, 0, 1, 1]"
    assert corner.terms[4].label == "bias[0]"
    assert corner.value == corner.recompute() == 4.5


# ------------------------------------------------------------------- at the edge of the numbers

EDGES = [0.0, -0.0, 1e-40, -745, -90, -30, -6, 6, 30, 90, 745, 1e30, math.inf, -math.inf, math.nan]
CURVES = {
    elementwise.Exp: torch.exp,
    elementwise.Log: torch.log,
    elementwise.Sqrt: torch.sqrt,
    elementwise.ReLU: torch.relu,
    elementwise.LeakyReLU: functional.leaky_relu,
    elementwise.Sigmoid: torch.sigmoid,
    elementwise.Tanh: torch.tanh,
    elementwise.GELU: functional.gelu,
    elementwise.SiLU: functional.silu,
    elementwise.Softplus: functional.softplus,
}


@pytest.mark.parametrize("precision", [np.float32, np.float64])
@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.__name__)
@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
def test_curves_are_explained_where_numbers_end(
    curve: type[elementwise.Curve], precision: type
) -> None:
    x = np.array(EDGES, precision)
    ours = curve()
    ours(x)
    theirs = curve().seen((x,), CURVES[curve](torch.from_numpy(x)).numpy())
    for op in (ours, theirs):
        wrong = [(EDGES[k], op.explain(k)) for k in range(len(x)) if not op.explain(k).agrees]
        assert wrong == []


@pytest.mark.parametrize("op", [Softmax, LogSoftmax])
@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
def test_shares_are_explained_where_scores_are_masked(op: type[Softmax]) -> None:
    x = np.array([[1, -np.inf, 3], [-np.inf] * 3, [1e4, -1e4, 0], [np.nan, 1, 2]], np.float32)
    twin = torch.softmax if op is Softmax else torch.log_softmax
    theirs = op().seen((x,), twin(torch.from_numpy(x), -1).numpy())
    assert all(theirs.explain(index).agrees for index in np.ndindex(x.shape))


def test_a_norm_far_from_zero_stays_within_its_bound() -> None:
    x = (np.random.default_rng(0).standard_normal((8, 4, 5)) + 1e4).astype(np.float32)
    learnt = np.ones(4, np.float32), np.zeros(4, np.float32)
    op = norms.GroupNorm(2)
    op(x, *learnt)
    assert all(op.explain(index).agrees for index in np.ndindex(x.shape))
