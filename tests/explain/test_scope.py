"""The scope in small: the architectures that the results page is about, on few numbers."""

from __future__ import annotations

import pytest
import scope
from scope_networks import SUBJECTS


@pytest.mark.parametrize("name", SUBJECTS)
def test_at_least_99_of_100_numbers_are_explained_and_all_of_them_agree(name: str) -> None:
    found = scope.measure(name, 100, small=True)
    assert found["explained"] >= 99, found["not_covered"]
    assert found["agree"] == found["explained"], found["disagreeing"]
