"""What should learn has requires_grad off."""

from __future__ import annotations

from torch import nn
from torch.optim import Optimizer

from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import NETWORK, script
from pellucid.doctor.diagnosis import PROCEDURE, Diagnosis, plural
from pellucid.doctor.effect import Change
from pellucid.doctor.finding import FAULT, Finding
from pellucid.watch.trace import Trace

FREEZE = "\nfor name, weight in network.named_parameters():\n    weight.requires_grad = {}"


class FrozenByMistake(Diagnosis):
    """What should learn has requires_grad off."""

    GROUP = PROCEDURE
    EXPLAINS = ("learning-rate-too-low", "vanishing-gradients", "optimiser-unsuited",
                "stopped-too-early", "graph-cut")  # fmt: skip
    HELPS = 0.8
    """The loss with everything trainable, as a share of the loss without."""
    SICK = script(network=NETWORK + FREEZE.format('name.startswith("1")'))
    HEALTHY = script(network=NETWORK + FREEZE.format('not name.startswith("1")'))

    def find(self, trace: Trace) -> Finding | None:
        crash = trace.crash
        if crash is None or "does not require grad" not in crash.text or not trace.models:
            return None
        if any(model.trainable for model in trace.models):
            return None
        total = sum(model.parameters for model in trace.models)
        return self.proven(
            crash.line,
            [f"None of the {total:,} parameters asks for a gradient, so there is nothing to learn: "
             f"{crash.text}"],
            "set requires_grad to True for what should learn, the last layer at least",
            parameters=total,
        )  # fmt: skip

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        network = bench.first()
        frozen = [name for name, w in network.named_parameters() if not w.requires_grad]
        if not frozen or len(bench.subject.optimisers) > 1:
            return None
        effect = bench.cure(Change(network=_thaw, optimiser=_hold), self.HELPS)
        if effect is None:
            return None
        shown = ", ".join(frozen[:4]) + (" …" if len(frozen) > 4 else "")
        total = len(list(network.parameters()))
        found = self.confirmed(
            trace, bench, effect,
            [f"{plural(len(frozen), 'parameter tensor')} of {total} ask for no gradient: {shown}.",
             effect.sentence("all of them trained")],
            "set requires_grad to True again, after the lines that freeze", frozen=frozen,
        )  # fmt: skip
        return found if found.kind == FAULT else None  # where it learns, it is frozen on purpose


def _thaw(network: nn.Module) -> None:
    network.requires_grad_(True)


def _hold(network: nn.Module, optimiser: Optimizer) -> Optimizer:
    """The same optimiser, with the parameters that it did not hold."""
    held = {id(weight) for group in optimiser.param_groups for weight in group["params"]}
    missing = [weight for weight in network.parameters() if id(weight) not in held]
    if missing:
        optimiser.add_param_group({"params": missing})
    return optimiser


DIAGNOSIS = FrozenByMistake
