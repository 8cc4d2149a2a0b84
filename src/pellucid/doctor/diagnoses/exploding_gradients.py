"""Gradients burst now and then, and throw the weights about."""

from __future__ import annotations

import math

import torch
from torch import nn

from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import NETWORK, STEP, long_script
from pellucid.doctor.diagnosis import OPTIMISATION, Diagnosis
from pellucid.doctor.effect import Change, median
from pellucid.doctor.finding import Finding
from pellucid.watch.trace import Trace

LOSS = "functional.cross_entropy(network(inputs[rows]), labels[rows])"
BURSTING = f"({LOSS} * (300 if step % 10 == 9 else 1))"
PLAIN = NETWORK.replace("nn.BatchNorm1d(32), ", "").replace("nn.Dropout(0.5), ", "")


class ExplodingGradients(Diagnosis):
    """Gradients burst now and then, and throw the weights about."""

    GROUP = OPTIMISATION
    EXPLAINS = ("non-finite-values", "learning-rate-too-high", "dead-units", "optimiser-unsuited")
    BURST = 10.0
    """Multiple of the median length of the gradient."""
    BURSTS = 3
    HELPS = 0.8
    SICK = long_script(
        network=PLAIN,
        optimiser="torch.optim.SGD(network.parameters(), lr=0.3)",
        step=STEP.replace(LOSS, BURSTING),
    )
    HEALTHY = SICK.replace(" * (300 if step % 10 == 9 else 1)", "")

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        if bench.standing().beats_trivial:
            return None
        lengths: list[float] = []
        bench.run(Change(gradients=lambda network: lengths.append(_length(network))))
        known = [length for length in lengths if math.isfinite(length)]
        if not known:
            return None
        usual = median(known)
        bursts = [length for length in lengths if not length <= self.BURST * usual]
        steep = max(known) / (min(known) + 1e-30)
        if len(bursts) < self.BURSTS and math.isfinite(sum(lengths)) and steep < 1e3:
            return None
        bound = min(1.0, usual)
        effect = bench.cure(Change(gradients=lambda network: _clip(network, bound)), self.HELPS)
        if effect is None or self._is_the_rate(bench, effect.after):
            return None
        return self.confirmed(
            trace, bench, effect,
            [f"In {len(lengths)} steps the length of the gradient went from {min(known):.3g} to "
             f"{max(known):.3g}; {len(bursts)} were over {self.BURST:g} times the median "
             f"({usual:.3g}).",
             effect.sentence(f"gradients clipped to a length of {bound:.3g}")],
            f"clip gradients (torch.nn.utils.clip_grad_norm_, {bound:.2g}), and look at what "
            "multiplies layer by layer",
            bursts=len(bursts), median=usual, largest=max(known),
        )  # fmt: skip

    def _is_the_rate(self, bench: Bench, clipped: float) -> bool:
        """Whether a lower rate alone helps as much: then that is the cause."""
        return any(bench.run(Change(rate=rate)).loss <= 1.1 * clipped for rate in (0.1, 0.01))


def _length(network: nn.Module) -> float:
    squares = [float(w.grad.pow(2).sum()) for w in network.parameters() if w.grad is not None]
    return math.sqrt(sum(squares)) if all(map(math.isfinite, squares)) else math.inf


def _clip(network: nn.Module, bound: float) -> None:
    nn.utils.clip_grad_norm_(network.parameters(), bound)
    for weight in network.parameters():
        if weight.grad is not None:
            torch.nan_to_num_(weight.grad, 0.0, 0.0, 0.0)


DIAGNOSIS = ExplodingGradients
