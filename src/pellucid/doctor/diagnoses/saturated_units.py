"""Units stuck at the flat ends of a sigmoid or tanh."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import long_script
from pellucid.doctor.diagnosis import OPTIMISATION, Diagnosis, plural
from pellucid.doctor.effect import Change
from pellucid.doctor.finding import Finding
from pellucid.doctor.looks import SIGMOIDS, TANHS, Activation, activations, hidden
from pellucid.watch.trace import Trace

BODY = """\
class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(12, 32), nn.Linear(32, 32)
        self.last = nn.Linear(32, 3)

    def forward(self, x):
        x = torch.tanh({0} * self.first(x))
        return self.last(torch.tanh({0} * self.second(x)))


network = Network()"""


class SaturatedUnits(Diagnosis):
    """Units stuck at the flat ends of a sigmoid or tanh."""

    GROUP = OPTIMISATION
    EXPLAINS = ("learning-rate-too-low", "vanishing-gradients", "optimiser-unsuited")
    FLAT = 0.95
    """Share of the way to either end of the range."""
    SHARE = 0.6
    """Share of a layer's answers that lie there."""
    HELPS = 0.8
    SICK = long_script(network=BODY.format(200))
    HEALTHY = long_script(network=BODY.format(1))

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        network, batches = bench.first(), bench.judge.batches
        calls = [
            call
            for call in hidden(activations(network, batches), network, batches[0])
            if call.kind != "relu"
        ]
        worst = max(calls, key=self._flat, default=None)
        if worst is None or self._flat(worst) < self.SHARE:
            return None
        change = Change(
            calls={function: _standardised(function) for function in (*SIGMOIDS, *TANHS)},
            calls_most=len(calls),
        )
        effect = bench.cure(change, self.HELPS)
        if effect is None:
            return None
        return self.confirmed(
            trace, bench, effect,
            [f"{100 * self._flat(worst):.3g} % of the answers of the {worst.kind} number "
             f"{calls.index(worst) + 1} of a pass ({plural(len(worst.by_unit()), 'unit')}) lie "
             "within a twentieth of its ends, where it hardly has a slope.",
             effect.sentence("what goes into it standardised")],
            "begin with smaller weights, or put a norm before the activation",
            where=trace.passes[0].line, flat=self._flat(worst),
        )  # fmt: skip

    def _flat(self, call: Activation) -> float:
        way = call.answer.abs() if call.kind == "tanh" else (2 * call.answer - 1).abs()
        return float((way > self.FLAT).float().mean())


def _standardised(function: Callable[..., Any]) -> Callable[[Tensor], Tensor]:
    def changed(x: Tensor) -> Tensor:
        spread = functional.layer_norm(x, x.shape[1:])
        return torch.tanh(spread) if function in TANHS else torch.sigmoid(spread)

    return changed


DIAGNOSIS = SaturatedUnits
