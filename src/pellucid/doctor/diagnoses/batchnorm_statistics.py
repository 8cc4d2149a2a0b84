"""The batch is too small for batch norm, or the running statistics are unusable."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import torch
from torch import nn

from pellucid.doctor.bench import Bench
from pellucid.doctor.cases import NETWORK, script
from pellucid.doctor.diagnosis import OPTIMISATION, Diagnosis, last_step, plural
from pellucid.doctor.effect import Change
from pellucid.doctor.finding import CONFIRMED, Finding
from pellucid.doctor.judged import is_mixed
from pellucid.watch.recorder import tensors_in
from pellucid.watch.trace import Trace

CAME_WITH = ("bad-initialisation", "dead-units", "learning-rate-too-high", "frozen-by-mistake")
"""What wrong statistics look like that came with loaded weights."""
STALE = NETWORK.replace("nn.BatchNorm1d(32)", "nn.BatchNorm1d(32, momentum={})").replace(
    "nn.Linear(12, 32)", "nn.Linear(12, 32), nn.ReLU()"
)


class BatchnormStatistics(Diagnosis):
    """The batch is too small for batch norm, or the running statistics are unusable."""

    GROUP = OPTIMISATION
    HURTS_LEARNING = False
    HELPS = 0.8
    """The loss with fitting statistics, as a share of the loss without."""
    WORSE = 1.5
    """Loss with the kept statistics, as a multiple of the loss with the batch's own."""
    POINTS = 0.03
    PASSES = 2
    SICK = script(network=STALE.format(0.0005)).replace("train(30)", "train(200)")
    HEALTHY = script(network=STALE.format(0.1)).replace("train(30)", "train(200)")

    def probe(self, trace: Trace, bench: Bench) -> Finding | None:
        return self._came_wrong(trace, bench) or self._went_stale(bench, trace)

    def _came_wrong(self, trace: Trace, bench: Bench) -> Finding | None:
        """Norms that are frozen in eval mode, with statistics that do not fit, as loaded ones."""
        first = bench.first()
        frozen = [part for part in first.modules() if _keeps(part) and not part.training]
        if not frozen or not bench.batches[0].training or not is_mixed(first):
            return None
        effect = bench.cure(Change(network=partial(self._fit, bench)), self.HELPS)
        if effect is None:
            return None
        found = self.confirmed(
            trace, bench, effect,
            [f"{plural(len(frozen), 'batch norm')} used kept statistics while training.",
             effect.sentence("their statistics estimated on training batches")],
            "load the statistics that belong to the weights, or let the norms estimate them "
            "(train mode) before they are frozen", norms=len(frozen),
        )  # fmt: skip
        return replace(found, explains=CAME_WITH)

    def _fit(self, bench: Bench, network: nn.Module) -> None:
        modes = {part: part.training for part in network.modules()}
        self._estimate(bench, network, [part for part in network.modules() if _keeps(part)])
        for part, mode in modes.items():
            part.training = mode

    def _went_stale(self, bench: Bench, trace: Trace) -> Finding | None:
        network = bench.final()
        norms = [part for part in network.modules() if _keeps(part)]
        if not norms or not bench.batches[0].training:
            return None
        own, own_right = bench.judge(network)
        kept, kept_right = bench.judge_as_in_evaluation(network)
        if not kept > self.WORSE * own or not self._matters(own_right, kept_right, kept, bench):
            return None
        self._estimate(bench, network, norms)
        anew, anew_right = bench.judge_as_in_evaluation(network)
        if anew > kept / self.WORSE:
            return None
        sizes = sorted({batch.size for batch in bench.batches})
        shares = ""
        if kept_right is not None and anew_right is not None:
            shares = f", {100 * anew_right:.3g} % right instead of {100 * kept_right:.3g} %"
        return Finding(
            self.name(), CONFIRMED, last_step(trace),
            (f"On training batches (size {sizes[0]}), dropout off: loss {own:.4g} with each "
             f"batch's own statistics, {kept:.4g} with the kept ones, as in eval mode.",
             f"With statistics estimated again on the same batches, in eval mode: {anew:.4g}"
             f"{shares}."),
            "estimate the statistics again after training, raise their momentum or the batch "
            "size, or use group norm",
            {"own": own, "kept": kept, "anew": anew}, self.EXPLAINS,
            effect=anew / kept if math.isfinite(kept) else 0.0,
        )  # fmt: skip

    def _matters(
        self, own_right: float | None, kept_right: float | None, kept: float, bench: Bench
    ) -> bool:
        """A doubled loss near 0 is nothing; answers that turn wrong are, or a loss that is lost."""
        if own_right is not None and kept_right is not None:
            return own_right - kept_right >= self.POINTS
        bound = bench.standing().trivial
        return bound is None or kept > 0.2 * bound

    def _estimate(self, bench: Bench, network: nn.Module, norms: list[nn.Module]) -> None:
        network.eval()
        for part in norms:
            part.reset_running_stats()  # type: ignore[operator]
            part.momentum = None  # type: ignore[assignment]
            part.train()
        with torch.no_grad():
            for batch in bench.judge.batches * self.PASSES:
                list(tensors_in(network(*batch.given, **batch.named)))


def _keeps(part: nn.Module) -> bool:
    return isinstance(part, nn.modules.batchnorm._BatchNorm) and part.track_running_stats


DIAGNOSIS = BatchnormStatistics
