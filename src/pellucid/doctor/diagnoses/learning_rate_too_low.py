"""The learning rate is too low to get anywhere in these steps."""

from __future__ import annotations

from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import long_script
from pellucid.doctor.diagnosis import OPTIMISATION, Diagnosis
from pellucid.doctor.effect import Change
from pellucid.doctor.finding import Finding
from pellucid.watch.trace import Trace

OPTIMISER = "torch.optim.Adam(network.parameters(), lr={})"


class LearningRateTooLow(Diagnosis):
    """The learning rate is too low to get anywhere in these steps."""

    GROUP = OPTIMISATION
    EXPLAINS = ("vanishing-gradients", "majority-answer", "optimiser-unsuited")
    LARGER = (10.0, 100.0, 1000.0, 10000.0)
    HELPS = 0.8
    """The loss with the larger rate, as a share of the loss without, in every repetition."""
    SICK = long_script(optimiser=OPTIMISER.format(1e-6))
    HEALTHY = long_script(optimiser=OPTIMISER.format(0.01))

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        rate = bench.rate()
        if not rate or bench.standing().is_good:
            return None
        factor = self.LARGER[bench.best([Change(rate=factor) for factor in self.LARGER])]
        effect = bench.cure(Change(rate=factor), self.HELPS)
        if effect is None:
            return None
        return self.confirmed(
            trace, bench, effect,
            [effect.sentence(f"a rate of {rate * factor:.3g} instead of {rate:.3g}")],
            f"set the learning rate to {rate * factor:.2g}", rate=rate, tried=rate * factor,
        )  # fmt: skip


DIAGNOSIS = LearningRateTooLow
