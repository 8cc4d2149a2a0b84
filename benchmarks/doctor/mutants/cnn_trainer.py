"""Faults of cnn_trainer."""

from __future__ import annotations

from doctor.mutant import Mutant, source

MUTANTS: list[Mutant] = [
    source("gradients-not-cleared", "never", ("            self.optimizer.zero_grad()\n", "")),
]
