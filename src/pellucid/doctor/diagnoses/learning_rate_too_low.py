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
    COST = 1
    IN_GAMES = True
    EXPLAINS = (
        "vanishing-gradients", "majority-answer", "optimiser-unsuited", "learning-rate-too-high",
    )  # fmt: skip
    LARGER = (10.0, 100.0, 1000.0, 10000.0)
    HELPS = 0.8
    """The loss with the larger rate, as a share of the loss without, in every repetition."""
    SICK = long_script(optimiser=OPTIMISER.format(1e-6))
    HEALTHY = long_script(optimiser=OPTIMISER.format(0.01))

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        tried = (self._tried(trace, bench, which) for which in bench.rated())
        return next((finding for finding in tried if finding is not None), None)

    def _tried(self, trace: Trace, bench: Bench, which: int | None) -> Finding | None:
        rate = bench.rate(which)
        if not rate or bench.standing().is_good:
            return None
        changes = [Change(rate=factor, of=which) for factor in self.LARGER]
        factor = self.LARGER[bench.best(changes)]
        effect = bench.cure(Change(rate=factor, of=which), self.HELPS)
        if effect is None:
            return None
        return self.confirmed(
            trace, bench, effect,
            [effect.sentence(f"a rate of {rate * factor:.3g} instead of {rate:.3g}")],
            f"set the learning rate to {rate * factor:.2g}", bench.line(which), rate=rate,
            tried=rate * factor,
        )  # fmt: skip


DIAGNOSIS = LearningRateTooLow
