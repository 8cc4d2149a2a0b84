"""The laws of a rule: whatever stands in `explain/rules/` is held to all of them.

The cases are small calls of PyTorch that between them meet every rule. What a rule says must add up
to what PyTorch computed, within a bound that is tight; what it names must be there to be asked.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

import explain_cases
from explain_cases import Network, inputs_of, squares
from pellucid.base.errors import WrongUse
from pellucid.explain import book
from pellucid.explain.explained import Explained, NotCovered
from pellucid.explain.foreach import PREFIX
from pellucid.explain.record import record
from pellucid.explain.recorded import EMPTY, Recorded
from pellucid.scratch.arrays import Index
from pellucid.scratch.explanation import Terms
from pellucid.watch.kept import Kept
from pellucid.watch.record import RecordingStopped

CASES = explain_cases.every_case()
DTYPES = {torch.float32: 3, torch.float64: 2, torch.bfloat16: 2}
"""How many numbers of each result are asked for, by precision."""
UNCOVERED = {
    "_ctc_loss", "_ctc_loss_backward", "_fft_c2c", "_fft_r2c", "_upsample_bilinear2d_aa",
    "_upsample_bilinear2d_aa_backward", "affine_grid_generator", "grid_sampler_2d",
    "grid_sampler_2d_backward", "lgamma", "digamma", "multilabel_margin_loss_forward",
    "multilabel_margin_loss_backward", "rrelu_with_noise", "rrelu_with_noise_backward",
    "view_as_complex", "view_as_real", "_transformer_encoder_layer_fwd",
    "_native_multi_head_attention",
}  # fmt: skip
"""Calls that the cases make and no rule writes out."""
NOTES = {
    "mkldnn_rnn_layer",
    "_embedding_bag",
    "_embedding_bag_forward_only",
    "_pack_padded_sequence",
}
"""Calls one of whose results is only for the kernel's own way back."""


def recorded(name: str, dtype: torch.dtype) -> Recorded:
    """A case with its way back; skipped where PyTorch has no such call in this precision."""
    case = CASES[name]
    torch.manual_seed(5)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return record(Network(case, dtype), *inputs_of(case, dtype), loss=squares)
    except RecordingStopped as stop:
        # A linear algebra or Fourier transform that PyTorch does not have in 16 bits.
        words = ("not implemented for", "Unsupported dtype", "only supported for", "not supported")
        if dtype is torch.bfloat16 and any(word in str(stop) for word in words):
            pytest.skip(f"PyTorch: {str(stop.recording.stopped.error).splitlines()[0]}")
        raise


def some(recording: Recorded, count: int) -> Iterator[tuple[Kept, Index]]:
    """`count` numbers of every result, or all of them where there are fewer."""
    chance = np.random.default_rng(0)
    for call in recording.calls:
        for _, kept in call.results():
            total = kept.numel()
            chosen = range(total) if total <= count else chance.choice(total, count, replace=False)
            for place in chosen:
                at = np.unravel_index(int(place), kept.shape) if kept.shape else ()
                yield kept, tuple(map(int, at))


def short(call: str) -> str:
    return book.short_name(call).removeprefix(PREFIX)


def law(recording: Recorded, kept: Kept, index: Index) -> None:
    """What must hold for one number, whatever it is."""
    told = recording.explain(kept, index)
    if isinstance(told, NotCovered):
        refused = short(told.call) in UNCOVERED | NOTES | EMPTY or "complex" in told.reason
        assert refused, str(told)
        return
    assert told.agrees, f"{told}\n{told.where}"
    for count in (0, 1, 3):
        assert told.top(count).agrees, f"with {count} terms: {told}"
    _holds_sources(recording, told)
    if kept.dtype is torch.float64:
        _holds_tight(told)


def _holds_sources(recording: Recorded, told: Explained) -> None:
    for term in told.terms[:4]:
        if any(source.input.startswith("a tensor") for source in term.source):
            continue  # made in the middle of a module without a name: nothing to ask
        numbers = [recording.at(*source) for source in term.source]
        if any(number.kept.dtype.is_complex for number in numbers):
            continue
        values = [number.value for number in numbers]
        if values and term.label == " · ".join(map(str, term.source)):  # nothing but their product
            expected = pytest.approx(math.prod(values), rel=1e-12, nan_ok=True)
            assert term.value == expected, f"{term} in {told}"


def _holds_tight(told: Explained) -> None:
    total = sum(abs(term.value) for term in told.terms)
    if math.isfinite(total):
        assert told.bound <= 1e-9 * (total + 1e-3), f"bound {told.bound} for {told}"


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", CASES)
def test_numbers_of_a_case_are_explained_and_agree(name: str, dtype: torch.dtype) -> None:
    recording = recorded(name, dtype)
    _hold(recording, some(recording, DTYPES[dtype]))


def _hold(recording: Recorded, numbers: Iterable[tuple[Kept, Index]]) -> None:
    for kept, index in numbers:
        law(recording, kept, index)


def test_every_rule_is_met_by_the_case_that_is_there_for_it() -> None:
    met: set[str] = set()
    for name, case in CASES.items():
        own = {short(call.name) for call in recorded(name, torch.float32).calls}
        wanted = {word for word in (name, *case.meets) if word in book.book()}
        assert wanted <= own, f"{name} does not meet {wanted - own}"
        met |= own
    fused = {name for name in book.book() if name.startswith("_fused_")}
    assert set(book.book()) - met - fused == set()  # the fused optimisers have their own tests


def test_every_number_of_a_small_convolution_is_explained() -> None:
    recording = recorded("convolution with strides", torch.float32)
    _hold(recording, some(recording, 10**9))


def _planted(change: str) -> book.Rule:
    true = book.book()["mm"]

    def rule(r):  # type: ignore[no-untyped-def]
        told = true(r)
        terms = told.terms
        values, sizes = terms.values.copy(), terms.sizes.copy()

        def describe(k: int):  # type: ignore[no-untyped-def]
            label, source = terms[k].label, terms[k].source
            if change == "source":
                source = tuple(place._replace(at=place.at[::-1]) for place in source)
            return label, source

        if change == "term":
            values[0] *= 1.01
        if change == "index":
            values = np.roll(values, 1) * 2
        if change == "bound":
            sizes *= 1e9
        if change == "missing":
            values, sizes = values[1:], sizes[1:]
        return replace(told, terms=Terms(values, describe, sizes))

    return rule


@pytest.mark.parametrize("change", ["term", "index", "bound", "missing", "source"])
def test_a_planted_fault_is_found(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = recorded("mm", torch.float64)
    everything = list(some(recording, 10**9))
    _hold(recording, everything)
    monkeypatch.setitem(book.book(), "mm", _planted(change))
    with pytest.raises((AssertionError, WrongUse)):
        _hold(recording, everything)
