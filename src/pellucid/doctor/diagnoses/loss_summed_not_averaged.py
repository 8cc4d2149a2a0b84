"""The loss grows with the batch, and with it every step."""

from __future__ import annotations

import torch

from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import STEP, script
from pellucid.doctor.diagnosis import OUTPUT, Diagnosis
from pellucid.doctor.effect import Change
from pellucid.doctor.finding import Finding
from pellucid.doctor.together import weights_of
from pellucid.watch.recorder import tensors_in
from pellucid.watch.trace import Trace

INDIFFERENT = (
    "Adam", "AdamW", "NAdam", "RAdam", "Adamax", "RMSprop", "Adagrad", "Adadelta", "Rprop",
)  # fmt: skip
"""Optimisers whose steps are as long, whatever the gradients are multiplied with."""


class LossSummedNotAveraged(Diagnosis):
    """The loss grows with the batch, and with it every step."""

    GROUP = OUTPUT
    EXPLAINS = ("learning-rate-too-high", "exploding-gradients", "non-finite-values", "dead-units")
    TWICE = (1.98, 2.02)
    HELPS = 0.8
    SICK = script(
        optimiser="torch.optim.SGD(network.parameters(), lr=0.2, momentum=0.9)",
        step=STEP.replace("labels[rows])", "labels[rows], reduction='sum')"),
    )
    HEALTHY = SICK.replace(", reduction='sum'", "")

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        if trace.crash is not None:
            return None  # any smaller step would have kept it from ending so
        if type(bench.subject.optimisers[0]).__name__ in INDIFFERENT:
            return None  # a sum and a mean lead to the same steps
        times = self._growth(bench)
        if not self.TWICE[0] <= times <= self.TWICE[1] or bench.standing().beats_trivial:
            return None
        size = bench.batches[0].size
        effect = bench.cure(Change(rate=1 / size), self.HELPS)
        if effect is None:
            return None
        return self.confirmed(
            trace, bench, effect,
            [f"The same batch of {size} twice over has {times:.3g} times the loss: it is a sum.",
             effect.sentence("the mean over the batch")],
            "use the mean over the batch (reduction='mean')", growth=times,
        )  # fmt: skip

    @staticmethod
    def _growth(bench: Bench) -> float:
        """The loss of a batch twice over, as a multiple of its loss once. NaN if unknown."""
        batch = bench.batches[0]
        network = bench.first().eval()
        assert batch.tail is not None
        with torch.no_grad():
            answers = list(tensors_in(network(*batch.given, **batch.named)))
            if any(not answer.ndim or len(answer) != batch.size for answer in answers):
                return float("nan")
            weights = weights_of(network)

            def twice(tensor: torch.Tensor) -> torch.Tensor:
                has_rows = tensor.ndim and len(tensor) == batch.size
                return torch.cat([tensor, tensor]) if has_rows else tensor

            try:
                once = float(batch.tail.again(answers, weights)[0].sum())
                both = float(batch.tail.again([twice(a) for a in answers], weights, twice)[0].sum())
            except Exception:
                return float("nan")  # a loss that counts on the size of the batch
        return both / once if once else float("nan")


DIAGNOSIS = LossSummedNotAveraged
