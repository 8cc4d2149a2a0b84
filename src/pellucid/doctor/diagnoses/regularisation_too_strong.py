"""Dropout or weight decay keeps the network from learning."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import NETWORK, long_script
from pellucid.doctor.diagnosis import OPTIMISATION, Diagnosis
from pellucid.doctor.effect import Change
from pellucid.doctor.finding import Finding
from pellucid.watch.replay import DROPOUTS
from pellucid.watch.trace import Trace


class RegularisationTooStrong(Diagnosis):
    """Dropout or weight decay keeps the network from learning."""

    GROUP = OPTIMISATION
    EXPLAINS = ("learning-rate-too-low", "stopped-too-early", "vanishing-gradients")
    HELPS = 0.7
    """The loss without it, dropout off in both, as a share of the loss with it."""
    STRONG, SOONER = 0.6, 0.6
    """Share of dropout from which on it is told, as a suggestion, that as many steps without it
    come to this share of the loss."""
    SICK = long_script(network=NETWORK.replace("Dropout(0.5)", "Dropout(0.99)"))
    HEALTHY = long_script()

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        if bench.standing().is_good:
            return None
        network, optimisers = bench.beginning()
        model = bench.captured.model
        share = max(trace.models[model].share, *map(_dropped, network.modules()))
        groups = [group for optimiser in optimisers for group in optimiser.param_groups]
        decay = max(float(group.get("weight_decay", 0)) for group in groups)
        tries = []
        if share:
            dropouts = [getattr(functional, name) for name in DROPOUTS]
            change = Change(network=_attend_to_all, calls=dict.fromkeys(dropouts, _itself))
            tries.append((f"no dropout instead of {share:g}", change))
        if decay:
            tries.append((f"no weight decay instead of {decay:g}", Change(optimiser=_no_decay)))
        for what, change in tries:
            effect = bench.cure(change, self.HELPS)
            if effect is None and share >= self.STRONG and change.calls:
                effect = bench.sooner(change, self.SOONER)
            if effect is not None:
                return self.confirmed(
                    trace, bench, effect, [effect.sentence(what)],
                    "make dropout or weight decay weaker, until the training loss falls",
                    dropout=share, weight_decay=decay,
                )  # fmt: skip
        return None


def _dropped(part: nn.Module) -> float:
    return float(part.p) if isinstance(part, nn.modules.dropout._DropoutNd) else 0.0


def _attend_to_all(network: nn.Module) -> None:
    """Attention drops inside its own function."""
    for part in network.modules():
        if isinstance(part, nn.MultiheadAttention):
            part.dropout = 0.0


def _itself(x: Tensor) -> Tensor:
    return x


def _no_decay(network: nn.Module, optimiser: Optimizer) -> Optimizer:
    for group in optimiser.param_groups:
        group["weight_decay"] = 0
    return optimiser


DIAGNOSIS = RegularisationTooStrong
