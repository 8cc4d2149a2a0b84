"""Gradients fade on their way back, so that the first layers hardly learn."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import long_script
from pellucid.doctor.diagnosis import OPTIMISATION, Diagnosis
from pellucid.doctor.effect import Change
from pellucid.doctor.finding import Finding
from pellucid.doctor.looks import RELUS, SIGMOIDS, TANHS, WEIGHTED, activations, hidden, layers
from pellucid.watch.trace import Trace

DEEP = """\
network = nn.Sequential(
    nn.Linear(12, 16), nn.{0}(),
    *(part for _ in range(7) for part in (nn.Linear(16, 16), nn.{0}())),
    nn.Linear(16, 3),
)"""


class VanishingGradients(Diagnosis):
    """Gradients fade on their way back, so that the first layers hardly learn."""

    GROUP = OPTIMISATION
    EXPLAINS = (
        "saturated-units", "learning-rate-too-low", "optimiser-unsuited", "stopped-too-early",
        "majority-answer",
    )  # fmt: skip
    RATIO = 1e-3
    """The first layer's gradient as a share of the last one's."""
    LAYERS = 4
    HELPS = 0.8
    FREED = 0.99
    """The same where the run is stuck at the trivial answer, as such networks are."""
    SICK = long_script(network=DEEP.format("Sigmoid"))
    HEALTHY = long_script(network=DEEP.format("ReLU").replace("range(7)", "range(1)"))

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        network, batch = bench.first(), bench.batches[0]
        found = layers(network, bench, batch)
        if len(found) < self.LAYERS or not found[-1].gradient:
            return None
        ratio = found[0].gradient / found[-1].gradient
        if ratio > self.RATIO:
            return None
        calls = hidden(activations(network, [batch]), network, batch)
        change = Change(
            network=_he, calls=dict.fromkeys((*SIGMOIDS, *TANHS, *RELUS), functional.relu),
            calls_most=len(calls),
        )  # fmt: skip
        effect = bench.cure(change, self.HELPS, freed=self.FREED)
        effect = effect or bench.sooner(change, self.HELPS) or bench.late(change)
        if effect is None:
            return None
        kinds = " and ".join(sorted({call.kind for call in calls}))
        return self.confirmed(
            trace, bench, effect,
            [f"Before the first step the gradient of {found[0].name} is {ratio:.2g} of that of "
             f"{found[-1].name}, {len(found) - 1} layers later, behind {kinds}.",
             effect.sentence("ReLU between the layers and weights drawn for it (He)")],
            "use ReLU between the layers, with weights drawn for it, norms or shortcuts",
            where=trace.passes[0].line, ratio=ratio, layers=len(found),
        )  # fmt: skip


def _he(network: nn.Module) -> None:
    torch.manual_seed(0)
    for part in network.modules():
        weight, shift = getattr(part, "weight", None), getattr(part, "bias", None)
        if isinstance(part, WEIGHTED) and isinstance(weight, Tensor):
            nn.init.kaiming_normal_(weight)
            if isinstance(shift, Tensor):
                nn.init.zeros_(shift)


DIAGNOSIS = VanishingGradients
