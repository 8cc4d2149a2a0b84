"""Faults of house_regression."""

from __future__ import annotations

from doctor.mutant import Mutant, source

MUTANTS: list[Mutant] = [
    source("gradients-not-cleared", "never", ("            optimizer.zero_grad()\n", "")),
]
