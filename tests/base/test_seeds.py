"""Named seeds: the same everywhere, independent of each other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pellucid.base.seeds import named_seed


def test_the_seed_is_the_first_four_bytes_of_the_names_sha256() -> None:
    # printf '0/order/3' | sha256sum → 4b995853…
    # printf '7' | sha256sum → 7902699b…
    assert named_seed(0, "order", 3) == 0x4B995853
    assert named_seed(7) == 0x7902699B


def test_every_purpose_and_every_seed_draws_from_its_own_generator() -> None:
    seeds = {named_seed(seed, name) for seed in range(50) for name in ("order", "weights", "split")}
    assert len(seeds) == 150


@given(st.integers(0, 2**63 - 1), st.lists(st.one_of(st.text(), st.integers()), max_size=4))
def test_every_seed_fits_into_32_bits(seed: int, names: list[str | int]) -> None:
    assert 0 <= named_seed(seed, *names) < 2**32
