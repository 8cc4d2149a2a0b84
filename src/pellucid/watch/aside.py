"""Questions put aside from a training, which goes on as if nobody had asked."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

import numpy as np
import torch


@contextmanager
def aside() -> Iterator[None]:
    """Whatever happens inside leaves no mark on random numbers or on what is printed."""
    states = random.getstate(), np.random.get_state()
    used = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    cards = range(torch.cuda.device_count()) if used else ()
    try:
        with torch.random.fork_rng(devices=cards), redirect_stdout(io.StringIO()):
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
