"""The learning rate is too high for this loss."""

from __future__ import annotations

import math
from typing import Any

from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import long_script
from pellucid.doctor.curvature import sharpness
from pellucid.doctor.diagnosis import OPTIMISATION, Diagnosis
from pellucid.doctor.effect import Change
from pellucid.doctor.finding import Finding
from pellucid.watch.trace import Trace

OPTIMISER = "torch.optim.SGD(network.parameters(), lr={})"


class LearningRateTooHigh(Diagnosis):
    """The learning rate is too high for this loss."""

    GROUP = OPTIMISATION
    COST = 1
    IN_GAMES = True
    EXPLAINS = (
        "non-finite-values", "exploding-gradients", "dead-units", "saturated-units",
        "batchnorm-statistics", "stopped-too-early", "majority-answer", "optimiser-unsuited",
        "learning-rate-too-low",
    )  # fmt: skip
    SMALLER = (1 / 3, 1 / 10, 1 / 100, 1 / 1000)
    HELPS = 0.8
    """The loss with the smaller rate, as a share of the loss without, in every repetition."""
    SOONER = 0.5
    """The same where the whole run comes as far: then it is a suggestion."""
    SICK = long_script(optimiser=OPTIMISER.format(300.0))
    HEALTHY = long_script(optimiser=OPTIMISER.format(0.3))

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        tried = (self._tried(trace, bench, which) for which in bench.rated())
        return next((finding for finding in tried if finding is not None), None)

    def _tried(self, trace: Trace, bench: Bench, which: int | None) -> Finding | None:
        rate = bench.rate(which)
        if not rate or bench.standing().is_good:
            return None
        changes = [Change(rate=factor, of=which) for factor in self.SMALLER]
        factor = self.SMALLER[bench.best(changes)]
        change = Change(rate=factor, of=which)
        effect = bench.cure(change, self.HELPS) or bench.late(change)
        effect = effect or bench.sooner(change, self.SOONER)
        if effect is None:
            return None
        evidence = [effect.sentence(f"a rate of {rate * factor:.3g} instead of {rate:.3g}")]
        curvature = sharpness(bench) if which is None else math.nan
        numbers: dict[str, Any] = {"rate": rate, "tried": rate * factor}
        if math.isfinite(curvature) and bench.is_plain_descent():
            evidence.append(
                f"The loss's largest curvature at the start is {curvature:.3g}: plain descent is "
                f"stable below a rate of 2 / {curvature:.3g} = {2 / curvature:.3g}."
            )
            numbers["sharpness"] = curvature
        return self.confirmed(
            trace, bench, effect, evidence, f"set the learning rate to {rate * factor:.2g}",
            bench.line(which), **numbers,
        )  # fmt: skip


DIAGNOSIS = LearningRateTooHigh
