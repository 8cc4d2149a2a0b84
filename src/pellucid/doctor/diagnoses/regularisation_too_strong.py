"""Dropout or weight decay keeps the network from learning."""

from __future__ import annotations

from torch import nn
from torch.optim import Optimizer

from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import NETWORK, long_script
from pellucid.doctor.diagnosis import OPTIMISATION, Diagnosis
from pellucid.doctor.effect import Change
from pellucid.doctor.finding import Finding
from pellucid.watch.trace import Trace


class RegularisationTooStrong(Diagnosis):
    """Dropout or weight decay keeps the network from learning."""

    GROUP = OPTIMISATION
    EXPLAINS = ("learning-rate-too-low", "stopped-too-early", "vanishing-gradients")
    HELPS = 0.7
    """The loss without it, dropout off in both, as a share of the loss with it."""
    SICK = long_script(network=NETWORK.replace("Dropout(0.5)", "Dropout(0.99)"))
    HEALTHY = long_script()

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        if bench.standing().beats_trivial:
            return None
        network, optimisers = bench.beginning()
        share = max(map(_dropped, network.modules()))
        groups = [group for optimiser in optimisers for group in optimiser.param_groups]
        decay = max(float(group.get("weight_decay", 0)) for group in groups)
        tries = []
        if share:
            tries.append((f"no dropout instead of {share:g}", Change(network=_keep_everything)))
        if decay:
            tries.append((f"no weight decay instead of {decay:g}", Change(optimiser=_no_decay)))
        for what, change in tries:
            effect = bench.cure(change, self.HELPS)
            if effect is not None:
                return self.confirmed(
                    trace, bench, effect, [effect.sentence(what)],
                    "make dropout or weight decay weaker, until the training loss falls",
                    dropout=share, weight_decay=decay,
                )  # fmt: skip
        return None


def _dropped(part: nn.Module) -> float:
    return float(part.p) if isinstance(part, nn.modules.dropout._DropoutNd) else 0.0


def _keep_everything(network: nn.Module) -> None:
    for part in network.modules():
        if isinstance(part, nn.modules.dropout._DropoutNd):
            part.p = 0.0


def _no_decay(network: nn.Module, optimiser: Optimizer) -> Optimizer:
    for group in optimiser.param_groups:
        group["weight_decay"] = 0
    return optimiser


DIAGNOSIS = RegularisationTooStrong
