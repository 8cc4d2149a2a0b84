"""Another optimiser does far better at equal cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import nn
from torch.optim import Optimizer

from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import long_script
from pellucid.doctor.diagnosis import OPTIMISATION, Diagnosis
from pellucid.doctor.effect import Change
from pellucid.doctor.finding import SUGGESTION, Finding
from pellucid.watch.trace import Trace

UNEVEN = """\
class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(12, 32), nn.Linear(32, 3)

    def forward(self, x):
        return 20 * self.second(functional.relu(self.first(x)) / 400)


network = Network()"""


class OptimiserUnsuited(Diagnosis):
    """Another optimiser does far better at equal cost."""

    GROUP = OPTIMISATION
    COST = 1
    HURTS_LEARNING = False
    RATES = (0.003, 0.03)
    OWN = (3.0, 10.0, 100.0)
    """Multiples of the script's own rate that are tried first: it may only be that."""
    HELPS = 0.5
    SICK = long_script(network=UNEVEN, optimiser="torch.optim.SGD(network.parameters(), lr=0.004)")
    HEALTHY = long_script(network=UNEVEN)

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        kind = trace.optimisers[0]
        if bench.standing().beats_trivial or kind in ("Adam", "AdamW", "NAdam", "RAdam"):
            return None
        changes = [Change(optimiser=_adam(rate)) for rate in self.RATES]
        best = bench.best(changes)
        effect = bench.cure(changes[best], self.HELPS)
        if effect is None:
            return None
        own = min(bench.run(Change(rate=factor)).loss for factor in self.OWN)
        if effect.after > self.HELPS * own:
            return None
        found = self.confirmed(
            trace, bench, effect,
            [effect.sentence(f"Adam at {self.RATES[best]:g} instead of {kind}"),
             f"{kind} itself comes to {own:.4g} at the best of {len(self.OWN)} larger rates."],
            f"try Adam with a learning rate of {self.RATES[best]:g}", optimiser=kind,
        )  # fmt: skip
        return replace(found, kind=SUGGESTION)


def _adam(rate: float) -> Callable[[nn.Module, Optimizer], Optimizer]:
    def chosen(network: nn.Module, optimiser: Optimizer) -> Optimizer:
        weights = [weight for group in optimiser.param_groups for weight in group["params"]]
        return torch.optim.Adam(weights, lr=rate)

    return chosen


DIAGNOSIS = OptimiserUnsuited
