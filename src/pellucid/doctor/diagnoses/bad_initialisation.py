"""Symmetric, zero or far too large or small weights at the start."""

from __future__ import annotations

from torch import Tensor

from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import NETWORK, long_script
from pellucid.doctor.diagnosis import OPTIMISATION, Diagnosis
from pellucid.doctor.effect import Change
from pellucid.doctor.finding import Finding
from pellucid.doctor.looks import begin_anew, layers
from pellucid.doctor.together import weights_of
from pellucid.watch.trace import Trace

SAME_WITHIN = 0.01
"""Of the largest weight; rounding pushes equal units apart a little."""
SAME = """
for layer in (network[0], network[3]):
    nn.init.constant_(layer.weight, 0.1)"""
PLAIN = NETWORK.replace("nn.Dropout(0.5), ", "")


class BadInitialisation(Diagnosis):
    """Symmetric, zero or far too large or small weights at the start."""

    GROUP = OPTIMISATION
    IN_GAMES = True
    EXPLAINS = (
        "dead-units", "saturated-units", "vanishing-gradients", "exploding-gradients",
        "learning-rate-too-low", "learning-rate-too-high", "optimiser-unsuited", "no-nonlinearity",
        "stopped-too-early", "regularisation-too-strong",
    )  # fmt: skip
    HELPS = 0.8
    SICK = long_script(network=PLAIN + SAME)
    HEALTHY = long_script(network=PLAIN)

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        return (
            self._never_left_zero(trace, bench)
            or self._symmetric(trace, bench)
            or self._badly_scaled(trace, bench)
        )

    def _never_left_zero(self, trace: Trace, bench: Bench) -> Finding | None:
        """Weights that are multiplied with each other, began as zeros and so never got a slope."""
        after = weights_of(bench.final())
        still = [
            name
            for name, weight in weights_of(bench.first()).items()
            if weight.ndim > 1 and weight.requires_grad and name in after
            if not weight.any() and not after[name].any()
        ]
        if not still:
            return None
        return self.proven(
            trace.passes[0].line,
            [f"Every number of {' and '.join(still[:3])} was 0 before the first step, and is 0 "
             f"after {len(trace.steps):,}: they are multiplied with what gives them no slope."],
            "draw the weights by chance, for instance by leaving PyTorch's own start",
            weights=still,
        )  # fmt: skip

    def _symmetric(self, trace: Trace, bench: Bench) -> Finding | None:
        """Units that were the same before the first step and are the same after the last."""
        first, last = bench.first(), bench.final()
        found = layers(first, bench, bench.batches[0])
        after = dict(last.named_modules())
        for layer in found[:-1]:
            weights = [getattr(m, "weight", None) for m in (layer.module, after.get(layer.name))]
            if all(_is_symmetric(weight) for weight in weights):
                units = len(weights[0])  # type: ignore[arg-type]
                return self.proven(
                    trace.passes[0].line,
                    [f"All {units} units of {layer.name} began with the same weights, got the same "
                     f"gradients, and are still the same after {len(trace.steps)} steps: they are "
                     "one unit."],
                    "draw the weights by chance, for instance by leaving PyTorch's own start",
                    layer=layer.name, units=units,
                )  # fmt: skip
        return None

    def _badly_scaled(self, trace: Trace, bench: Bench) -> Finding | None:
        standing = bench.standing()
        if standing.is_good:
            return None
        change = Change(network=begin_anew)
        effect = bench.cure(change, self.HELPS) or bench.late(change)
        if effect is None:
            return None
        return self.confirmed(
            trace, bench, effect,
            [f"The loss before the first step is {standing.first:.4g}"
             + (f"; the best answer that looks at no input has {standing.trivial:.4g}."
                if standing.trivial is not None else "."),
             effect.sentence("PyTorch's own start")],
            "leave the weights as PyTorch draws them, or load the right ones",
            loss_at_first=standing.first,
        )  # fmt: skip


def _is_symmetric(weight: Tensor | None) -> bool:
    """Whether every unit has the same incoming weights."""
    if weight is None or len(weight) < 2:
        return False
    flat = weight.detach().flatten(1)
    return bool((flat - flat[:1]).abs().max() <= SAME_WITHIN * flat.abs().max())


DIAGNOSIS = BadInitialisation
