"""What the tests of training share: a tiny data set."""

from __future__ import annotations

import pytest

from made import bars
from pellucid.data.dataset import Dataset


@pytest.fixture
def dataset() -> Dataset:
    """Three classes of bars, 96 + 32 + 32 pictures of 8 × 8 pixels."""
    return bars()
