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

ENOUGH = 100
"""Weights of a layer from which on one sees how they lie."""
NEAR, NEAR_BOUND = 0.2, 0.95
"""How far their mean square may lie from an even draw's, as a share, and the largest below its
bound."""
FREEZE = "\nfor name, weight in network.named_parameters():\n    weight.requires_grad = {}"


class FrozenByMistake(Diagnosis):
    """What should learn has requires_grad off."""

    GROUP = PROCEDURE
    EXPLAINS = ("learning-rate-too-low", "vanishing-gradients", "optimiser-unsuited",
                "stopped-too-early", "graph-cut")  # fmt: skip
    HELPS = 0.8
    """The loss with everything trainable, as a share of the loss without."""
    HELPS_SOONER = 0.9
    """The same after as many steps, where the frozen weights have never learnt anything."""
    SICK = script(network=NETWORK + FREEZE.format('name.startswith("1")'))
    HEALTHY = script(network=NETWORK + FREEZE.format('not name.startswith("1")'))

    def find(self, trace: Trace) -> Finding | None:
        crash = trace.crash
        if crash is not None and "empty parameter list" in crash.text and crash.networks:
            kind, total, learning = crash.networks[0]
            if total and not learning:
                return self.proven(
                    crash.line,
                    [f"None of the {total:,} parameters of {kind} asks for a gradient, so the "
                     f"optimiser got nothing to learn: {crash.text}."],
                    "set requires_grad to True for what should learn, the last layer at least",
                    parameters=total,
                )  # fmt: skip
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
        drawn = _as_drawn(network, frozen)
        change = Change(network=_thaw, optimiser=_hold)
        effect = bench.cure(change, self.HELPS) or bench.late(change)
        if effect is None and drawn:
            effect = bench.sooner(change, self.HELPS_SOONER)
        if effect is None:
            return None
        shown = ", ".join(frozen[:4]) + (" …" if len(frozen) > 4 else "")
        total = len(list(network.parameters()))
        found = self.confirmed(
            trace, bench, effect,
            [f"{plural(len(frozen), 'parameter tensor')} of {total} ask for no gradient: {shown}.",
             *[f"They lie as PyTorch draws weights: nothing was learnt in them ({drawn})."] * bool(
                 drawn),
             effect.sentence("all of them trained")],
            "set requires_grad to True again, after the lines that freeze", frozen=frozen,
        )  # fmt: skip
        # what was learnt before is frozen on purpose, where the run learns
        return found if found.kind == FAULT or drawn else None


def _as_drawn(network: nn.Module, frozen: list[str]) -> str:
    """How the frozen weights of layers lie, if all lie as PyTorch draws them: evenly between
    plus and minus one through the root of a unit's inputs (`torch.nn.init.kaiming_uniform_`)."""
    weights = dict(network.named_parameters())
    matrices = [(name, weights[name]) for name in frozen if weights[name].ndim > 1]
    for _, weight in matrices:
        bound = weight[0].numel() ** -0.5
        size = float(weight.pow(2).mean()) / (bound**2 / 3)
        if weight.numel() < ENOUGH or abs(size - 1) > NEAR:
            return ""
        if not NEAR_BOUND * bound < float(weight.abs().max()) <= bound * (1 + 1e-5):
            return ""
    if not matrices:
        return ""
    name, weight = matrices[0]
    return f"{name} evenly between ±{weight[0].numel() ** -0.5:.4g}"


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
