"""Units that are silent on every input and get no gradient."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import long_script
from pellucid.doctor.diagnosis import OPTIMISATION, Diagnosis, plural
from pellucid.doctor.effect import Change, Effect
from pellucid.doctor.finding import Finding
from pellucid.doctor.looks import RELUS, Activation, activations, begin_anew
from pellucid.watch.trace import Trace

BODY = """\
class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(12, 32), nn.Linear(32, 3)

    def forward(self, x):
        return self.second(functional.relu(self.first(x) - {}))


network = Network()"""


class DeadUnits(Diagnosis):
    """Units that are silent on every input and get no gradient."""

    GROUP = OPTIMISATION
    EXPLAINS = (
        "learning-rate-too-low", "vanishing-gradients", "optimiser-unsuited", "stopped-too-early",
        "majority-answer", "bad-initialisation",
    )  # fmt: skip
    DEAD = 0.9
    """Share of a layer's units; up to 0.4 is usual in a network that learns."""
    HELPS = 0.9
    SICK = long_script(network=BODY.format(8))
    HEALTHY = long_script(network=BODY.format(0))

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        relus = [
            call for call in activations(bench.final(), bench.judge.batches) if call.kind == "relu"
        ]
        worst = max(relus, key=_dead, default=None)
        if worst is None or _dead(worst) < self.DEAD:
            return None
        tries = (
            ("leaky ReLUs", Change(calls=dict.fromkeys(RELUS, _leaky))),
            ("PyTorch's own start", Change(network=begin_anew)),
        )
        for what, change in tries:
            effect = bench.cure(change, self.HELPS)
            if effect is not None:
                return self._told(trace, bench, effect, what, worst, relus.index(worst) + 1)
        return None

    def _told(
        self, trace: Trace, bench: Bench, effect: Effect, what: str, worst: Activation, place: int
    ) -> Finding:
        units = len(worst.by_unit())
        rows = len(worst.answer)
        return self.confirmed(
            trace, bench, effect,
            [f"{round(_dead(worst) * units)} of {plural(units, 'unit')} of the ReLU number {place} "
             f"of a pass answer 0 to each of {plural(rows, 'example')}: no gradient reaches them.",
             effect.sentence(what)],
            "use leaky ReLUs, and look at the start of the weights and biases before this layer",
            where=trace.passes[0].line, units=units, dead=round(_dead(worst) * units),
        )  # fmt: skip


def _dead(call: Activation) -> float:
    return float((call.by_unit() <= 0).all(1).float().mean())


def _leaky(x: Tensor) -> Tensor:
    return functional.leaky_relu(x, 0.1)


DIAGNOSIS = DeadUnits
